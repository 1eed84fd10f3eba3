"""Parameters: described, constrained, grouped, and read by the functions."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest
from stack_template import FUNCTIONS, ROOT, template, texts

from guardrail.errors import SettingsError
from guardrail.settings import Settings

PARAMETERS: dict[str, dict[str, Any]] = dict(template().source["Parameters"])
NOT_FOR_FUNCTIONS = {
    "SweepSchedule",
    "SweepWindowMinutes",
    "LogRetentionDays",
    "NotificationEmail",
    "Alarms",
}
"""What resources of the stack use and the functions need not know."""

GOOD = {
    "OrganizationId": ["", "o-abc1234567", "o-" + "a" * 32],
    "ExemptionTag": ["", "guardrail-exempt", "team/exempt:endpoint"],
    "SubnetTag": ["", "endpoints", "tier=private", "kubernetes.io/role/internal-elb="],
    "ClientCidrs": ["", "10.0.0.0/8", "fd00::/8"],
    "Services": ["states", "sync-states"],
    "NotificationTopic": [
        "",
        "arn:aws:sns:eu-west-1:111122223333:alerts",
        "arn:aws-cn:sns:cn-north-1:111122223333:a-b_c",
    ],
    "NotificationEmail": ["", "team@example.com", "a.b+c@mail.example.org"],
    "SweepSchedule": ["rate(1 hour)", "rate(30 minutes)", "rate(2 days)", "cron(0 3 * * ? *)"],
}
BAD = {
    "OrganizationId": ["o-ABC1234567", "o-short", "111122223333", 'o-abc1234567","*'],
    "ExemptionTag": ["a" * 129, 'tag"', "tag\n"],
    "SubnetTag": ["=private", "a" * 129, "tier;private"],
    "ClientCidrs": ["10.0.0.0", "anywhere", "10.0.0.0/8 "],
    "Services": ["", "s3", "states;sync-states"],
    "NotificationTopic": [
        "alerts",
        "arn:aws:sns:eu-west-1:1:alerts",
        "arn:aws:sqs:x:111122223333:q",
    ],
    "NotificationEmail": ["team", "team@", "a b@example.com", "a@b@example.com"],
    "SweepSchedule": ["", "hourly", "rate(0 hours)", "rate(1 week)", "cron()", "at(2027-01-01)"],
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_described_and_constrained(name: str) -> None:
    """A description, a constraint, what the constraint wants in words, and a default."""
    parameter = PARAMETERS[name]
    assert len(parameter["Description"]) > 20
    assert len(parameter["ConstraintDescription"]) > 5
    assert {"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter)
    assert "Default" in parameter


def test_every_parameter_is_grouped_and_labelled_once() -> None:
    """The console shows every parameter in a group, under a label."""
    interface = template().source["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(PARAMETERS) == sorted(interface["ParameterLabels"])


def test_every_parameter_has_an_effect() -> None:
    """A parameter that nothing refers to would be a promise that nobody keeps."""
    used = json.dumps({k: v for k, v in template().source.items() if k != "Parameters"})
    assert all(f'"Ref": "{name}"' in used for name in PARAMETERS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_parameter_reaches_the_functions_under_its_own_name(function: str) -> None:
    """Environment variables are the parameters' names in upper snake case."""
    variables = template().properties(function)["Environment"]["Variables"]
    for name in set(PARAMETERS) - NOT_FOR_FUNCTIONS:
        assert name in set(texts(variables[_upper_snake(name)])), name


def test_no_logical_name_is_used_twice() -> None:
    """CloudFormation wants every name once, those that SAM generates included."""
    shared = set(PARAMETERS) & set(template().resources)
    assert not shared, f"{shared} are parameters and resources; rename the event in template.yaml"


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in GOOD.items() for v in vs])
def test_a_pattern_lets_good_values_in(name: str, value: str) -> None:
    """What the documentation shows is accepted."""
    assert re.fullmatch(PARAMETERS[name]["AllowedPattern"], value)


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in BAD.items() for v in vs])
def test_a_pattern_keeps_bad_values_out(name: str, value: str) -> None:
    """A slip is caught when the stack is deployed, not when the first event arrives."""
    assert not re.fullmatch(PARAMETERS[name]["AllowedPattern"], value)


def test_every_pattern_has_examples() -> None:
    """A parameter with a pattern is in both tables above."""
    patterned = {name for name, p in PARAMETERS.items() if "AllowedPattern" in p}
    assert patterned == set(GOOD) == set(BAD)


@pytest.mark.parametrize("name", sorted(set(PARAMETERS) - NOT_FOR_FUNCTIONS))
def test_the_functions_accept_what_the_template_allows(name: str) -> None:
    """Each default, allowed value, bound and good example is a setting that can be read."""
    parameter = PARAMETERS[name]
    bounds = [parameter[k] for k in ("MinValue", "MaxValue") if k in parameter]
    for value in [parameter["Default"], *parameter.get("AllowedValues", []), *bounds]:
        Settings.from_environment(_environment(**{name: str(value)}))
    for value in GOOD.get(name, []):
        Settings.from_environment(_environment(**{name: value}))


@pytest.mark.parametrize("name", ["Mode", "DefaultVpcs", "VpcDns", "SecurityHub"])
def test_the_functions_refuse_what_the_template_does_not_allow(name: str) -> None:
    """Template and code agree on the choices."""
    with pytest.raises(SettingsError, match=_upper_snake(name)):
        Settings.from_environment(_environment(**{name: "anything"}))


@pytest.mark.parametrize("name", ["default", "observe", "enforce"])
def test_each_environment_deploys_with_known_parameters(name: str) -> None:
    """samconfig.toml sets the mode that its environment is called after, and asks first."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    deploy = {**config[name].get("global", {}).get("parameters", {})}
    deploy.update(config[name]["deploy"]["parameters"])
    overrides = dict(part.split("=", 1) for part in _words(deploy["parameter_overrides"]))
    assert overrides["Mode"] == {"default": "enforce-new"}.get(name, name)
    assert set(overrides) <= set(PARAMETERS)
    assert overrides["Mode"] in PARAMETERS["Mode"]["AllowedValues"]
    assert deploy["confirm_changeset"] is True
    assert deploy["capabilities"] == "CAPABILITY_IAM"
    assert deploy["resolve_s3"] is True
    assert deploy["stack_name"] == "sfn-endpoint-guardrail"


def test_samconfig_has_the_three_environments() -> None:
    """No more and no fewer than the design names."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    assert set(config) - {"version"} == {"default", "observe", "enforce"}


def _environment(**parameters: str) -> dict[str, str]:
    values = {name: str(p["Default"]) for name, p in PARAMETERS.items()} | parameters
    own_parts = {"TABLE_NAME": "t", "STACK_ID": "arn:aws:cloudformation:eu-west-1:1:stack/s/1"}
    own_parts |= {"DEAD_LETTER_QUEUE_ARN": "arn:aws:sqs:eu-west-1:1:q"}
    own_parts |= {"DEAD_LETTER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/1/q"}
    return {_upper_snake(name): value for name, value in values.items()} | own_parts


def _upper_snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()


def _words(overrides: str | list[str]) -> list[str]:
    return overrides.split() if isinstance(overrides, str) else overrides

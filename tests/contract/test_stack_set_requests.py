"""What the stack set's adapter asks CloudFormation for, where moto would take anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from samtranslator.yaml_helper import yaml_parse

from guardrail_cli.documents import UsageError
from guardrail_cli.org.model import Definition, Instance, Pace
from guardrail_cli.org.packaging import Release
from guardrail_cli.org.stack_set import AwsStackSets
from guardrail_cli.org.target import Target, first_definition
from guardrail_sandbox.sandbox import ROOT

NAME = "sfn-endpoint-guardrail"
UNITS, ACCOUNTS, REGIONS = ("ou-1", "ou-2"), ["000000000001", "000000000002"], ["eu-west-1"]
PACE = Pace(at_once=5, may_fail=2)
GIVEN = Definition('{"Parameters": {"Mode": {}}}', {"Mode": "observe"}, UNITS, ("eu-west-1",))
ACCOUNTS_OF_UNITS = {
    "OrganizationalUnitIds": ["ou-1", "ou-2"],
    "Accounts": ACCOUNTS,
    "AccountFilterType": "INTERSECTION",
}
SIDE_BY_SIDE = {
    "RegionConcurrencyType": "PARALLEL",
    "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
    "MaxConcurrentCount": 5,
    "FailureToleranceCount": 2,
}

Asked = list[tuple[str, dict[str, Any]]]
Make = Callable[[AwsStackSets], object]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Return every request with its name; the answer is that of an operation that began."""
    requests: Asked = []

    def answer(client: BaseClient, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        # The SDK's own check: names and types must be those of the API.
        model = client.meta.service_model.operation_model(operation)
        client._convert_to_request_dict(parameters, model, "https://local", {})  # noqa: SLF001
        requests.append((operation, parameters))
        return {"OperationId": "operation-1", "StackSetId": "set-1", "Summaries": []}

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    return requests


def sets(*, delegated: bool = False) -> AwsStackSets:
    """Return the adapter."""
    return AwsStackSets(NAME, "us-east-1", delegated=delegated)


BEGINNINGS: dict[str, Make] = {
    "CreateStackInstances": lambda it: it.add(UNITS, ACCOUNTS, REGIONS, PACE),
    "UpdateStackSet": lambda it: it.update(GIVEN, ACCOUNTS, REGIONS, PACE),
}


@pytest.mark.parametrize("operation", BEGINNINGS)
def test_an_operation_names_accounts_of_the_units_and_its_pace(
    asked: Asked, operation: str
) -> None:
    """Only those accounts: a unit alone would be everybody in it, whatever the wave."""
    assert BEGINNINGS[operation](sets()) == "operation-1"
    ((name, request),) = asked
    assert name == operation
    assert request["StackSetName"] == NAME
    assert request["DeploymentTargets"] == ACCOUNTS_OF_UNITS
    assert request["Regions"] == REGIONS
    assert request["OperationPreferences"] == SIDE_BY_SIDE


def test_a_unit_is_registered_as_a_whole(asked: Asked) -> None:
    """Without a filter, so that it may have no account."""
    assert sets().register("ou-1", REGIONS) == "operation-1"
    ((name, request),) = asked
    assert name == "CreateStackInstances"
    assert request["DeploymentTargets"] == {"OrganizationalUnitIds": ["ou-1"]}
    assert request["Regions"] == REGIONS


def test_a_deletion_is_of_whole_units_and_deletes_the_stacks(asked: Asked) -> None:
    """With a filter of accounts the units would go on to deploy to accounts that join."""
    assert sets().remove(UNITS, REGIONS, PACE) == "operation-1"
    ((name, request),) = asked
    assert name == "DeleteStackInstances"
    assert request["RetainStacks"] is False
    assert request["DeploymentTargets"] == {"OrganizationalUnitIds": ["ou-1", "ou-2"]}
    assert request["Regions"] == REGIONS
    assert request["OperationPreferences"] == SIDE_BY_SIDE


def test_letting_go_names_accounts_and_leaves_their_stacks(asked: Asked) -> None:
    """Those of suspended accounts; the others of the unit stay in the set."""
    sets().detach(UNITS, ACCOUNTS, REGIONS, PACE)
    ((name, request),) = asked
    assert name == "DeleteStackInstances"
    assert request["RetainStacks"] is True
    assert request["DeploymentTargets"] == ACCOUNTS_OF_UNITS


def test_a_new_definition_is_given_whole(asked: Asked) -> None:
    """Template and values, to the accounts of the first wave."""
    sets().define(GIVEN, ACCOUNTS, REGIONS, PACE)
    request = asked[0][1]
    assert request["TemplateBody"] == GIVEN.template
    assert request["Parameters"] == [{"ParameterKey": "Mode", "ParameterValue": "observe"}]
    assert "UsePreviousTemplate" not in request
    assert request["DeploymentTargets"] == ACCOUNTS_OF_UNITS


def test_a_further_wave_gives_nothing_again(asked: Asked) -> None:
    """A template or a value in the request would make every other stack count as behind."""
    sets().update(GIVEN, ACCOUNTS, REGIONS, PACE)
    request = asked[0][1]
    assert request["UsePreviousTemplate"] is True
    assert request["Parameters"] == [{"ParameterKey": "Mode", "UsePreviousValue": True}]
    assert "TemplateBody" not in request


def test_a_definition_for_nobody_names_no_target(asked: Asked) -> None:
    """A list without accounts would be refused, or taken for everybody."""
    sets().define(GIVEN, [], [], Pace())
    assert not asked[0][1].keys() & {"DeploymentTargets", "Regions", "Accounts"}


def test_a_new_set_deploys_to_new_accounts_by_itself(asked: Asked) -> None:
    """Service-managed, operations that do not conflict side by side, roles allowed."""
    sets().create(GIVEN)
    ((name, request),) = asked
    assert name == "CreateStackSet"
    assert request["PermissionModel"] == "SERVICE_MANAGED"
    assert request["AutoDeployment"] == {"Enabled": True, "RetainStacksOnAccountRemoval": False}
    assert request["ManagedExecution"] == {"Active": True}
    assert "CAPABILITY_NAMED_IAM" in request["Capabilities"]


EVERYTHING: dict[str, Make] = {
    **BEGINNINGS,
    "DeleteStackInstances": lambda it: it.remove(UNITS, REGIONS, PACE),
    "CreateStackSet": lambda it: it.create(GIVEN),
    "DeleteStackSet": lambda it: it.delete(),
    "ListStackSetAutoDeploymentTargets": lambda it: it.targets(),
    "ListStackInstances": lambda it: list(it.instances()),
    "ListStackSetOperations": lambda it: it.running(),
}


@pytest.mark.parametrize("operation", EVERYTHING)
@pytest.mark.parametrize(("delegated", "role"), [(False, "SELF"), (True, "DELEGATED_ADMIN")])
def test_every_request_says_whom_it_comes_from(
    asked: Asked, operation: str, role: str, *, delegated: bool
) -> None:
    """The management account, or a delegated administrator, whom the default would fail."""
    EVERYTHING[operation](sets(delegated=delegated))
    assert [(name, request["CallAs"]) for name, request in asked] == [(operation, role)]


def answering(monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any]) -> None:
    """Let CloudFormation answer that, by operation; an error is raised."""

    def answer(_: BaseClient, operation: str, __: object) -> Any:
        if isinstance(answers[operation], Exception):
            raise answers[operation]
        return answers[operation]

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)


def failing(code: str) -> ClientError:
    """Return AWS's error of that code."""
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "DescribeStackSet")


def test_the_definition_is_what_aws_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Template, values, units and regions; none where there is no set."""
    told = {
        "TemplateBody": "{}",
        "PermissionModel": "SERVICE_MANAGED",
        "Parameters": [{"ParameterKey": "Mode", "ParameterValue": "observe"}],
        "OrganizationalUnitIds": ["ou-1"],
        "Regions": ["eu-west-1"],
    }
    answering(monkeypatch, {"DescribeStackSet": {"StackSet": told}})
    found = Definition("{}", {"Mode": "observe"}, ("ou-1",), ("eu-west-1",))
    assert sets().definition() == found
    answering(monkeypatch, {"DescribeStackSet": failing("StackSetNotFoundException")})
    assert sets().definition() is None


def test_a_self_managed_set_of_that_name_is_somebody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither updated nor deleted."""
    told = {"PermissionModel": "SELF_MANAGED"}
    answering(monkeypatch, {"DescribeStackSet": {"StackSet": told}})
    with pytest.raises(UsageError, match="self-managed"):
        sets().definition()


def test_what_aws_refuses_is_told_with_what_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not as a traceback."""
    answering(monkeypatch, {"DeleteStackSet": failing("StackSetNotEmptyException")})
    with pytest.raises(UsageError, match=r"deleting the stack set .*StackSetNotEmptyException"):
        sets().delete()


def test_the_targets_are_read_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK does not turn these pages."""

    def answer(_: BaseClient, __: str, parameters: dict[str, Any]) -> Any:
        second = "NextToken" in parameters
        one = {"OrganizationalUnitId": "ou-2" if second else "ou-1", "Regions": REGIONS}
        return {"Summaries": [one], **({} if second else {"NextToken": "more"})}

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    assert sets().targets() == {unit: frozenset(REGIONS) for unit in UNITS}


def test_a_stack_and_an_operation_are_read_with_their_reasons(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What failed where, in AWS's words; members that are not there are empty."""
    place = {"Account": "000000000001", "Region": "eu-west-1"}
    stack = {
        **place,
        "Status": "OUTDATED",
        "StackInstanceStatus": {"DetailedStatus": "FAILED"},
        "StatusReason": "denied",
        "OrganizationalUnitId": "ou-1",
    }
    result = {**place, "Status": "FAILED", "StatusReason": "denied"}
    answering(
        monkeypatch,
        {
            "ListStackInstances": {"Summaries": [stack, place]},
            "ListStackSetOperations": {
                "Summaries": [
                    {"OperationId": "old", "Status": "SUCCEEDED"},
                    {"OperationId": "new", "Status": "QUEUED"},
                ]
            },
            "DescribeStackSetOperation": {"StackSetOperation": {"Status": "FAILED"}},
            "ListStackSetOperationResults": {"Summaries": [result]},
        },
    )
    first, second = sets().instances()
    assert first == Instance(
        "000000000001", "eu-west-1", "OUTDATED", "FAILED", "denied", unit="ou-1"
    )
    assert (second.place, second.state) == (first.place, "")
    assert sets().running() == "new"
    ended = sets().operation("new")
    assert ended.ended
    assert ended.failures == {first.place: "denied"}


def test_the_stack_set_of_the_template_is_the_commands_own(asked: Asked) -> None:
    """Whoever keeps it in CloudFormation gets the same, by deploy/stack-set.yaml."""
    sets().create(GIVEN)
    ((_, request),) = asked
    template = yaml_parse((ROOT / "deploy" / "stack-set.yaml").read_text(encoding="utf-8"))
    properties = template["Resources"]["StackSet"]["Properties"]
    told = set(request) - {"CallAs", "Parameters", "TemplateBody"}
    assert {name: properties[name] for name in told} == {name: request[name] for name in told}
    pace = properties["OperationPreferences"]
    assert pace["RegionConcurrencyType"] == SIDE_BY_SIDE["RegionConcurrencyType"]
    assert pace["ConcurrencyMode"] == SIDE_BY_SIDE["ConcurrencyMode"]


def test_the_template_gives_a_set_what_the_command_gives_it() -> None:
    """Parameters that the guardrail's template has, with the values of a new set."""
    template = yaml_parse((ROOT / "deploy" / "stack-set.yaml").read_text(encoding="utf-8"))
    given = {
        one["ParameterKey"]: one["ParameterValue"]
        for one in template["Resources"]["StackSet"]["Properties"]["Parameters"]
    }
    declared = {name: {"Type": "String"} for name in given}
    release = Release(json.dumps({"Parameters": declared}), b"", "", "")
    first = first_definition(release, Target(NAME, "us-east-1"), "o-1", ("ou-1",), ("us-east-1",))
    assert set(first.parameters) <= set(given)
    assert given["SweepWindowMinutes"] == first.parameters["SweepWindowMinutes"]
    assert template["Parameters"]["Mode"]["Default"] == first.parameters["Mode"]

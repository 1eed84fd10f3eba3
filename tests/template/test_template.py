"""The SAM application: rules, roles, parameters and what is deployed."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.events.models import EventPattern
from samtranslator.yaml_helper import yaml_parse

from guardrail.core.model import ActionKind
from guardrail.settings import Settings
from handlers import endpoint_change, sweep, vpc_change

PROJECT = Path(__file__).parent.parent.parent
TEMPLATE: dict[str, Any] = yaml_parse((PROJECT / "template.yaml").read_text())
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
FUNCTIONS = {k: v for k, v in RESOURCES.items() if v["Type"] == "AWS::Serverless::Function"}
PARAMETERS: dict[str, Any] = TEMPLATE["Parameters"]
VARIABLES: dict[str, Any] = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
EVENTS = {path.stem: json.loads(path.read_text()) for path in (PROJECT / "events").glob("*.json")}
RECORDED = {k: v for k, v in EVENTS.items() if v.get("source") == "aws.ec2"}
WITHOUT_FIXED_PRICE = {
    "AWS::DynamoDB::Table",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Logs::LogGroup",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::ScheduleGroup",
    "AWS::Serverless::Function",
}


def patterns() -> dict[str, dict[str, Any]]:
    """Return the event pattern of each function that has one."""
    found: dict[str, dict[str, Any]] = {}
    for name, function in FUNCTIONS.items():
        for event in function["Properties"]["Events"].values():
            if event["Type"] == "EventBridgeRule":
                found[name] = event["Properties"]["Pattern"]
    return found


def matching(event: dict[str, Any]) -> list[str]:
    """Return the functions whose rule matches."""
    return [
        name
        for name, pattern in patterns().items()
        if EventPattern.load(json.dumps(pattern)).matches_event(event)
    ]


def statements(role: str) -> Iterator[dict[str, Any]]:
    """Yield the statements that a role has, its own and those of attached policies."""
    for policy in RESOURCES[role]["Properties"].get("Policies", []):
        yield from policy["PolicyDocument"]["Statement"]
    for resource in RESOURCES.values():
        if (
            resource["Type"] == "AWS::IAM::Policy"
            and {"Ref": role} in resource["Properties"]["Roles"]
        ):
            yield from resource["Properties"]["PolicyDocument"]["Statement"]


def actions(role: str) -> set[str]:
    """Return all actions that a role may do."""
    found: set[str] = set()
    for statement in statements(role):
        listed = statement["Action"]
        found |= {listed} if isinstance(listed, str) else set(listed)
    return found


def test_every_event_name_of_the_rules_has_a_sample_and_every_sample_a_rule() -> None:
    """One sample per name, each matched by exactly one rule."""
    names = [n for pattern in patterns().values() for n in pattern["detail"]["eventName"]]
    assert sorted(names) == sorted(event["detail"]["eventName"] for event in RECORDED.values())
    for event in RECORDED.values():
        assert len(matching(event)) == 1


def test_the_rules_divide_the_names_as_documented() -> None:
    """Changes of VPCs to VpcChange, changes of endpoints to EndpointChange."""
    assert matching(RECORDED["modify-vpc-endpoint"]) == ["EndpointChange"]
    assert matching(RECORDED["delete-vpc-endpoints"]) == ["EndpointChange"]
    assert matching(RECORDED["create-default-vpc"]) == ["VpcChange"]
    assert matching(RECORDED["disassociate-vpc-cidr-block"]) == ["VpcChange"]


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_a_failed_call_matches_no_rule(name: str) -> None:
    """Failed calls, and dry runs that would have succeeded, carry an errorCode."""
    event = RECORDED[name]
    for code in ("Client.UnauthorizedOperation", "Client.DryRunOperation"):
        failed = {**event, "detail": {**event["detail"], "errorCode": code}}
        assert matching(failed) == []


@pytest.mark.parametrize("field", ["source", "detail-type"])
def test_an_event_of_another_kind_matches_no_rule(field: str) -> None:
    """Source and detail-type are part of each pattern."""
    assert matching({**RECORDED["create-vpc"], field: "other"}) == []


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_each_handler_can_be_imported(name: str) -> None:
    """The handler string of the template names a function of a module."""
    module, _, function = FUNCTIONS[name]["Properties"]["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), function))


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_each_function_hands_over_what_it_gives_up(name: str) -> None:
    """Retries, age, the queue for failures, and a log group with retention."""
    properties = FUNCTIONS[name]["Properties"]
    invoke = properties["EventInvokeConfig"]
    queue = {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
    assert invoke["DestinationConfig"]["OnFailure"] == {"Type": "SQS", "Destination": queue}
    assert (invoke["MaximumRetryAttempts"], invoke["MaximumEventAgeInSeconds"]) == (2, 21600)
    for event in properties["Events"].values():
        assert event["Properties"]["DeadLetterConfig"] == {"Arn": queue}
    logs = RESOURCES[properties["LoggingConfig"]["LogGroup"]["Ref"]]
    assert logs["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_endpoint_change_can_modify_and_cannot_create() -> None:
    """Its role has one EC2 write, and what private DNS needs besides."""
    given = actions("EndpointChangeRole")
    writes = {a for a in given if a.startswith("ec2:") and not a.startswith("ec2:Describe")}
    assert writes == {"ec2:ModifyVpcEndpoint"}
    assert not any("Create" in a for a in given - {"logs:CreateLogStream"})


@pytest.mark.parametrize("role", ["VpcChangeRole", "EndpointChangeRole", "SweepRole"])
def test_no_role_has_a_wildcard_action_or_a_delete(role: str) -> None:
    """Named actions only; `*` as resource only for describes, which know no other."""
    assert not any("*" in action or "Delete" in action for action in actions(role))
    for statement in statements(role):
        if statement["Resource"] == "*":
            assert all(a.startswith("ec2:Describe") for a in statement["Action"])


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_what_a_function_is_allowed_is_what_its_role_can_do(name: str) -> None:
    """The actions in a handler's ALLOWED need no more than the role grants."""
    allowed = {"VpcChange": vpc_change, "EndpointChange": endpoint_change, "Sweep": sweep}
    needs = {
        ActionKind.CREATE_ENDPOINT: "ec2:CreateVpcEndpoint",
        ActionKind.CREATE_SECURITY_GROUP: "ec2:CreateSecurityGroup",
        ActionKind.AUTHORIZE_CLIENTS: "ec2:AuthorizeSecurityGroupIngress",
        ActionKind.ENABLE_VPC_DNS: "ec2:ModifyVpcAttribute",
        ActionKind.WRITE_POLICY: "ec2:ModifyVpcEndpoint",
        ActionKind.ADD_SUBNETS: "ec2:ModifyVpcEndpoint",
        ActionKind.SET_PRIVATE_DNS: "ec2:ModifyVpcEndpoint",
        ActionKind.ATTACH_SECURITY_GROUP: "ec2:ModifyVpcEndpoint",
    }
    granted = actions(f"{name}Role")
    assert {kind for kind, action in needs.items() if action in granted} == allowed[name].ALLOWED


def test_in_observe_mode_no_role_can_write_to_ec2() -> None:
    """Each policy with EC2 writes stands under a condition that observe does not meet."""
    for name, resource in RESOURCES.items():
        if resource["Type"] == "AWS::IAM::Policy" and name != "SettleInvokes":
            assert resource["Condition"] in {"Writes", "EnablesDns"}
        for policy in resource.get("Properties", {}).get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                listed = statement["Action"]
                names = [listed] if isinstance(listed, str) else listed
                assert all(n.startswith("ec2:Describe") for n in names if n.startswith("ec2:"))
    assert TEMPLATE["Conditions"]["EnablesDns"]["Fn::And"][0] == {"Condition": "Writes"}


def test_nothing_has_a_fixed_price() -> None:
    """No alarm, dashboard, key, polled queue or provisioned capacity."""
    assert {r["Type"] for r in RESOURCES.values()} <= WITHOUT_FIXED_PRICE
    assert RESOURCES["Records"]["Properties"]["BillingMode"] == "PAY_PER_REQUEST"
    events = [e["Type"] for f in FUNCTIONS.values() for e in f["Properties"]["Events"].values()]
    assert set(events) == {"EventBridgeRule", "ScheduleV2"}


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_each_parameter_is_described_and_bounded(name: str) -> None:
    """Description, constraint with its text, a label and a place in a group."""
    parameter = PARAMETERS[name]
    assert parameter["Description"]
    assert parameter["ConstraintDescription"]
    assert {"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter)
    interface = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [p for group in interface["ParameterGroups"] for p in group["Parameters"]]
    assert grouped.count(name) == 1
    assert name in interface["ParameterLabels"]


def test_every_parameter_reaches_something() -> None:
    """A parameter without effect would be a promise that nobody keeps."""
    used = json.dumps({**TEMPLATE, "Parameters": None, "Metadata": None})
    assert all(f'"Ref": "{name}"' in used for name in PARAMETERS)


def test_the_defaults_make_valid_settings() -> None:
    """What the template gives by default is what the functions accept."""
    env = {name: "given" for name, value in VARIABLES.items() if not isinstance(value, str)}
    for name, value in VARIABLES.items():
        reference = (
            value["Fn::Join"][1] if isinstance(value, dict) and "Fn::Join" in value else value
        )
        if isinstance(reference, dict) and reference.get("Ref") in PARAMETERS:
            env[name] = str(PARAMETERS[reference["Ref"]]["Default"])
    assert Settings.from_environment(env).intent.mode == PARAMETERS["Mode"]["Default"]


def test_the_environments_of_samconfig_name_parameters_that_exist() -> None:
    """default, observe and enforce set the mode and nothing unknown."""
    config = tomllib.loads((PROJECT / "samconfig.toml").read_text())
    modes = {}
    for name in ("default", "observe", "enforce"):
        given = dict(
            pair.split("=", 1)
            for pair in config[name]["deploy"]["parameters"]["parameter_overrides"].split()
        )
        assert set(given) <= set(PARAMETERS)
        modes[name] = given["Mode"]
    assert modes == {"default": "enforce-new", "observe": "observe", "enforce": "enforce"}


@pytest.mark.skipif(not (PROJECT / ".aws-sam/build/VpcChange").is_dir(), reason="run `make build`")
@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_the_artifact_holds_what_lambda_needs_and_nothing_else(name: str) -> None:
    """Handlers, guardrail and baseline; no tests, tools, caches or build files; under 50 MB."""
    artifact = PROJECT / ".aws-sam" / "build" / name
    top = {path.name for path in artifact.iterdir()}
    assert {"handlers", "guardrail", "baseline", "boto3", "aws_lambda_powertools"} <= top
    assert not {"tests", "tools", "Makefile", "requirements.txt", "bin"} & top
    files = [path for path in artifact.rglob("*") if path.is_file()]
    assert not [path for path in files if "__pycache__" in path.parts or path.suffix == ".so"]
    assert sum(path.stat().st_size for path in files) < 50_000_000


@pytest.mark.skipif(shutil.which("sam") is None, reason="needs the SAM CLI")
def test_sam_finds_the_template_valid() -> None:
    """`sam validate --lint` as its users run it."""
    done = subprocess.run(
        ["sam", "validate", "--lint"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_this_python_is_one_that_the_project_supports() -> None:
    """The minimum of the code and the runtime are both stated, in one place each."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"].startswith(">=3.11")
    assert sys.version_info >= (3, 11)
    assert TEMPLATE["Globals"]["Function"]["Runtime"] == "python3.13"

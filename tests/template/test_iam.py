"""What each role may do: what its function calls, and nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from stack_template import FUNCTIONS, ROOT, listed, template, texts

from guardrail.core.actions import ActionKind
from handlers import endpoint_change, sweep, vpc_change, yielding

HANDLERS = {
    "VpcChange": vpc_change,
    "EndpointChange": endpoint_change,
    "Yielding": yielding,
    "Sweep": sweep,
}
ROLES = [name for name, _ in template().of_type("AWS::IAM::Role")]
EVERYTHING = {
    "Mode": "enforce",
    "VpcDns": "enable",
    "NotificationEmail": "team@example.com",
    "SecurityHub": "on",
}

NEEDED_BY = {
    ActionKind.CREATE_ENDPOINT: "ec2:CreateVpcEndpoint",
    ActionKind.CREATE_SECURITY_GROUP: "ec2:CreateSecurityGroup",
    ActionKind.AUTHORIZE_CLIENTS: "ec2:AuthorizeSecurityGroupIngress",
    ActionKind.ENABLE_VPC_DNS: "ec2:ModifyVpcAttribute",
    ActionKind.WRITE_POLICY: "ec2:ModifyVpcEndpoint",
    ActionKind.ADD_SUBNETS: "ec2:ModifyVpcEndpoint",
    ActionKind.SET_PRIVATE_DNS: "ec2:ModifyVpcEndpoint",
    ActionKind.ATTACH_SECURITY_GROUP: "ec2:ModifyVpcEndpoint",
    ActionKind.REMOVE_SUBNETS: "ec2:ModifyVpcEndpoint",
    ActionKind.RESTORE_TAGS: "ec2:CreateTags",
    ActionKind.DELETE_ENDPOINT: "ec2:DeleteVpcEndpoints",
    ActionKind.DELETE_SECURITY_GROUP: "ec2:DeleteSecurityGroup",
}
LEFT_TO_OTHERS = {
    # One EC2 action carries several kinds. Policies are left to EndpointChange, subnets are taken
    # out by Yielding, which completes nothing; a sweep has no reason to take any out.
    "VpcChange": {ActionKind.WRITE_POLICY, ActionKind.REMOVE_SUBNETS},
    "EndpointChange": {ActionKind.REMOVE_SUBNETS},
    "Yielding": {
        ActionKind.WRITE_POLICY,
        ActionKind.ADD_SUBNETS,
        ActionKind.ATTACH_SECURITY_GROUP,
    },
    "Sweep": set(),
}
SERVICES = (
    "ec2",
    "dynamodb",
    "events",
    "scheduler",
    "sqs",
    "sns",
    "securityhub",
    "cloudtrail",
    "route53",
    "route53profiles",
    "route53resolver",
)
ASKS_WITHOUT_RESOURCE = (
    "cloudtrail:Describe",
    "ec2:Describe",
    "route53:List",
    "route53profiles:List",
    "route53resolver:List",
)
WITHOUT_A_CALL = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    # Checked by AWS in the caller's name when it creates, schedules or switches on private DNS.
    "ec2:CreateTags",
    "iam:PassRole",
    "route53:AssociateVPCWithHostedZone",
}


APPOINTMENTS = {"scheduler:CreateSchedule", "iam:PassRole"}


def _called() -> set[str]:
    """Return the IAM actions of all operations that guardrail.aws calls or pages through."""
    words = {
        word
        for path in (ROOT / "src" / "guardrail" / "aws").glob("*.py")
        for word in _words(ast.parse(path.read_text()))
    }
    session = botocore.session.get_session()
    return {
        f"{service}:{operation}"
        for service in SERVICES
        for operation in session.get_service_model(service).operation_names
        if xform_name(operation) in words
    }


def _words(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=word) | ast.Constant(value=str(word)):
                yield word


def _statement(role: str, action: str) -> list[Mapping[str, Any]]:
    statements = template().statements(role, **EVERYTHING)
    return [s for s in statements if action in listed(s["Action"])]


def _writes_to_ec2(actions: set[str]) -> set[str]:
    return {a for a in actions if a.startswith("ec2:") and not a.startswith("ec2:Describe")}


def test_every_call_that_the_code_makes_is_granted() -> None:
    """To one function at least, which the story of that function then meets."""
    granted = [template().actions(f"{function}Role", **EVERYTHING) for function in FUNCTIONS]
    missing = _called() - set().union(*granted)
    assert not missing, f"guardrail.aws calls {missing}; grant it in template.yaml"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nothing_is_granted_that_the_code_does_not_call(function: str) -> None:
    """A permission without a call is one to take away."""
    granted = template().actions(f"{function}Role", **EVERYTHING)
    assert granted <= _called() | WITHOUT_A_CALL


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_a_function_is_allowed_is_what_its_role_can_do(function: str) -> None:
    """The handler's ALLOWED and the role say the same, so that nothing is tried in vain."""
    granted = template().actions(f"{function}Role", **EVERYTHING)
    able = {kind for kind, action in NEEDED_BY.items() if action in granted}
    assert able - LEFT_TO_OTHERS[function] == HANDLERS[function].ALLOWED


def test_every_kind_of_action_is_covered_here() -> None:
    """A new action says which permission it needs."""
    assert set(NEEDED_BY) == set(ActionKind)


def test_endpoint_change_can_modify_endpoints_and_cannot_create_anything() -> None:
    """Its one write to EC2 is ModifyVpcEndpoint; it makes appointments with itself besides."""
    granted = template().actions("EndpointChangeRole", **EVERYTHING)
    assert _writes_to_ec2(granted) == {"ec2:ModifyVpcEndpoint"}
    verbs = {a.partition(":")[2] for a in granted - APPOINTMENTS - {"logs:CreateLogStream"}}
    assert not [v for v in verbs if v.startswith(("Create", "Delete", "Authorize", "Pass"))]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_in_observe_mode_no_role_can_write_to_ec2(function: str) -> None:
    """Whatever the other parameters say: observe mode holds by permission, not only by code."""
    granted = template().actions(f"{function}Role", Mode="observe", VpcDns="enable")
    assert not _writes_to_ec2(granted)
    assert not [a for a in granted if a.startswith("route53") and ":List" not in a]


@pytest.mark.parametrize("mode", ["enforce-new", "enforce"])
@pytest.mark.parametrize("dns", ["wait", "enable", "ignore"])
def test_vpc_attributes_can_be_changed_only_when_asked_for(mode: str, dns: str) -> None:
    """VpcDns=enable grants it, the other choices do not."""
    granted = template().actions("VpcChangeRole", Mode=mode, VpcDns=dns)
    assert ("ec2:ModifyVpcAttribute" in granted) == (dns == "enable")


@pytest.mark.parametrize("role", ROLES)
def test_no_role_has_a_wildcard_action(role: str) -> None:
    """Every action is spelled out."""
    assert not [a for a in template().actions(role, **EVERYTHING) if "*" in a]


@pytest.mark.parametrize("role", ROLES)
def test_what_is_deleted_is_what_the_stack_made(role: str) -> None:
    """Yielding and Sweep alone, endpoints of Step Functions and groups, by the stack's tag."""
    deletes = [
        statement
        for statement in template().statements(role, **EVERYTHING)
        if any(":Delete" in action for action in listed(statement["Action"]))
    ]
    assert bool(deletes) == (role in {"YieldingRole", "SweepRole"})
    for statement in deletes:
        conditions = statement["Condition"]["StringLike"]
        tag = "aws:ResourceTag/sfn-endpoint-guardrail:managed-by"
        assert conditions[tag]["Fn::Sub"].endswith("stack/${AWS::StackName}/*")
        if "ec2:DeleteVpcEndpoints" in listed(statement["Action"]):
            assert all(
                n.startswith("*.") and "states" in n for n in conditions["ec2:VpceServiceName"]
            )


def test_yielding_modifies_what_the_stack_made_and_creates_nothing() -> None:
    """Its ModifyVpcEndpoint needs the stack's tag on the endpoint."""
    granted = template().actions("YieldingRole", **EVERYTHING)
    assert _writes_to_ec2(granted) == {
        "ec2:ModifyVpcEndpoint",
        "ec2:DeleteVpcEndpoints",
        "ec2:DeleteSecurityGroup",
    }
    for statement in _statement("YieldingRole", "ec2:ModifyVpcEndpoint"):
        on_endpoints = any("vpc-endpoint/" in text for text in texts(statement["Resource"]))
        assert on_endpoints == ("Condition" in statement)


@pytest.mark.parametrize("role", ROLES)
def test_only_reads_have_no_resource(role: str) -> None:
    """`*` stands where AWS knows no resource: the service authorization reference has none."""
    for statement in template().statements(role, **EVERYTHING):
        if "*" in listed(statement["Resource"]):
            assert all(a.startswith(ASKS_WITHOUT_RESOURCE) for a in listed(statement["Action"]))
            assert "ec2:DescribeVpcAttribute" not in listed(statement["Action"])


def test_the_sweep_may_look_at_each_rule_whatever_it_is_called() -> None:
    """By ARN: names of rules do not begin with the whole name of a StackSet's stack."""
    (statement,) = _statement("SweepRole", "events:DescribeRule")
    rules = [name for name, _ in template().of_type("AWS::Events::Rule")]
    assert sorted(arn["Fn::GetAtt"][0] for arn in statement["Resource"]) == sorted(rules)
    assert {arn["Fn::GetAtt"][1] for arn in statement["Resource"]} == {"Arn"}


def test_who_answers_for_names_is_asked_by_those_that_create() -> None:
    """EndpointChange finds an endpoint, so it never needs to know; in every mode the others do."""
    for mode in ("observe", "enforce-new", "enforce"):
        asks = {
            role: {
                action
                for action in template().actions(role, Mode=mode)
                if action.startswith("route53") and ":List" in action
            }
            for role in ("VpcChangeRole", "SweepRole", "EndpointChangeRole")
        }
        assert asks["VpcChangeRole"] == asks["SweepRole"] != set()
        assert not asks["EndpointChangeRole"]


@pytest.mark.parametrize("role", ["VpcChangeRole", "SweepRole"])
def test_only_step_functions_endpoints_tagged_as_managed_can_be_created(role: str) -> None:
    """The endpoint resource needs service and tag; VPC, subnets and groups know no such key."""
    conditioned = [s for s in _statement(role, "ec2:CreateVpcEndpoint") if "Condition" in s]
    (statement,) = conditioned
    services = statement["Condition"]["StringLike"]["ec2:VpceServiceName"]
    assert all(name.startswith("*.") and "states" in name for name in services)
    assert _managed(statement["Condition"], "aws:RequestTag")
    assert "vpc-endpoint/*" in statement["Resource"]["Fn::Sub"]
    (other,) = [s for s in _statement(role, "ec2:CreateVpcEndpoint") if "Condition" not in s]
    assert not any("vpc-endpoint/" in text for text in texts(other["Resource"]))


@pytest.mark.parametrize("role", ["VpcChangeRole", "SweepRole"])
def test_only_its_own_groups_can_be_made_and_opened(role: str) -> None:
    """A group is tagged as it is made, and clients are let into groups so tagged only."""
    (made,) = [s for s in _statement(role, "ec2:CreateSecurityGroup") if "Condition" in s]
    assert _managed(made["Condition"], "aws:RequestTag")
    (opened,) = _statement(role, "ec2:AuthorizeSecurityGroupIngress")
    # Those of an earlier stack of the name, too: their ids differ in the last part only.
    tag = "aws:ResourceTag/sfn-endpoint-guardrail:managed-by"
    assert opened["Condition"]["StringLike"][tag]["Fn::Sub"].endswith("stack/${AWS::StackName}/*")
    tagged, again = _statement(role, "ec2:CreateTags")
    created = tagged["Condition"]["StringEquals"]["ec2:CreateAction"]
    assert set(created) == {"CreateVpcEndpoint", "CreateSecurityGroup"}
    assert _managed(again["Condition"], "aws:RequestTag")
    keys = again["Condition"]["ForAllValues:StringEquals"]["aws:TagKeys"]
    assert keys == ["sfn-endpoint-guardrail:managed-by"]


def test_only_the_role_of_the_schedules_can_be_passed_and_only_to_the_scheduler() -> None:
    """Neither function that makes schedules can lend itself another role."""
    for role in ("VpcChangeRole", "YieldingRole"):
        (statement,) = _statement(role, "iam:PassRole")
        assert statement["Resource"] == {"Fn::GetAtt": ["SettleRole", "Arn"]}
        passed_to = statement["Condition"]["StringEquals"]["iam:PassedToService"]
        assert passed_to == "scheduler.amazonaws.com"


def test_each_function_has_a_role_that_lambda_alone_can_take() -> None:
    """A role for each function."""
    for function in FUNCTIONS:
        assert template().properties(function)["Role"]["Fn::GetAtt"] == [f"{function}Role", "Arn"]
        (trust,) = template().properties(f"{function}Role")["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_no_role_is_named_or_uses_a_managed_policy() -> None:
    """Role names are global, so two regions would collide; AWS's own policies grant more."""
    for role in ROLES:
        assert not {"RoleName", "ManagedPolicyArns"} & set(template().properties(role))


def test_no_arn_names_a_partition() -> None:
    """The template deploys in every partition."""
    assert not [t for t in texts(dict(template().source)) if "arn:aws" in t]


def _managed(condition: Mapping[str, Any], key: str) -> bool:
    tag = f"{key}/sfn-endpoint-guardrail:managed-by"
    return bool(condition["StringEquals"][tag] == {"Ref": "AWS::StackId"})

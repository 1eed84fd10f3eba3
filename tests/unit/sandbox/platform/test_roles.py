"""What roles, queue policies and the calls of other services come to."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from guardrail.core.policy.evaluate import Decision
from guardrail_sandbox.authorization import AsDeployed, Need, Roles
from guardrail_sandbox.authorization.service_needs import Sent, needs
from guardrail_sandbox.signature import Scope

ROLE = "arn:aws:iam::111122223333:role/fn"
QUEUE = "arn:aws:sqs:us-east-1:111122223333:dead"
RULE = "arn:aws:events:us-east-1:111122223333:rule/one"


def roles(*statements: dict[str, Any]) -> Roles:
    """Return roles with one policy for each statement."""
    texts = [json.dumps({"Version": "2012-10-17", "Statement": one}) for one in statements]
    return Roles(lambda role: texts if role == ROLE else [])


ALLOW_READ = {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}
TAGGED = {
    "Effect": "Allow",
    "Action": "ec2:CreateTags",
    "Resource": "arn:aws:ec2:*:*:vpc-endpoint/*",
    "Condition": {"StringEquals": {"ec2:CreateAction": "CreateVpcEndpoint"}},
}


def test_what_no_policy_allows_is_not_allowed() -> None:
    """Neither another action nor another role's."""
    assert roles(ALLOW_READ).decision(ROLE, Need("ec2:DeleteVpc")) is Decision.NOT_ALLOWED
    assert roles(ALLOW_READ).decision(f"{ROLE}2", Need("ec2:DescribeVpcs")) is Decision.NOT_ALLOWED


def test_one_policy_of_several_is_enough() -> None:
    """Policies of a role add up."""
    assert roles(TAGGED, ALLOW_READ).allows(ROLE, Need("ec2:DescribeVpcs"))


def test_a_deny_in_one_policy_wins() -> None:
    """Whatever another allows."""
    deny = {**ALLOW_READ, "Effect": "Deny"}
    found = roles(ALLOW_READ, deny).decision(ROLE, Need("ec2:DescribeVpcs"))
    assert found is Decision.DENIED


@pytest.mark.parametrize(
    ("resource", "context", "allowed"),
    [
        ("vpc-endpoint/*", {"ec2:CreateAction": "CreateVpcEndpoint"}, True),
        ("vpc-endpoint/*", {"ec2:CreateAction": "CreateSecurityGroup"}, False),
        ("vpc-endpoint/*", {}, False),
        ("vpc/*", {"ec2:CreateAction": "CreateVpcEndpoint"}, False),
    ],
)
def test_conditions_and_resources_count(
    resource: str, context: dict[str, str], *, allowed: bool
) -> None:
    """Both of which moto's own enforcement gets wrong."""
    need = Need("ec2:CreateTags", f"arn:aws:ec2:us-east-1:111122223333:{resource}", context)
    assert roles(TAGGED).allows(ROLE, need) is allowed


def queue_policy(**changes: Any) -> str:
    """Return a policy that lets rules of the account in."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": QUEUE,
        "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:events:*:111122223333:rule/*"}},
    }
    return json.dumps({"Statement": [statement | changes]})


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        (queue_policy(), True),
        (queue_policy(Principal={"Service": "sns.amazonaws.com"}), False),
        (queue_policy(Resource=f"{QUEUE}2"), False),
        (queue_policy(Condition={"ArnLike": {"aws:SourceArn": "arn:aws:events:*:*:bus/*"}}), False),
        (None, False),
    ],
    ids=["lets in", "another service", "another queue", "another source", "no policy"],
)
def test_a_rule_needs_the_queues_own_permission(policy: str | None, *, allowed: bool) -> None:
    """EventBridge has no role there."""
    senders = AsDeployed(roles(), lambda _: policy)
    assert senders.rule_may_send(RULE, QUEUE) is allowed


def sent(
    service: str,
    target: str = "",
    body: Any = None,
    form: dict[str, str] | None = None,
    **changes: Any,
) -> Sent:
    """Return a request of a function, with a body of JSON or a form."""
    fields: dict[str, Any] = {"method": "POST", "path": "/", "query": "", "target": target}
    scope = Scope("key", "us-east-1", service)
    data = urlencode(form).encode() if form else json.dumps(body or {}).encode()
    return Sent(scope=scope, account_id="111122223333", body=data, **(fields | changes))


HERE = "us-east-1:111122223333"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            sent("dynamodb", "DynamoDB_20120810.GetItem", {"TableName": "t"}),
            [("dynamodb:GetItem", f"arn:aws:dynamodb:{HERE}:table/t")],
        ),
        (
            sent("dynamodb", "DynamoDB_20120810.BatchGetItem", {"RequestItems": {"a": 1, "b": 2}}),
            [
                ("dynamodb:BatchGetItem", f"arn:aws:dynamodb:{HERE}:table/a"),
                ("dynamodb:BatchGetItem", f"arn:aws:dynamodb:{HERE}:table/b"),
            ],
        ),
        (
            sent("sqs", "AmazonSQS.SendMessage", {"QueueUrl": "http://here/1/dead"}),
            [("sqs:SendMessage", f"arn:aws:sqs:{HERE}:dead")],
        ),
        (
            sent(
                "scheduler",
                body={"GroupName": "g", "Target": {"RoleArn": ROLE}},
                path="/schedules/vpc-1",
            ),
            [
                ("scheduler:CreateSchedule", f"arn:aws:scheduler:{HERE}:schedule/g/vpc-1"),
                ("iam:PassRole", ROLE),
            ],
        ),
        (
            sent("scheduler", method="GET", path="/schedules/vpc-1", query="groupName=g"),
            [("scheduler:GetSchedule", f"arn:aws:scheduler:{HERE}:schedule/g/vpc-1")],
        ),
        (
            sent("events", "AWSEvents.PutEvents", {"Entries": [{}, {"EventBusName": "own"}]}),
            [
                ("events:PutEvents", f"arn:aws:events:{HERE}:event-bus/default"),
                ("events:PutEvents", f"arn:aws:events:{HERE}:event-bus/own"),
            ],
        ),
        (
            sent("cloudformation", form={"Action": "DescribeStacks", "StackName": "name"}),
            [("cloudformation:DescribeStacks", f"arn:aws:cloudformation:{HERE}:stack/name/*")],
        ),
        (sent("events", "AWSEvents.ListRules"), [("events:ListRules", "*")]),
        (
            sent("route53", method="GET", path="/2013-04-01/hostedzonesbyvpc"),
            [("route53:ListHostedZonesByVPC", "*"), ("ec2:DescribeVpcs", "*")],
        ),
        (
            sent("route53", method="GET", path="/2013-04-01/hostedzonesbyname"),
            [("route53:ListHostedZonesByName", "*")],
        ),
        (
            sent("route53resolver", "Route53Resolver.ListResolverRules"),
            [("route53resolver:ListResolverRules", "*")],
        ),
        (
            sent("route53profiles", method="GET", path="/profileassociations"),
            [("route53profiles:ListProfileAssociations", "*")],
        ),
        (
            sent(
                "route53profiles", method="GET", path="/profileresourceassociations/profileid/rp-1"
            ),
            [("route53profiles:ListProfileResourceAssociations", "*")],
        ),
        (
            sent("route53profiles", path="/profileassociation"),
            [("route53profiles:POST", "*")],
        ),
        (sent("kms", "TrentService.Decrypt"), [("kms:Decrypt", "*")]),
    ],
    ids=[
        "GetItem",
        "BatchGetItem",
        "SendMessage",
        "CreateSchedule",
        "GetSchedule",
        "PutEvents",
        "DescribeStacks",
        "ListRules",
        "ListHostedZonesByVPC",
        "ListHostedZonesByName",
        "ListResolverRules",
        "ListProfileAssociations",
        "ListProfileResourceAssociations",
        "AssociateProfile",
        "other",
    ],
)
def test_calls_of_other_services(request_: Sent, expected: list[tuple[str, str]]) -> None:
    """Each names the resource that its service knows, and passing a role is asked for."""
    assert [(need.action, need.resource) for need in needs(request_)] == expected


def test_source_and_type_of_an_event_are_keys() -> None:
    """So a role can be held to events of its own kind; a bus may be named by its ARN."""
    bus = "arn:aws:events:us-east-1:444455556666:event-bus/hub"
    entry = {"Source": "ours", "DetailType": "Said", "EventBusName": bus}
    (need,) = needs(sent("events", "AWSEvents.PutEvents", {"Entries": [entry]}))
    assert need.resource == bus
    assert need.context == {"events:source": "ours", "events:detail-type": "Said"}


@pytest.mark.parametrize(("key", "allowed"), [("sweep", True), ("vpc#vpc-1", False)])
def test_an_item_is_needed_with_its_partition_key(key: str, *, allowed: bool) -> None:
    """So a policy that is bound to keys binds here, too."""
    item = {"TableName": "t", "Key": {"pk": {"S": key}, "sk": {"S": "state"}}}
    (need,) = needs(sent("dynamodb", "DynamoDB_20120810.GetItem", item))
    only = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["sweep"]}}
    read = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*", "Condition": only}
    assert roles(read).allows(ROLE, need) is allowed

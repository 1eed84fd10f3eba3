"""Reading triggers from events: every shape is survived, ids are found wherever they stand."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from guardrail.core.trail import FULL_ACCESS, SETTLED, SOURCE, Ignored, Trigger, read_trigger

PROJECT = Path(__file__).parent.parent.parent
SHARED = PROJECT.parent / "shared" / "events"
SAMPLES = sorted((PROJECT / "events").glob("*.json"))
VPC, ENDPOINT = "vpc-0123456789abcdef0", "vpce-0123456789abcdef0"
SUBNET = "subnet-0123456789abcdef0"


def event_of(name: str, request: object, response: object = None, **more: object) -> dict[str, Any]:
    """Return an event as EventBridge delivers it."""
    record = {
        "eventSource": "ec2.amazonaws.com",
        "eventName": name,
        "requestParameters": request,
        "responseElements": response,
        **more,
    }
    return {"source": "aws.ec2", "detail-type": "AWS API Call via CloudTrail", "detail": record}


@pytest.mark.parametrize(
    ("event", "vpc_ids", "other_ids"),
    [
        (event_of("CreateVpc", {}, {"vpc": {"vpcId": VPC}}), {VPC}, set()),
        (event_of("ModifyVpcAttribute", {"vpcId": VPC}), {VPC}, set()),
        (
            event_of("AssociateVpcCidrBlock", {"AssociateVpcCidrBlockRequest": {"VpcId": VPC}}),
            {VPC},
            set(),
        ),
        (
            event_of(
                "DisassociateVpcCidrBlock",
                {"DisassociateVpcCidrBlockRequest": {"AssociationId": "x"}},
                {"DisassociateVpcCidrBlockResponse": {"vpcId": VPC}},
            ),
            {VPC},
            set(),
        ),
        (
            event_of("ModifyVpcEndpoint", {"Abbreviated": {"VpcEndpointId": ENDPOINT}}),
            set(),
            {ENDPOINT},
        ),
        (
            event_of(
                "DeleteVpcEndpoints", {"R": {"VpcEndpointId": {"tag": 1, "content": ENDPOINT}}}
            ),
            set(),
            {ENDPOINT},
        ),
        (
            event_of(
                "DeleteVpcEndpoints",
                {"R": {"VpcEndpointId": [{"tag": 1, "content": ENDPOINT}, {"content": 7}]}},
            ),
            set(),
            {ENDPOINT},
        ),
        (
            event_of("DeleteVpcEndpoints", {"vpcEndpointIds": {"items": [ENDPOINT]}}),
            set(),
            {ENDPOINT},
        ),
    ],
)
def test_ids_are_found_in_every_serialisation(
    event: dict[str, Any], vpc_ids: set[str], other_ids: set[str]
) -> None:
    """Legacy and nested records, abbreviated wrappers, lists as objects and as arrays."""
    trigger = read_trigger(event)
    assert isinstance(trigger, Trigger)
    assert trigger.vpc_ids == frozenset(vpc_ids)
    assert trigger.other_ids == frozenset(other_ids)
    assert not trigger.settled


def test_tags_name_nothing() -> None:
    """An id in a tag is not what the event is about."""
    tags = {"items": [{"tags": [{"key": "vpcId", "vpcId": "vpc-0aaaaaaaaaaaaaaaa"}]}]}
    event = event_of("CreateVpc", {"tagSpecificationSet": tags}, {"vpc": {"vpcId": VPC}})
    trigger = read_trigger(event)
    assert isinstance(trigger, Trigger)
    assert trigger.vpc_ids == frozenset({VPC})


@pytest.mark.parametrize(
    ("tags", "keys"),
    [
        ({"items": [{"key": "a", "value": "1"}, {"key": "b"}]}, {"a", "b"}),
        ({"items": {"key": "a"}}, {"a"}),
        ([{"key": "a"}], {"a"}),
        ({"items": [{"key": "a"}, {"Key": "b"}]}, None),
        ({"items": [{"key": "a"}, "b"]}, None),
        ({"items": [{"key": {}}]}, None),
        ({"items": []}, None),
        ("", None),
    ],
)
def test_the_keys_of_tags_are_known_or_else_may_be_any(tags: object, keys: set[str] | None) -> None:
    """DeleteTags without any takes all tags off; what is not understood is not taken for none."""
    resources = {"items": [{"resourceId": VPC}]}
    trigger = read_trigger(event_of("DeleteTags", {"resourcesSet": resources, "tagSet": tags}))
    assert isinstance(trigger, Trigger)
    assert trigger.tag_keys == (keys if keys is None else frozenset(keys))
    assert trigger.may_tag("a")
    assert trigger.may_tag("c") == (keys is None)
    assert not trigger.may_tag(None)


def test_a_call_about_something_else_may_have_changed_anything() -> None:
    """Only calls about tags tell of nothing but tags, and only they name several VPCs."""
    trigger = read_trigger(event_of("CreateSubnet", {"vpcId": VPC, "subnetId": SUBNET}))
    assert isinstance(trigger, Trigger)
    assert trigger.may_tag(None)
    assert not trigger.mixes_vpcs


def test_actor_tool_and_time_are_read() -> None:
    """Who acted, with what and when goes into the evidence."""
    event = event_of(
        "ModifyVpcAttribute",
        {"vpcId": VPC},
        userIdentity={"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/alice"},
        userAgent="aws-cli/2",
        eventID="e-1",
        eventTime="2026-11-23T12:00:00Z",
    )
    trigger = read_trigger(event)
    assert isinstance(trigger, Trigger)
    assert trigger.actor == "arn:aws:iam::111122223333:user/alice"
    assert (trigger.user_agent, trigger.event_id) == ("aws-cli/2", "e-1")
    assert trigger.event_time == datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("parameters", "narrow"),
    [
        ({"VpcEndpointId": ENDPOINT, "PolicyDocument": "{}", "tag-key": "subnet-1"}, True),
        ({"VpcEndpointId": ENDPOINT, "ResetPolicy": True}, True),
        ({"VpcEndpointId": ENDPOINT, "RemoveSubnetId": {"tag": 1, "content": SUBNET}}, False),
        ({"VpcEndpointId": ENDPOINT, "AddSecurityGroupId": [{"content": "sg-0a1b2c3d"}]}, False),
        (None, False),
    ],
)
def test_a_call_that_names_no_subnet_and_no_group_is_narrow(
    parameters: Any, *, narrow: bool
) -> None:
    """Under whatever name; where the request was left out, it may have named anything."""
    request = {"ModifyVpcEndpointRequest": parameters} if parameters else None
    trigger = read_trigger(event_of("ModifyVpcEndpoint", request, {"vpcEndpointId": ENDPOINT}))
    assert isinstance(trigger, Trigger)
    assert trigger.narrow is narrow


@pytest.mark.parametrize(
    ("name", "parameters", "policy"),
    [
        ("ModifyVpcEndpoint", {"ModifyVpcEndpointRequest": {"PolicyDocument": "{}"}}, "{}"),
        ("ModifyVpcEndpoint", {"policyDocument": "{}"}, "{}"),
        ("ModifyVpcEndpoint", {"ModifyVpcEndpointRequest": {"ResetPolicy": True}}, FULL_ACCESS),
        ("ModifyVpcEndpoint", {"ModifyVpcEndpointRequest": {"ResetPolicy": "false"}}, None),
        ("ModifyVpcEndpoint", {"VpcEndpointId": ENDPOINT, "PrivateDnsEnabled": True}, None),
        ("ModifyVpcEndpoint", {"PolicyDocument": {"Statement": []}}, None),
        ("ModifyVpcEndpoint", None, None),
        ("CreateVpcEndpoint", {"CreateVpcEndpointRequest": {"VpcId": VPC}}, FULL_ACCESS),
        ("CreateVpcEndpoint", {"CreateVpcEndpointRequest": {"PolicyDocument": "{}"}}, "{}"),
        ("CreateVpcEndpoint", None, None),
        ("CreateSubnet", {"vpcId": VPC, "policyDocument": "{}"}, None),
    ],
)
def test_the_policy_that_the_call_gave_is_known(
    name: str, parameters: Any, policy: str | None
) -> None:
    """Under whatever wrapper; without one EC2 gives full access, and a reset is that, too."""
    trigger = read_trigger(event_of(name, parameters, {"vpcEndpointId": ENDPOINT}))
    assert isinstance(trigger, Trigger)
    assert trigger.policy == policy


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (None, "not an EventBridge event"),
        ([], "not an EventBridge event"),
        ({}, "not an EventBridge event"),
        ({"detail": {}, "source": "aws.s3"}, "not an event of aws.ec2"),
        ({"detail": {}, "source": "aws.ec2"}, "not a CloudTrail record"),
        (event_of("CreateVpc", {"vpcId": VPC}, errorCode="Client.VpcLimitExceeded"), "failed"),
        (event_of("ModifyVpcEndpoint", None), "names no VPC or endpoint"),
        ({"source": SOURCE, "detail-type": SETTLED, "detail": {}}, "names a VPC"),
        ({"source": SOURCE, "detail-type": "Other", "detail": {"vpcId": VPC}}, "names a VPC"),
        ({"source": SOURCE, "detail-type": ["x"], "detail": {"vpcId": VPC}}, "names a VPC"),
    ],
)
def test_what_says_nothing_is_ignored_with_the_reason(event: object, reason: str) -> None:
    """An ignored event says why."""
    ignored = read_trigger(event)
    assert isinstance(ignored, Ignored)
    assert reason in ignored.reason


def test_the_end_of_settling_is_read() -> None:
    """The schedule's message names the VPC and lets it be created."""
    message = {"source": SOURCE, "detail-type": SETTLED, "detail": {"vpcId": VPC}}
    assert read_trigger(message) == Trigger(SETTLED, frozenset({VPC}))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_projects_samples_point_somewhere(path: Path) -> None:
    """Each sample event of a rule is a trigger; the sweep's is not looked at."""
    event = json.loads(path.read_text())
    if path.stem != "sweep":
        assert isinstance(read_trigger(event), Trigger)


def test_a_refused_name_tells_which_endpoint_wanted_it() -> None:
    """It may be one of the guardrail's own; a creation has none yet."""
    message = (
        "already a conflicting DNS domain for states.us-east-1.amazonaws.com in the VPC " + VPC
    )
    failed = {"errorCode": "Client.InvalidParameter", "errorMessage": message}
    for name, request, about in (
        ("ModifyVpcEndpoint", {"R": {"VpcEndpointId": ENDPOINT}}, {ENDPOINT}),
        ("CreateVpcEndpoint", {"R": {"VpcId": VPC}}, set()),
    ):
        trigger = read_trigger(event_of(name, request, **failed))
        assert isinstance(trigger, Trigger)
        assert trigger.wish
        assert trigger.wish.about == about


@pytest.mark.skipif(not SHARED.is_dir(), reason="no folder of recorded events beside the project")
def test_every_recorded_event_is_survived() -> None:
    """Records as they are, and as EventBridge wraps them."""
    paths = sorted(SHARED.glob("*/*.json"))
    assert paths
    for path in paths:
        record = json.loads(path.read_text())
        wrapped = {"source": "aws.ec2", "detail": record}
        for event in (record, wrapped):
            assert isinstance(read_trigger(event), Trigger | Ignored)


@pytest.mark.parametrize("member", ["eventTime", "eventID", "userAgent", "userIdentity"])
def test_evidence_of_any_shape_is_survived_and_bounded(member: str) -> None:
    """Half characters, megabytes and nesting reach neither the log nor the table."""
    deep: Any = []
    for _ in range(50_000):
        deep = [deep]
    for value in (deep, "x" * 1_000_000, "\ud800", 7, {"arn": ["\udfff"]}, {"arn": "\ud800"}):
        trigger = read_trigger(event_of("CreateVpc", {"vpcId": VPC}, **{member: value}))
        assert isinstance(trigger, Trigger)
        texts = [trigger.event_id or "", trigger.user_agent or "", trigger.actor or ""]
        assert max(len(text.encode()) for text in texts) <= 512
        # It is part of a key, which holds 1,024 bytes.
        assert len(texts[0].encode()) <= 256


def test_deep_and_large_events_cost_bounded_work() -> None:
    """Nesting beyond the recursion limit and a megabyte of ids are read without failing."""
    deep: Any = VPC
    for _ in range(50_000):
        deep = [deep]
    wide = {"vpcId": [VPC] * 200_000}
    for request in ({"vpcId": deep}, wide):
        assert isinstance(read_trigger(event_of("CreateVpc", request)), Trigger | Ignored)

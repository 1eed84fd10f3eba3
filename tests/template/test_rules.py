"""The rules against the sample events: what reaches which function, and what does not."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from stack_template import ROOT, template

from guardrail.core.trail import Trigger, read_trigger
from guardrail_sandbox.patterns import matches

BOTH = ["EndpointChange", "VpcChange"]
OF_RULES = {
    "create-vpc": ["VpcChange"],
    "create-default-vpc": ["VpcChange"],
    "create-subnet": ["VpcChange"],
    "create-default-subnet": ["VpcChange"],
    "delete-subnet": ["VpcChange"],
    "modify-vpc-attribute": ["VpcChange"],
    "associate-vpc-cidr-block": ["VpcChange"],
    "disassociate-vpc-cidr-block": ["VpcChange"],
    "authorize-security-group-ingress": ["VpcChange"],
    "revoke-security-group-ingress": ["VpcChange"],
    "modify-security-group-rules": ["VpcChange"],
    "delete-security-group": ["VpcChange"],
    "create-tags": BOTH,
    "delete-tags": BOTH,
    "create-vpc-endpoint": BOTH,
    "delete-vpc-endpoints": BOTH,
    "modify-vpc-endpoint": ["EndpointChange"],
    "delete-vpc-refused": ["Yielding"],
    "delete-subnet-refused": ["Yielding"],
    "create-vpc-endpoint-refused": ["Yielding"],
    "modify-vpc-endpoint-refused": ["Yielding"],
}
"""Which functions hear of each sample, by its file."""

OF_SCHEDULES = {"sweep.json", "vpc-settled.json", "vpc-look-again.json"}
ENVELOPE = {"version", "id", "source", "account", "time", "region", "resources", "detail"}
ENVELOPE |= {"detail-type"}


def _events() -> dict[Path, dict[str, Any]]:
    return {path: json.loads(path.read_text()) for path in sorted((ROOT / "events").glob("*.json"))}


SAMPLES = {p.stem: e for p, e in _events().items() if p.name not in OF_SCHEDULES}
SUCCEEDED = {name: e for name, e in SAMPLES.items() if "errorCode" not in e["detail"]}


def _reached(event: dict[str, Any]) -> list[str]:
    """Return the functions whose rules match `event`."""
    return sorted(
        target["Arn"]["Fn::GetAtt"][0]
        for _, rule in template().of_type("AWS::Events::Rule")
        if matches(rule["EventPattern"], event)
        for target in rule["Targets"]
    )


def _changed(event: dict[str, Any], **detail: Any) -> dict[str, Any]:
    changed = copy.deepcopy(event)
    changed["detail"].update(detail)
    return changed


def test_there_is_a_sample_for_every_event_name_in_the_rules() -> None:
    """Samples, rules and this test's own table name the same events."""
    named = {
        (name, "errorCode" in rule and rule["errorCode"] != [{"exists": False}])
        for _, found in template().of_type("AWS::Events::Rule")
        for rule in [found["EventPattern"]["detail"]]
        for part in rule.get("$or", [rule])
        for name in part["eventName"]
    }
    sampled = {(e["detail"]["eventName"], "errorCode" in e["detail"]) for e in SAMPLES.values()}
    assert named == sampled
    assert sorted(SAMPLES) == sorted(OF_RULES)


@pytest.mark.parametrize("name", SAMPLES)
def test_each_sample_reaches_the_functions_that_it_concerns(name: str) -> None:
    """Each function once; endpoints that come and go concern two."""
    assert _reached(SAMPLES[name]) == OF_RULES[name]


@pytest.mark.parametrize("event", SUCCEEDED.values(), ids=SUCCEEDED)
def test_a_call_that_failed_reaches_no_function(event: dict[str, Any]) -> None:
    """Failed calls, and dry runs that would have succeeded, carry an errorCode."""
    for code in ("Client.UnauthorizedOperation", "Client.DryRunOperation"):
        assert _reached(_changed(event, errorCode=code, responseElements=None)) == []


def test_only_refusals_that_something_of_ours_may_be_the_cause_of_reach_yielding() -> None:
    """Another code, another message, another service's name: nobody hears of it."""
    torn, taken = SAMPLES["delete-vpc-refused"], SAMPLES["create-vpc-endpoint-refused"]
    assert _reached(_changed(torn, errorCode="Client.UnauthorizedOperation")) == []
    assert _reached(_changed(taken, errorMessage="The subnet ID does not exist")) == []
    other = taken["detail"]["errorMessage"].replace("states", "sqs")
    assert _reached(_changed(taken, errorMessage=other)) == []


def test_tags_of_instances_and_the_like_reach_no_function() -> None:
    """Everything in an account is tagged; four kinds of resources decide here."""
    event = _changed(SAMPLES["create-tags"])
    items = event["detail"]["requestParameters"]["resourcesSet"]["items"]
    items[0]["resourceId"] = "i-0123456789abcdef0"
    assert _reached(event) == []
    items.append({"resourceId": "subnet-0123456789abcdef0"})
    assert _reached(event) == ["VpcChange"]


@pytest.mark.parametrize("resource", ["vpc-0a1b2c3d4e5f60718", "vpce-0c9d8e7f6a5b40312"])
def test_tags_of_what_an_exemption_is_for_reach_the_function_that_writes_policies(
    resource: str,
) -> None:
    """VPCs and endpoints can be exempt; subnets and groups cannot."""
    event = _changed(SAMPLES["delete-tags"])
    event["detail"]["requestParameters"]["resourcesSet"]["items"] = [{"resourceId": resource}]
    assert _reached(event) == BOTH


@pytest.mark.parametrize("event", SAMPLES.values(), ids=SAMPLES)
def test_the_event_of_another_service_or_kind_reaches_no_function(event: dict[str, Any]) -> None:
    """Source, detail-type, event source and event name all count."""
    assert _reached({**event, "source": "aws.s3"}) == []
    assert _reached({**event, "detail-type": "AWS Service Event via CloudTrail"}) == []
    assert _reached(_changed(event, eventSource="ssm.amazonaws.com")) == []
    assert _reached(_changed(event, eventName="DescribeVpcEndpoints")) == []


@pytest.mark.parametrize("event", SAMPLES.values(), ids=SAMPLES)
def test_each_sample_is_a_record_in_its_envelope(event: dict[str, Any]) -> None:
    """Envelope and record agree on account, region and time, as they do on AWS."""
    detail = event["detail"]
    assert event["account"] == detail["recipientAccountId"] == "111122223333"
    assert (event["region"], event["time"]) == (detail["awsRegion"], detail["eventTime"])
    assert event["detail-type"] == "AWS API Call via CloudTrail"
    assert set(event) == ENVELOPE


@pytest.mark.parametrize("event", SAMPLES.values(), ids=SAMPLES)
def test_each_sample_points_at_where_to_look(event: dict[str, Any]) -> None:
    """The handlers find where to look in each of them."""
    trigger = read_trigger(event)
    assert isinstance(trigger, Trigger)
    assert trigger.vpc_ids or trigger.other_ids
    assert (trigger.wish is not None) == ("errorCode" in event["detail"])
    assert trigger.actor
    assert trigger.event_id == event["detail"]["eventID"]


def test_the_samples_show_both_serialisations() -> None:
    """Some requests are nested in one wrapper, others are flat."""
    nested = [
        list(event["detail"]["requestParameters"]) == [f"{event['detail']['eventName']}Request"]
        for event in SAMPLES.values()
    ]
    assert any(nested)
    assert not all(nested)


def test_event_ids_of_samples_differ() -> None:
    """No two samples would be taken for the same event."""
    ids = [i for e in SAMPLES.values() for i in (e["id"], e["detail"]["eventID"])]
    assert len(set(ids)) == len(ids)


def test_what_cannot_be_delivered_goes_to_the_dead_letter_queue() -> None:
    """Every rule and schedule retries, and names the queue for what it gives up on."""
    targets = [t for _, rule in template().of_type("AWS::Events::Rule") for t in rule["Targets"]]
    targets += [p["Target"] for _, p in template().of_type("AWS::Scheduler::Schedule")]
    assert len(targets) == 6
    for target in targets:
        assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
        assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0


def test_the_queue_lets_eventbridge_of_this_account_in_and_nobody_else() -> None:
    """One statement, limited by account and by rule; what has a role needs no statement."""
    ((_, policy),) = template().of_type("AWS::SQS::QueuePolicy")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert {key for test in statement["Condition"].values() for key in test} == {
        "aws:SourceAccount",
        "aws:SourceArn",
    }


def test_the_sweep_runs_on_the_parameter_and_is_spread() -> None:
    """The schedule is the parameter's, and the start may vary within the other's window."""
    ((_, schedule),) = template().of_type("AWS::Scheduler::Schedule")
    assert schedule["ScheduleExpression"] == {"Ref": "SweepSchedule"}
    assert schedule["FlexibleTimeWindow"] == {
        "Mode": "FLEXIBLE",
        "MaximumWindowInMinutes": {"Ref": "SweepWindowMinutes"},
    }
    assert schedule.get("State", "ENABLED") == "ENABLED"

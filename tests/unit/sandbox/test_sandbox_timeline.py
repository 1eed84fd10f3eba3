"""What the lines of the timeline say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from guardrail_sandbox.journal import Buried, Entry, Logged, Recorded
from guardrail_sandbox.timeline import Timeline

START = datetime(2026, 11, 23, 12, 0, 0, 250_000, tzinfo=UTC)
VPC, ENDPOINT, GROUP = "vpc-0123456789abcdef0", "vpce-0123456789abcdef0", "sg-0123456789abcdef0"
USER = "arn:aws:iam::123456789012:user/ana"


def record(name: str, *, own: bool = False, after: float = 0, **fields: Any) -> Recorded:
    """Return the record of a call."""
    filled = {
        "eventName": name,
        "eventID": f"id-of-{name}",
        "userIdentity": {"arn": USER},
        "requestParameters": {},
        "responseElements": None,
        **fields,
    }
    return Recorded(filled, by_guardrail=own, at=START + timedelta(seconds=after))


def decision(after: float = 0, **fields: Any) -> Logged:
    """Return a canonical log line."""
    filled = {"message": "reconciled", "vpc_id": VPC, "outcome": "compliant", **fields}
    return Logged("EndpointChange", filled, at=START + timedelta(seconds=after))


def lines(*entries: Entry) -> list[tuple[str, str]]:
    """Return kind and text of the lines of entries in order."""
    timeline = Timeline()
    return [(line.kind, line.text) for entry in entries for line in timeline.lines(entry)]


def opened() -> Recorded:
    """Return the record of a policy change."""
    request = {"ModifyVpcEndpointRequest": {"VpcEndpointId": ENDPOINT, "PolicyDocument": "{}"}}
    return record("ModifyVpcEndpoint", requestParameters=request)


def put_back(**changed: object) -> Logged:
    """Return the log line of a revert, by the event that had opened the endpoint."""
    return decision(
        0.5,
        **{
            "outcome": "repaired",
            "event_id": "id-of-ModifyVpcEndpoint",
            "actor": USER,
            "user_agent": "aws-cli/1.46 x",
            "exposure_ms": 400,
            "findings": [
                {"code": "policy-broader", "endpoint_id": ENDPOINT, "message": "too broad"}
            ],
            "actions": [{"action": "WritePolicy", "target": ENDPOINT, "result": "applied"}],
            **changed,
        },
    )


def own_write() -> Recorded:
    """Return the record of the guardrail's write."""
    request = {"ModifyVpcEndpointRequest": {"VpcEndpointId": ENDPOINT, "PolicyDocument": "{}"}}
    return record(
        "ModifyVpcEndpoint", own=True, after=0.4, requestParameters=request, eventID="own"
    )


def test_an_event_says_what_was_made_and_by_whom() -> None:
    """A creation is named by the id in the answer."""
    made = record(
        "CreateVpc",
        requestParameters={"cidrBlock": "10.0.0.0/16"},
        responseElements={"vpc": {"vpcId": VPC}},
    )
    assert lines(made) == [("event", f"CreateVpc {VPC} (10.0.0.0/16) by ana")]


def test_a_refused_call_says_why() -> None:
    """Failed calls are no events to the rules, and are shown as refused."""
    failed = record("CreateVpc", errorCode="Client.VpcLimitExceeded")
    assert lines(failed) == [("refused", "CreateVpc by ana: Client.VpcLimitExceeded")]


def test_a_write_says_what_the_endpoint_got() -> None:
    """One layout has lists of objects with `content`; the summary counts and names them."""
    request = {
        "CreateVpcEndpointRequest": {
            "ServiceName": "com.amazonaws.us-east-1.states",
            "PolicyDocument": "{}",
            "SubnetId": [{"tag": 1, "content": "subnet-1"}, {"tag": 2, "content": "subnet-2"}],
            "SecurityGroupId": {"tag": 1, "content": GROUP},
            "PrivateDnsEnabled": True,
        }
    }
    made = record(
        "CreateVpcEndpoint",
        own=True,
        requestParameters=request,
        responseElements={"CreateVpcEndpointResponse": {"vpcEndpoint": {"id": ENDPOINT}}},
    )
    details = f"states, policy, 2 subnets, security group {GROUP}, private DNS on"
    assert lines(made) == [("write", f"CreateVpcEndpoint {ENDPOINT} ({details})")]


def test_who_opened_it_for_how_long_and_why_is_said_after_the_write() -> None:
    """The time runs from the event to the record of the write, whichever line comes first."""
    text = f"{ENDPOINT} stood open for 0.40 s: ana wrote it with aws-cli; too broad"
    for order in ((put_back(), own_write()), (own_write(), put_back())):
        found = lines(opened(), *order)
        assert found[-1] == ("closed", text)
        assert [kind for kind, _ in found].count("closed") == 1


def test_nobody_is_blamed_by_an_event_that_did_not_open_it() -> None:
    """A sweep, or a subnet made meanwhile, only found the endpoint open."""
    found = lines(opened(), own_write(), put_back(exposure_ms=None, trigger="CreateSubnet"))
    assert found[-1] == ("closed", f"{ENDPOINT} stood open: found by CreateSubnet; too broad")


def test_what_is_left_to_others_is_said() -> None:
    """After a deletion the timeline tells that the endpoint comes back later."""
    line = decision(
        0.5,
        outcome="deferred",
        findings=[{"code": "endpoint-missing", "endpoint_id": None, "message": "none there"}],
        actions=[{"action": "CreateEndpoint", "target": VPC, "result": "deferred"}],
    )
    said = "(CreateEndpoint: left to a later event or the next sweep)"
    assert lines(line) == [("decision", f"{VPC} endpoint-missing: none there {said}")]


def test_what_would_be_done_is_said_in_observe_mode() -> None:
    """A recorded action is no write."""
    planned = decision(
        outcome="reported",
        mode="observe",
        findings=[{"code": "endpoint-missing", "message": "none"}],
        actions=[{"action": "CreateEndpoint", "result": "recorded"}],
    )
    text = f"{VPC} endpoint-missing: none (would CreateEndpoint; mode observe)"
    assert lines(planned) == [("decision", text)]


def test_waiting_is_said_once() -> None:
    """Ten events that change nothing are one line, until something else was decided."""
    waiting = decision(outcome="waiting", findings=[{"code": "waiting-for-dns", "message": "off"}])
    said = [text for _, text in lines(waiting, waiting, decision(), decision(), waiting)]
    assert said == [
        f"{VPC} waiting-for-dns: off",
        f"{VPC} in order",
        f"{VPC} in order",
        f"{VPC} waiting-for-dns: off",
    ]


def test_an_ignored_event_says_why() -> None:
    """The reason is the log's."""
    ignored = Logged("VpcChange", {"message": "ignored", "reason": "not ours"}, at=START)
    assert lines(ignored) == [("decision", "ignored: not ours")]


def test_other_log_lines_are_not_shown() -> None:
    """Only what matters to an owner is."""
    assert lines(Logged("VpcChange", {"level": "INFO", "message": "cold"}, at=START)) == []


def test_a_dead_letter_says_its_cause() -> None:
    """Both kinds: what could not be delivered, and what a function gave up on."""
    undelivered = Buried("q", {}, {"ERROR_CODE": "NO_RESOURCE", "ERROR_MESSAGE": "gone"})
    given_up = Buried(
        "q",
        {
            "requestContext": {"functionArn": "a:function:f:$LATEST", "approximateInvokeCount": 3},
            "responsePayload": {"errorType": "X", "errorMessage": "y"},
        },
        {},
    )
    assert lines(undelivered, given_up) == [
        ("buried", "not delivered: NO_RESOURCE: gone"),
        ("buried", "f gave up after 3 attempts: X: y"),
    ]


def test_a_record_of_any_shape_has_a_line() -> None:
    """What is not recognised is shown by name."""
    odd = [None, "", [], {"a": [None, 1, {"b": True}]}]
    found = lines(*(record("ModifyVpcAttribute", requestParameters=shape) for shape in odd))
    assert set(found) == {("event", "ModifyVpcAttribute by ana")}


def test_what_the_guardrail_only_tries_is_no_line() -> None:
    """The sweep's dry runs; a user's own is refused like other calls."""
    tried = "Client.DryRunOperation"
    assert lines(record("CreateVpcEndpoint", own=True, errorCode=tried)) == []
    assert [kind for kind, _ in lines(record("CreateVpcEndpoint", errorCode=tried))] == ["refused"]

"""The port Evidence: policies that complied, and what was replaced; in memory and on DynamoDB."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import pytest

from guardrail.aws.evidence import DynamoEvidence
from guardrail.core.actions import Origin
from guardrail.core.fights import IN_FLIGHT, WINDOW, Loosening, PastRevert
from guardrail.core.policy import Witness
from guardrail.ports import BeforeImage, Evidence, Kept
from support.fakes import BASELINE, OPEN, FakeEvidence

ENDPOINT, VPC = "vpce-0123456789abcdef0", "vpc-0123456789abcdef0"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture(params=["fake", "dynamodb"])
def evidence(request: pytest.FixtureRequest, table: str) -> Evidence:
    """Return each implementation of the port."""
    if request.param == "fake":
        return FakeEvidence()
    return DynamoEvidence(boto3.client("dynamodb"), table, history_days=90)


def image(at: datetime = NOW, event_id: str = "event-1") -> BeforeImage:
    """Return the record of a revert."""
    return BeforeImage(
        ENDPOINT,
        VPC,
        OPEN,
        BASELINE,
        Origin.LAST_COMPLIANT,
        at,
        codes=("policy-broader",),
        reason="lets everyone in",
        witness=Witness("anonymous", "states:StartExecution", "*"),
        trigger="ModifyVpcEndpoint",
        event_id=event_id,
        actor="alice",
        user_agent="aws-cli/2",
        changed=at - timedelta(seconds=3),
    )


def test_the_last_compliant_policy_counts(evidence: Evidence) -> None:
    """Noted again or replaced; an endpoint never seen compliant has none."""
    for policy in (BASELINE, BASELINE, "{}"):
        evidence.note_compliant(ENDPOINT, policy, NOW)
    assert evidence.kept([ENDPOINT, "vpce-2"]) == {ENDPOINT: Kept("{}")}
    assert evidence.kept([]) == {}


def test_what_was_seen_earlier_replaces_nothing_that_was_seen_later(evidence: Evidence) -> None:
    """A sweep looks minutes before it keeps."""
    evidence.note_compliant(ENDPOINT, BASELINE, NOW)
    evidence.note_compliant(ENDPOINT, "{}", NOW - SECOND)
    assert evidence.kept([ENDPOINT]) == {ENDPOINT: Kept(BASELINE)}
    evidence.note_compliant(ENDPOINT, "{}", NOW)
    assert evidence.kept([ENDPOINT]) == {ENDPOINT: Kept("{}")}


def test_what_is_owed_is_told_until_it_is_paid(evidence: Evidence) -> None:
    """By each who keeps the policy, changed or not; it is no policy by itself."""
    evidence.owe(ENDPOINT, NOW)
    assert evidence.kept([ENDPOINT]) == {ENDPOINT: Kept(owed=True)}
    told = [evidence.note_compliant(ENDPOINT, BASELINE, NOW) for _ in range(2)]
    evidence.pay(ENDPOINT, NOW)
    told += [evidence.note_compliant(ENDPOINT, BASELINE, NOW) for _ in range(2)]
    assert told == [True, True, False, False]
    assert evidence.kept([ENDPOINT]) == {ENDPOINT: Kept(BASELINE)}


def test_what_came_to_be_owed_after_a_look_began_is_not_paid_by_it(evidence: Evidence) -> None:
    """It may not have seen what is owed; neither is it a fault to pay what nobody owes."""
    evidence.pay(ENDPOINT, NOW)
    evidence.owe(ENDPOINT, NOW + SECOND)
    evidence.pay(ENDPOINT, NOW)
    assert evidence.kept([ENDPOINT])[ENDPOINT].owed


def test_one_of_many_claims_the_next_revert(evidence: Evidence) -> None:
    """Until its time is over."""
    minute = timedelta(minutes=1)
    claims = [evidence.claim(ENDPOINT, NOW + n * SECOND, NOW + minute) for n in range(3)]
    assert claims == [True, False, False]
    assert evidence.kept([ENDPOINT]).get(ENDPOINT, Kept()) == Kept()
    assert evidence.claim(ENDPOINT, NOW + minute, NOW + 2 * minute)


def test_who_opened_a_policy_is_known_until_it_is_seen_compliant(evidence: Evidence) -> None:
    """By whichever policy, the one kept before included."""
    evidence.note_compliant(ENDPOINT, BASELINE, NOW)
    for at in (NOW, None):
        opened = Loosening("alice", None, "event-1", at, "a" * 64)
        evidence.note_loosening(ENDPOINT, opened)
        evidence.claim(ENDPOINT, NOW, NOW)
        assert evidence.kept([ENDPOINT])[ENDPOINT].loosening == opened
        evidence.note_compliant(ENDPOINT, BASELINE, NOW)
        assert evidence.kept([ENDPOINT]) == {ENDPOINT: Kept(BASELINE)}


def test_reverts_of_the_last_hour_are_counted(evidence: Evidence) -> None:
    """The moment itself is within; what may have been written counts for two minutes."""
    moments = [NOW - WINDOW - SECOND, NOW - WINDOW, NOW - IN_FLIGHT - SECOND, NOW - IN_FLIGHT, NOW]
    for number, at in enumerate(moments):
        evidence.keep(one := image(at, f"event-{number}"))
        if number < 2:
            evidence.note_written(one, one.at, None)
    evidence.keep(failed := image(NOW, "event-9"))
    evidence.note_failed(failed)
    found = [PastRevert(moments[n], "alice", "aws-cli/2", written=n < 2) for n in (1, 3, 4)]
    assert evidence.reverts(ENDPOINT, NOW) == found
    assert evidence.reverts("vpce-2", NOW) == []


def test_an_unchanged_policy_is_not_written_again(table: str) -> None:
    """The one call carries the condition: a mark in the policy's place stays."""
    client = boto3.client("dynamodb")
    evidence = DynamoEvidence(client, table, history_days=90)
    evidence.note_compliant(ENDPOINT, BASELINE, NOW)
    client.update_item(
        TableName=table,
        Key={"pk": {"S": f"endpoint#{ENDPOINT}"}, "sk": {"S": "policy#last-compliant"}},
        UpdateExpression="SET #policy = :mark",
        ExpressionAttributeNames={"#policy": "policy"},
        ExpressionAttributeValues={":mark": {"S": "mark"}},
    )
    evidence.note_compliant(ENDPOINT, BASELINE, NOW)
    assert evidence.kept([ENDPOINT]) == {ENDPOINT: Kept("mark")}
    evidence.note_compliant(ENDPOINT, OPEN, NOW)
    assert evidence.kept([ENDPOINT]) == {ENDPOINT: Kept(OPEN)}


def test_a_record_holds_what_happened_and_expires(table: str) -> None:
    """Both policies, who, with what, why, a request that got through, when it was verified."""
    client = boto3.client("dynamodb")
    evidence = DynamoEvidence(client, table, history_days=90)
    evidence.keep(image())
    evidence.note_written(image(), NOW, 3_000)
    evidence.note_verified(image(), NOW + SECOND, 4_000)
    (item,) = client.scan(TableName=table)["Items"]
    told = {name: next(iter(value.values())) for name, value in item.items()}
    assert told.pop("witness").startswith('{"principal": "anonymous"')
    assert told.pop("codes") == [{"S": "policy-broader"}]
    assert told == {
        "pk": f"endpoint#{ENDPOINT}",
        "sk": "revert#2026-11-23T12:00:00.000+00:00#event-1",
        "vpc_id": VPC,
        "begun": "2026-11-23T12:00:00.000+00:00",
        "policy_before": OPEN,
        "policy_after": BASELINE,
        "origin": "last-compliant",
        "reason": "lets everyone in",
        "trigger": "ModifyVpcEndpoint",
        "event_id": "event-1",
        "actor": "alice",
        "user_agent": "aws-cli/2",
        "changed": "2026-11-23T11:59:57+00:00",
        "written": "2026-11-23T12:00:00+00:00",
        "verified": "2026-11-23T12:00:01+00:00",
        "exposure_ms": "4000",
        "expires_at": str(int((NOW + timedelta(days=90)).timestamp())),
    }

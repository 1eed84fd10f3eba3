"""The port Evidence: policies that complied, and what was replaced; in memory and on DynamoDB."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import pytest

from guardrail.aws.evidence import DynamoEvidence
from guardrail.core.actions import Origin
from guardrail.core.fights import PastRevert
from guardrail.core.policy import Witness
from guardrail.ports import BeforeImage, Evidence
from support.fakes import BASELINE, OPEN, FakeEvidence

ENDPOINT, VPC = "vpce-0123456789abcdef0", "vpc-0123456789abcdef0"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


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
        evidence.note_compliant(ENDPOINT, policy)
    assert evidence.last_compliant([ENDPOINT, "vpce-2"]) == {ENDPOINT: "{}"}
    assert evidence.last_compliant([]) == {}


def test_what_is_owed_is_told_once(evidence: Evidence) -> None:
    """By whoever keeps the policy next, changed or not; it is no policy by itself."""
    evidence.owe(ENDPOINT)
    assert evidence.last_compliant([ENDPOINT]) == {}
    told = [evidence.note_compliant(ENDPOINT, BASELINE) for _ in range(2)]
    evidence.owe(ENDPOINT)
    told += [evidence.note_compliant(ENDPOINT, BASELINE) for _ in range(2)]
    assert told == [True, False, True, False]
    assert evidence.last_compliant([ENDPOINT]) == {ENDPOINT: BASELINE}


def test_reverts_that_were_written_are_counted_since_a_moment(evidence: Evidence) -> None:
    """A record whose write was never made is none; the moment itself is within."""
    for minutes in (0, 1, 2):
        evidence.keep(one := image(NOW + timedelta(minutes=minutes), f"event-{minutes}"))
        evidence.completed(one, one.at, None, None)
    evidence.keep(image(NOW + timedelta(minutes=3), "event-3"))
    since = NOW + timedelta(minutes=1)
    found = [since, since + timedelta(minutes=1)]
    assert evidence.reverts(ENDPOINT, since) == [
        PastRevert(at, "alice", "aws-cli/2") for at in found
    ]
    assert evidence.reverts("vpce-2", since) == []


def test_an_unchanged_policy_is_not_written_again(table: str) -> None:
    """The one call carries the condition: a mark in the policy's place stays."""
    client = boto3.client("dynamodb")
    evidence = DynamoEvidence(client, table, history_days=90)
    evidence.note_compliant(ENDPOINT, BASELINE)
    client.update_item(
        TableName=table,
        Key={"pk": {"S": f"endpoint#{ENDPOINT}"}, "sk": {"S": "policy#last-compliant"}},
        UpdateExpression="SET #policy = :mark",
        ExpressionAttributeNames={"#policy": "policy"},
        ExpressionAttributeValues={":mark": {"S": "mark"}},
    )
    evidence.note_compliant(ENDPOINT, BASELINE)
    assert evidence.last_compliant([ENDPOINT]) == {ENDPOINT: "mark"}
    evidence.note_compliant(ENDPOINT, OPEN)
    assert evidence.last_compliant([ENDPOINT]) == {ENDPOINT: OPEN}


def test_a_record_holds_what_happened_and_expires(table: str) -> None:
    """Both policies, who, with what, why, a request that got through, when it was verified."""
    client = boto3.client("dynamodb")
    evidence = DynamoEvidence(client, table, history_days=90)
    evidence.keep(image())
    evidence.completed(image(), NOW, NOW + timedelta(seconds=1), 4_000)
    (item,) = client.scan(TableName=table)["Items"]
    told = {name: next(iter(value.values())) for name, value in item.items()}
    assert told.pop("witness").startswith('{"principal": "anonymous"')
    assert told.pop("codes") == [{"S": "policy-broader"}]
    assert told == {
        "pk": f"endpoint#{ENDPOINT}",
        "sk": "revert#2026-11-23T12:00:00.000+00:00#event-1",
        "vpc_id": VPC,
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

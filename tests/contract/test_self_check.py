"""What the guardrail depends on is looked for: a trail, the rules, the permissions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from guardrail.aws import clients, trial
from guardrail.aws.last_sweep import LastSweep, Swept
from guardrail.aws.self_check import SelfCheck
from guardrail.core.trials import Trial, Write

REGION = "us-east-1"
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
WRITES: dict[str, Any] = {"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}
MANAGEMENT = {"Field": "eventCategory", "Equals": ["Management"]}


@pytest.fixture(autouse=True)
def new_clients() -> Iterator[None]:
    """Make clients anew: those that are kept belong to another test's account."""
    clients.events.cache_clear()
    yield
    clients.events.cache_clear()


def trail(*, logging: bool = True, everywhere: bool = True, home: str = REGION) -> Any:
    """Make a trail; return the client."""
    boto3.client("s3", region_name=REGION).create_bucket(Bucket="trail-bucket")
    client = boto3.client("cloudtrail", region_name=home)
    client.create_trail(Name="trail", S3BucketName="trail-bucket", IsMultiRegionTrail=everywhere)
    client.put_event_selectors(TrailName="trail", EventSelectors=[WRITES])
    if logging:
        client.start_logging(Name="trail")
    return client


def missing(*rules: str) -> list[str]:
    """Return what is missing."""
    return SelfCheck(REGION, rules).missing()


def test_a_trail_that_logs_writes_is_enough() -> None:
    """Nothing is missing, and nothing is said."""
    trail()
    assert missing() == []


@pytest.mark.parametrize(
    "broken",
    [
        {"logging": False},
        {"everywhere": False, "home": "eu-central-1"},
    ],
)
def test_a_trail_that_does_not_log_here_is_missing(broken: dict[str, Any]) -> None:
    """Stopped, or of another region alone."""
    trail(**broken)
    (sentence,) = missing()
    assert "no trail logs write management events" in sentence


def test_without_any_trail_it_says_what_follows() -> None:
    """The reader learns that only sweeps find changes."""
    (sentence,) = missing()
    assert "there is none" in sentence
    assert "only sweeps" in sentence


def test_a_trail_that_cannot_be_looked_at_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """An organisation's trail may be closed to a member; where it is the only one, that is told."""
    own = trail()
    boto3.client("s3", region_name=REGION).create_bucket(Bucket="closed-bucket")
    own.create_trail(Name="closed", S3BucketName="closed-bucket", IsMultiRegionTrail=True)

    class Client:
        """Looks at every trail but one."""

        @staticmethod
        def describe_trails() -> Any:
            """Name the closed one first."""
            found = own.describe_trails()["trailList"]
            return {"trailList": sorted(found, key=lambda one: one["Name"])}

        @staticmethod
        def get_trail_status(**asked: str) -> Any:
            """Refuse to look at it."""
            if asked["Name"].endswith("/closed"):
                denied = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
                raise ClientError(denied, "GetTrailStatus")
            return own.get_trail_status(**asked)

        get_event_selectors = staticmethod(own.get_event_selectors)

    monkeypatch.setattr(clients, "cloudtrail", Client)
    assert missing() == []
    own.delete_trail(Name="trail")
    assert "not known" in missing()[0]
    assert "AccessDenied" in missing()[0]


@pytest.mark.parametrize(
    ("selectors", "enough"),
    [
        ({"EventSelectors": [WRITES | {"ReadWriteType": "ReadOnly"}]}, False),
        ({"EventSelectors": [WRITES | {"IncludeManagementEvents": False}]}, False),
        ({"AdvancedEventSelectors": [{"FieldSelectors": [MANAGEMENT]}]}, True),
        (
            {
                "AdvancedEventSelectors": [
                    {"FieldSelectors": [MANAGEMENT, {"Field": "readOnly", "Equals": ["true"]}]}
                ]
            },
            False,
        ),
        (
            {
                "AdvancedEventSelectors": [
                    {
                        "FieldSelectors": [
                            MANAGEMENT,
                            {"Field": "eventSource", "NotEquals": ["ec2.amazonaws.com"]},
                        ]
                    }
                ]
            },
            False,
        ),
        (
            {
                "AdvancedEventSelectors": [
                    {
                        "FieldSelectors": [
                            MANAGEMENT,
                            {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]},
                        ]
                    }
                ]
            },
            True,
        ),
        (
            {
                "AdvancedEventSelectors": [
                    {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}
                ]
            },
            False,
        ),
    ],
)
def test_what_a_trail_selects_counts(selectors: dict[str, Any], *, enough: bool) -> None:
    """Write management events of EC2, by plain or advanced selectors."""
    trail().put_event_selectors(TrailName="trail", **selectors)
    assert (missing() == []) is enough


def test_rules_are_enabled_and_have_a_target() -> None:
    """A rule that somebody disabled, emptied or deleted is told of."""
    trail()
    events = boto3.client("events", region_name=REGION)
    for name in ("good", "disabled", "empty"):
        events.put_rule(Name=name, EventPattern='{"source": ["aws.ec2"]}')
    for name in ("good", "disabled"):
        target = {"Id": "t", "Arn": f"arn:aws:lambda:{REGION}:111122223333:function:f"}
        events.put_targets(Rule=name, Targets=[target])
    events.disable_rule(Name="disabled")
    assert missing("good") == []
    assert "is disabled" in missing("disabled")[0]
    assert "has no target" in missing("empty")[0]
    assert "does not exist" in missing("gone")[0]


def test_what_cannot_be_looked_at_is_told_and_keeps_nothing_else_from_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A role that may not look at rules; the trail is still looked for."""
    refusal = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeRule")
    monkeypatch.setattr(clients.events(), "describe_rule", Answering(refusal))
    told = SelfCheck(REGION, ["good"]).missing()
    assert [sentence.partition(" ")[0] for sentence in told] == ["no", "the"]


class Answering:
    """Answers every call of EC2 with this error, as dry runs are answered in any case."""

    def __init__(self, error: ClientError) -> None:
        self.error = error

    def __call__(self, **_: object) -> None:
        """Be a call that fails."""
        raise self.error

    modify_vpc_endpoint = create_vpc_endpoint = __call__


def answers(code: str, **on: str | None) -> dict[Write, str | None]:
    """Return what is told of each write when EC2 answers with this code."""
    ec2: Any = Answering(ClientError({"Error": {"Code": code, "Message": "why"}}, "Any"))
    tries = trial.possible(
        ec2,
        **{"endpoint_id": "vpce-1", "vpc_id": "vpc-1", "service_name": "states", **on},
        tags={"ResourceType": "vpc-endpoint"},
    )
    return {write: tried() for write, tried in tries.items()}


def test_only_the_answer_of_a_dry_run_itself_counts() -> None:
    """Allowed, denied with EC2's reason, or nothing known: a throttle is no permission."""
    assert answers("DryRunOperation") == {Write.MODIFY: "", Write.CREATE: ""}
    assert set(answers("RequestLimitExceeded").values()) == {None}
    denied = answers("UnauthorizedOperation")
    assert "may not modify vpce-1: why" in str(denied[Write.MODIFY])
    assert "may not create an endpoint in vpc-1" in str(denied[Write.CREATE])


def test_nothing_is_tried_where_there_is_nothing_to_try_it_on() -> None:
    """An endpoint for the one; a VPC and a service for the other."""
    nowhere = {"vpc_id": None, "endpoint_id": None}
    assert answers("DryRunOperation", **nowhere) == {}
    assert answers("DryRunOperation", endpoint_id=None).keys() == {Write.CREATE}
    assert answers("DryRunOperation", service_name=None).keys() == {Write.MODIFY}


def test_what_was_answered_is_remembered_for_the_mode(table: str) -> None:
    """Another mode has other roles, so nothing is known of them."""
    kept = LastSweep(boto3.client("dynamodb", region_name=REGION), table)
    assert kept.last("enforce") == Swept()
    known = Trial(NOON, {Write.MODIFY: "why", Write.CREATE: ""}, "throttled")
    kept.note(NOON, "enforce", {"missing": ["why"]}, known)
    assert kept.last("enforce") == Swept(NOON, ("why",), known)
    assert kept.last("observe") == Swept()
    kept.note(NOON, "enforce", {})
    assert kept.last("enforce") == Swept(NOON)

"""What the guardrail depends on is looked for: a trail, the rules, the permission to write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from guardrail.aws import clients
from guardrail.aws.self_check import SelfCheck
from guardrail.errors import TerminalError

REGION = "us-east-1"
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
    """Return what is missing where nothing is wrong with the permissions."""
    return SelfCheck(REGION, rules, list).missing()


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


def test_what_cannot_be_looked_at_is_told_and_keeps_nothing_else_from_it() -> None:
    """A role that may not look; the trail is still looked for."""

    def refuse() -> list[str]:
        raise TerminalError("not allowed")

    assert [s.partition(" ")[0] for s in SelfCheck(REGION, (), refuse).missing()] == ["no", "the"]

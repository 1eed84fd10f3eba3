"""Our records against the ones that AWS wrote for the same calls, field by field."""

from __future__ import annotations

import json
from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from guardrail_sandbox.trail import Identity, SessionIssuer, envelope

from .differences import DIFFERENCES, Side
from .harness import Canned, Trail, error, flatten
from .replays import REPLAYS

_ROOT = Path(__file__).parents[4]
_REAL = _ROOT.parent / "shared" / "events" / "real"
_DOCS = _ROOT / "docs" / "reference" / "sandbox-trail.md"
_REFUSED = "CreateDefaultVpc-failed-unauthorized"

needs_records = pytest.mark.skipif(
    not _REAL.is_dir(), reason="the published records are not on this machine"
)


def _published(name: str) -> dict[str, Any]:
    published: dict[str, Any] = json.loads((_REAL / f"{name}.json").read_text())
    return published


def _detail(published: dict[str, Any]) -> dict[str, Any]:
    """Return the record, out of its envelope if it came in one, without empty errors."""
    record = published.get("detail", published)
    return {
        name: value
        for name, value in record.items()
        if value is not None or name not in {"errorCode", "errorMessage"}
    }


def _caller(record: dict[str, Any]) -> Identity:
    who = record["userIdentity"]
    session = who.get("sessionContext", {})
    issuer = session.get("sessionIssuer")
    role = issuer and SessionIssuer(issuer["arn"], issuer["principalId"], issuer["userName"])
    created = session.get("attributes", {}).get("creationDate", "2026-01-01T00:00:00Z")
    return Identity(
        who["type"],
        who["arn"],
        who["principalId"],
        user_name=who.get("userName"),
        session_issuer=role or None,
        session_created=datetime.fromisoformat(created),
    )


def _client(trail: Trail, record: dict[str, Any]) -> Any:
    """Return a client that calls as the record's caller did."""
    options = {"user_agent": record["userAgent"]}
    if "userIdentity" in record:
        options["access_key"] = record["userIdentity"]["accessKeyId"]
        options["source_ip"] = record["sourceIPAddress"]
        trail.identities[options["access_key"]] = _caller(record)
    return trail.ec2(record["awsRegion"], **options)


@dataclass(frozen=True)
class Found:
    """One field that differs, and what stands there in either record."""

    path: str
    side: Side
    ours: object
    theirs: object

    def excused(self, name: str) -> bool:
        """Whether the list of differences has this one for the file `name`."""
        return any(known.covers(name, self.path, self.side) for known in DIFFERENCES)


def _differing(ours: dict[str, Any], theirs: dict[str, Any]) -> list[Found]:
    mine, published = flatten(ours), flatten(theirs)
    return [
        Found(path, _side(path, mine, published), mine.get(path), published.get(path))
        for path in sorted(mine.keys() | published.keys())
        if mine.get(path) != published.get(path)
    ]


def _side(path: str, mine: Container[str], published: Container[str]) -> Side:
    if path not in mine:
        return Side.MISSING
    return Side.OTHER if path in published else Side.EXTRA


def _unexcused(name: str, found: list[Found]) -> list[Found]:
    return [difference for difference in found if not difference.excused(name)]


def _compared(name: str, trail: Trail) -> list[Found]:
    theirs = _detail(_published(name))
    REPLAYS[name](_client(trail, theirs))
    if "userIdentity" not in theirs:
        # This record was published in part: only the parts about the call can be compared.
        parts = ("requestParameters", "responseElements", "eventName", "eventSource", "awsRegion")
        return _differing(
            {part: trail.last[part] for part in parts}, {part: theirs[part] for part in parts}
        )
    return _differing(trail.last, theirs)


@needs_records
@pytest.mark.parametrize("name", REPLAYS)
def test_record_equals_the_published_one_but_for_listed_differences(
    name: str, trail: Trail
) -> None:
    """The same call gives AWS's record; whatever differs stands in the list with a reason."""
    assert _unexcused(name, _compared(name, trail)) == []


@needs_records
def test_refused_call_equals_the_published_one() -> None:
    """A refusal is recorded as AWS does: prefixed code, message, null response."""
    theirs = _detail(_published(_REFUSED))
    refusal = error("UnauthorizedOperation", theirs["errorMessage"])
    trail = Trail(Canned(refusal, "403 Forbidden"))
    client = _client(trail, theirs)
    with pytest.raises(client.exceptions.ClientError):
        client.create_default_vpc()
    assert _unexcused(_REFUSED, _differing(trail.last, theirs)) == []


@needs_records
def test_every_published_record_is_compared() -> None:
    """No record in the folder goes without a replay."""
    names = {path.stem for path in _REAL.glob("*.json")}
    assert names == REPLAYS.keys() | {_REFUSED}


@needs_records
def test_no_listed_difference_is_out_of_date(trail: Trail) -> None:
    """An entry of the list that excuses nothing any more has to go."""
    found = [(name, field) for name in REPLAYS for field in _compared(name, trail)]
    stale = [
        known.path
        for known in DIFFERENCES
        if not any(known.covers(name, field.path, field.side) for name, field in found)
    ]
    assert stale == []


@needs_records
def test_envelope_equals_the_published_one(trail: Trail) -> None:
    """The envelope has the keys, order and values of EventBridge's own."""
    theirs = _published("eventbridge-envelope-DeleteTransitGatewayVpcAttachment")
    REPLAYS["eventbridge-envelope-DeleteTransitGatewayVpcAttachment"](trail.ec2("us-west-2"))
    ours = envelope(trail.last)
    # Whoever published it added `debug` to the envelope.
    theirs.pop("debug")
    assert [*ours] == [*theirs]
    del ours["detail"], theirs["detail"]
    assert _differing(ours, theirs) == []


def test_documentation_lists_every_known_difference() -> None:
    """Readers of the reference page find each field that differs."""
    page = _DOCS.read_text()
    assert [known.path for known in DIFFERENCES if f"`{known.path}`" not in page] == []

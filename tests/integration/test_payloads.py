"""Whatever arrives, a handler acts, ignores it with a reason, or hands it to the dead letters.

Records are those of `../shared/events` where that folder exists, and the sandbox's own.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from scenes import build_vpc, endpoints_of

from guardrail_sandbox.sandbox import ROOT, Sandbox

HANDLERS = ("VpcChange", "EndpointChange", "Yielding", "Sweep")
PUBLISHED = ROOT.parent / "shared" / "events"
SAMPLES = ROOT / "events"
INTERESTING = {"CreateVpc", "CreateSubnet", "ModifyVpcAttribute", "CreateVpcEndpoint"}
SOME = 1 if "EVERY_DAMAGE" in os.environ else 9
"""Every which damage reaches the functions; all of them, with EVERY_DAMAGE=1, take half an hour.
Reading events alone is tried with any damage in `tests/properties/test_any_event.py`."""
BUGS = {"KeyError", "TypeError", "AttributeError", "IndexError", "ValueError", "RecursionError"}


@pytest.fixture(scope="module")
def vpc_id(sandbox: Sandbox) -> str:
    """Make a VPC that has its endpoint: nothing is left to do for it."""
    made = build_vpc(sandbox, "10.0")
    sandbox.settle()
    assert len(endpoints_of(sandbox, made)) == 1
    return made


def events() -> list[Any]:
    """Return every record at hand in an EventBridge envelope, and the project's samples."""
    published = [json.loads(path.read_text()) for path in sorted(PUBLISHED.rglob("*.json"))]
    samples = [json.loads(path.read_text()) for path in sorted(SAMPLES.glob("*.json"))]
    return [*map(enveloped, published), *samples]


def enveloped(found: Any) -> Any:
    """Put a bare record into an envelope."""
    if "detail" in found:
        return found
    return {
        "version": "0",
        "id": "7bf73129-1428-4cd3-a780-95db273d1602",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.ec2",
        "account": found.get("recipientAccountId", "123456789012"),
        "time": found.get("eventTime", "2026-11-23T12:00:00Z"),
        "region": found.get("awsRegion", "us-east-1"),
        "resources": [],
        "detail": found,
    }


def manglings(event: Any) -> Iterator[Any]:
    """Yield the event damaged in each way: keys gone, types wrong, layouts changed, too large."""
    yield from _without_each_key(event)
    for value in (None, 7, "", "text", [], {}, {"items": None}, {"item": [None]}):
        yield from _with_each_value(event, value)
    yield event | {"detail": [event["detail"]]}
    yield event | {"detail": _with_lists(event["detail"])}
    yield event | {"padding": "x" * 250_000}


def _without_each_key(event: Any) -> Iterator[Any]:
    for key in event:
        yield {k: v for k, v in event.items() if k != key}
    for key in event["detail"]:
        yield event | {"detail": {k: v for k, v in event["detail"].items() if k != key}}


def _with_each_value(event: Any, value: Any) -> Iterator[Any]:
    for key in ("detail", "source", "detail-type", "time", "id"):
        yield event | {key: value}
    for key in ("eventName", "requestParameters", "responseElements", "userIdentity", "eventTime"):
        yield event | {"detail": event["detail"] | {key: value}}
    for part in ("requestParameters", "responseElements"):
        inner = event["detail"].get(part)
        for key in inner if isinstance(inner, dict) else ():
            yield event | {"detail": event["detail"] | {part: inner | {key: value}}}


def _with_lists(node: Any) -> Any:
    """Turn objects into lists of one and lists of one into objects, as serialisers do."""
    if isinstance(node, dict):
        changed = {key: _with_lists(value) for key, value in node.items()}
        return {k: [v] if isinstance(v, dict) else v for k, v in changed.items()}
    if isinstance(node, list) and len(node) == 1:
        return _with_lists(node[0])
    return copy.deepcopy(node)


def survives(sandbox: Sandbox, handler: str, payload: Any) -> str | None:
    """Return what is wrong with the handler's answer; None when nothing is."""
    result = sandbox.invoke(handler, payload)
    assert result is not None
    answer = result.json()
    if not result.failed:
        return None
    kind = answer["errorType"]
    wrong = kind in BUGS or kind.startswith(("Runtime.", "Sandbox."))
    return f"{handler}: {answer} for {json.dumps(payload)[:300]}" if wrong else None


def survives_all(sandbox: Sandbox, handler: str, payloads: list[Any]) -> list[str]:
    """Return what went wrong with any of these payloads."""
    found = (survives(sandbox, handler, payload) for payload in payloads)
    return [problem for problem in found if problem is not None]


@pytest.mark.parametrize("handler", HANDLERS)
def test_every_record_is_survived(sandbox: Sandbox, vpc_id: str, handler: str) -> None:
    """Real records of both layouts, failed calls and calls of other kinds lead to no crash."""
    assert vpc_id
    writes = sandbox.writes()
    assert survives_all(sandbox, handler, events()) == []
    sandbox.settle()
    assert sandbox.writes() == writes


@pytest.mark.parametrize("handler", ["VpcChange", "EndpointChange"])
def test_every_mangled_record_is_survived(sandbox: Sandbox, vpc_id: str, handler: str) -> None:
    """Damaged records about a VPC that is in order lead to no crash and no write."""
    own = [r for r in sandbox.records if r["eventName"] in INTERESTING]
    distinct = {record["eventName"]: enveloped(record) for record in own}
    every = [mangled for event in distinct.values() for mangled in manglings(event)]
    payloads = every[HANDLERS.index(handler) :: SOME]
    writes = sandbox.writes()
    assert vpc_id
    assert len(distinct) == len(INTERESTING)
    assert survives_all(sandbox, handler, payloads) == []
    sandbox.settle()
    assert sandbox.writes() == writes


@pytest.mark.parametrize("handler", HANDLERS)
@pytest.mark.parametrize(
    "payload",
    [{}, [], None, "", 0, True, "text", {"detail": None}, {"detail": {}}, [{"detail": {}}]],
    ids=repr,
)
def test_what_is_no_event_is_survived(sandbox: Sandbox, handler: str, payload: Any) -> None:
    """JSON of any shape is an answer, not a crash."""
    assert survives(sandbox, handler, payload) is None


def test_an_ignored_event_says_why(sandbox: Sandbox) -> None:
    """An event that is none of the guardrail's business leaves a reason in the log."""
    sandbox.invoke("EndpointChange", {"detail": {"eventName": "RunInstances"}})
    assert sandbox.logs[-1]["message"] == "ignored"
    assert sandbox.logs[-1]["reason"]


def test_an_invented_event_leads_to_no_write(sandbox: Sandbox, vpc_id: str) -> None:
    """A payload is a hint where to look: what it claims about a policy is not believed."""
    (endpoint,) = endpoints_of(sandbox, vpc_id)
    writes = sandbox.writes()
    claim = enveloped(
        {
            "eventSource": "ec2.amazonaws.com",
            "eventName": "ModifyVpcEndpoint",
            "awsRegion": "us-east-1",
            "recipientAccountId": "123456789012",
            "requestParameters": {
                "ModifyVpcEndpointRequest": {
                    "VpcEndpointId": endpoint["VpcEndpointId"],
                    "PolicyDocument": '{"Statement":[]}',
                }
            },
        }
    )
    sandbox.invoke("EndpointChange", claim)
    sandbox.settle()
    assert sandbox.writes() == writes
    assert sandbox.logs[-1]["outcome"] == "compliant"

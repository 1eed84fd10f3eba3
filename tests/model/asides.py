"""Stepping aside: only for an owner who was refused something, or has an endpoint of his own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from model.desired import Fault
from model.owner import Touch
from model.snapshot import Endpoint
from model.watch import Write
from model.yields import SLACK, takes_out

TO_DELETE = ("DependencyViolation", frozenset({"delete_vpc", "delete_subnet"}))
TO_HAVE_THE_NAME = ("InvalidParameter", frozenset({"create_vpc_endpoint", "modify_vpc_endpoint"}))
HEEDED = 2 * 30 * 60 + SLACK
"""A wish is followed for half an hour, and what it began goes on for as long."""
_CHANGES_ENDPOINTS = frozenset({"delete_vpc_endpoints", "modify_vpc_endpoint"})


def unasked(writes: Sequence[Write], touches: Sequence[Touch], made: set[str]) -> Iterator[Fault]:
    """Yield what was taken out, or lost its name, in a VPC whose owner was refused nothing.

    `made` is all that the guardrail ever made. One endpoint too many may go any time.
    """
    for write in writes:
        wish = _wish(write)
        if wish is None or _was_refused(write, wish, touches):
            continue
        for endpoint in _targets(write):
            ours = endpoint.endpoint_id in made and endpoint.alive
            if ours and not _is_spare(write, endpoint, touches, made):
                text = f"{write.function}'s {write.action}: {endpoint.endpoint_id} steps aside"
                yield Fault("unasked", endpoint.vpc_id, f"{text} for nobody")


def _wish(write: Write) -> tuple[str, frozenset[str]] | None:
    """Return what the owner must have tried in vain before a write; None if nothing."""
    if takes_out(write):
        return TO_DELETE
    ceded = write.code is None and write.form.get("PrivateDnsEnabled") == "false"
    return TO_HAVE_THE_NAME if ceded else None


def _was_refused(write: Write, wish: tuple[str, frozenset[str]], touches: Sequence[Touch]) -> bool:
    code, actions = wish
    return any(
        t.vpc_id == write.vpc_id
        and t.code == code
        and t.action in actions
        and 0 <= write.at - t.at <= HEEDED
        for t in touches
    )


def _targets(write: Write) -> Iterator[Endpoint]:
    named = (i for key, i in write.form.items() if key.startswith("VpcEndpointId"))
    return (write.before.endpoints[i] for i in named if i in write.before.endpoints)


def _is_spare(write: Write, endpoint: Endpoint, touches: Sequence[Touch], made: set[str]) -> bool:
    """Whether another endpoint of the service serves, or did when the invocation looked."""
    others = (
        e
        for e in write.before.endpoints_of(endpoint.vpc_id)
        if e.service == endpoint.service and e != endpoint and not e.of_aws
    )
    begun = write.at if write.begun is None else write.begun
    changed = any(
        t.vpc_id == endpoint.vpc_id
        and t.code is None
        and t.action in _CHANGES_ENDPOINTS
        and begun <= t.at <= write.at
        for t in touches
    )
    return changed or any(e.endpoint_id in made or e.subnets for e in others)

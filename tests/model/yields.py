"""Getting out of a teardown's way: not again and again, and not back at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from model.desired import Fault
from model.snapshot import Endpoint
from model.watch import Write

YIELD = 30 * 60
DAY = 24 * 3600
SLACK = 5 * 60
"""The guardrail counts from the event it handled, which is a few retries before its first write."""


def impatience(writes: Sequence[Write]) -> Iterator[Fault]:
    """Yield what was put back within the yield, and what gave way again within a day."""
    begun: dict[str, float] = {}
    for write in writes:
        vpc_id, since = write.vpc_id, write.at - begun.get(write.vpc_id, float("-inf"))
        if takes_out(write) and not _adopts(write):
            if since > DAY:
                begun[vpc_id] = write.at
            elif since > YIELD + SLACK:
                text = f"{write.action} gives way again {since / 3600:.1f} h after the first time"
                yield Fault("contested", vpc_id, text)
        elif _puts_back(write) and since < YIELD - SLACK:
            text = f"{write.action} puts back what was taken out {since:.0f} s before"
            yield Fault("early", vpc_id, text)


def takes_out(write: Write) -> bool:
    """Whether an endpoint was deleted, or taken out of subnets."""
    removed = any(name.startswith("RemoveSubnetId") for name in write.form)
    return write.code is None and (write.action == "DeleteVpcEndpoints" or removed)


def _puts_back(write: Write) -> bool:
    added = any(name.startswith("AddSubnetId") for name in write.form)
    return write.code is None and (write.action == "CreateVpcEndpoint" or added)


def _adopts(write: Write) -> bool:
    """Whether another endpoint of the service stands, so that this one is one too many."""
    target = write.before.endpoints.get(write.target)
    return target is not None and any(
        _other(target, e) for e in write.before.endpoints_of(target.vpc_id)
    )


def _other(target: Endpoint, found: Endpoint) -> bool:
    return (
        found.service == target.service
        and found.endpoint_id != target.endpoint_id
        and not found.of_aws
    )

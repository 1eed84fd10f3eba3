"""Getting out of a teardown's way: not again and again, and not back at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from model.desired import Fault
from model.owner import Deletion
from model.snapshot import Endpoint
from model.watch import Write

YIELD = 30 * 60
DAY = 24 * 3600
SLACK = 5 * 60
"""The guardrail counts from the event it handled, which is a few retries before its first write."""
MARGIN = 3600
"""It counts from when it heard of a deletion, which may be that much later."""


def impatience(writes: Sequence[Write], deletions: Sequence[Deletion]) -> Iterator[Fault]:
    """Yield what was put back within the yield, and what gave way again within a day.

    What gives way within the half hour after the owner has deleted an endpoint goes on with the
    yield that this began, and is put back at its end.
    """
    begun: dict[str, float] = {}
    for write in writes:
        vpc_id, since = write.vpc_id, write.at - begun.get(write.vpc_id, float("-inf"))
        if takes_out(write) and not _adopts(write):
            if since > DAY:
                begun[vpc_id] = _yield_since(write, deletions)
            elif since > YIELD + SLACK:
                text = f"{write.action} gives way again {since / 3600:.1f} h after the first time"
                yield Fault("contested", vpc_id, text)
        elif _puts_back(write) and since < YIELD - SLACK:
            text = f"{write.action} puts back what was taken out {since:.0f} s before"
            yield Fault("early", vpc_id, text)


def _yield_since(write: Write, deletions: Sequence[Deletion]) -> float:
    """Return since when a yield may have lasted as something was taken out."""
    known = (d for d in deletions if d.vpc_id == write.vpc_id)
    of_vpc = (d.at if d.heard is None else d.heard for d in known)
    return min((at for at in of_vpc if 0 <= write.at - at < YIELD), default=write.at)


def haste(writes: Sequence[Write], deletions: Sequence[Deletion]) -> Iterator[Fault]:
    """Yield what was put back within the yield after the owner had deleted a managed endpoint.

    Only by invocations that began when the deletion was known, and only after a day in which no
    yield can have begun: one in 24 hours is all that an owner has.
    """
    for deletion in deletions:
        if deletion.heard is None or _is_spent(deletion, writes, deletions):
            continue
        for write in writes:
            since = write.at - deletion.at
            begun = write.at if write.begun is None else write.begun
            told = write.vpc_id == deletion.vpc_id and begun >= deletion.heard
            if told and _puts_back(write) and since < YIELD - SLACK:
                text = f"{write.action} follows {since:.0f} s after the owner deleted"
                yield Fault("hasty", write.vpc_id, f"{text} {deletion.endpoint_id}")


def _is_spent(deletion: Deletion, writes: Sequence[Write], deletions: Sequence[Deletion]) -> bool:
    """Whether a yield may have begun within the day before, by removals or by a deletion."""
    removals = (w for w in writes if w.vpc_id == deletion.vpc_id and _may_begin_yield(w))
    earlier = (d for d in deletions if d.vpc_id == deletion.vpc_id)
    times = (*(w.at for w in removals), *(d.at for d in earlier))
    return any(deletion.at - DAY - MARGIN < at < deletion.at for at in times)


def _may_begin_yield(write: Write) -> bool:
    """Whether a removal may come of a teardown, one that EC2 refused included."""
    group = write.action == "DeleteSecurityGroup"
    return group or (_asks_out(write) and not _adopts(write))


def takes_out(write: Write) -> bool:
    """Whether an endpoint was deleted, or taken out of subnets."""
    return write.code is None and _asks_out(write)


def _asks_out(write: Write) -> bool:
    removed = any(name.startswith("RemoveSubnetId") for name in write.form)
    return write.action == "DeleteVpcEndpoints" or removed


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

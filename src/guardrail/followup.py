"""When to look at a VPC again that the guardrail is getting out of the way of.

EC2 takes a minute or two to delete an endpoint, and only then lets its security group go; an
owner's endpoint is pending at first. No event tells of either, so the function that yields makes
itself an appointment.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from guardrail.core.actions import ActionKind
from guardrail.core.memory import Cause, VpcMemory
from guardrail.core.model import ObservedVpc
from guardrail.ports import Result
from guardrail.report import Step

TEARDOWN_PAUSE = timedelta(minutes=1)
CESSION_PAUSE = timedelta(minutes=2)


def next_look(
    vpc: ObservedVpc, memory: VpcMemory, steps: Iterable[Step], now: datetime
) -> datetime | None:
    """Return when `vpc`, as it was before `steps`, is to be looked at again; None for never."""
    moments = [*_teardown(vpc, memory, steps, now), *_cessions(vpc, memory, now)]
    return min(moments, default=None)


def _teardown(
    vpc: ObservedVpc, memory: VpcMemory, steps: Iterable[Step], now: datetime
) -> Iterable[datetime]:
    standing = memory.yielding(now)
    if standing is None or standing.cause is not Cause.TEARDOWN:
        return
    deleted = {
        getattr(step.action, "group_id", None)
        for step in steps
        if step.action.kind is ActionKind.DELETE_SECURITY_GROUP
        and step.result in {Result.APPLIED, Result.GONE}
    }
    groups = {group.group_id for group in vpc.groups if group.tagged} - deleted
    if groups or any(e.managed for e in vpc.endpoints):
        yield min(now + TEARDOWN_PAUSE, standing.until)


def _cessions(vpc: ObservedVpc, memory: VpcMemory, now: datetime) -> Iterable[datetime]:
    for service in memory.ceded:
        ceded = memory.ceding(service, now)
        if ceded and any(e.managed for e in vpc.endpoints_of(service)):
            yield min(now + CESSION_PAUSE, ceded.until)

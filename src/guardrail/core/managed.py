"""Which endpoints are the guardrail's own, which of those somebody deleted, and which are too many.

Managed is what the stack's table says was made here. The tag alone can be set by anyone, and its
loss or change can be mended; one that names another stack says that it is somebody else's. Not so
of the security group: it is there for the endpoint, and no other group can take its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from guardrail.core.actions import RestoreTags
from guardrail.core.memory import Creation, VpcMemory
from guardrail.core.model import Endpoint, Finding, Intent, ObservedVpc, ServiceOffer, Step, VpcDns
from guardrail.core.names import Service, is_another_stacks, is_of_stack
from guardrail.core.reasons import Reason


def marked(vpc: ObservedVpc, memory: VpcMemory, stack_id: str) -> ObservedVpc:
    """Return the VPC with its managed endpoints marked, and the groups that were made for them."""
    creations = memory.creations
    endpoints = (_marked(e, creations.get(e.service), stack_id) for e in vpc.endpoints)
    groups = (replace(g, made=g.group_id in memory.groups) for g in vpc.groups)
    return replace(vpc, endpoints=tuple(endpoints), groups=tuple(groups))


def found_again(vpc: ObservedVpc, memory: VpcMemory, stack_id: str) -> Mapping[Service, str]:
    """Return endpoints of ours that are not remembered as standing, one of each service.

    Their maker ended before it could note the id, or a stale read once missed them.
    """
    found: dict[Service, str] = {}
    for endpoint in vpc.endpoints:
        creation = memory.creations.get(endpoint.service)
        if creation is None or endpoint.endpoint_id in creation.endpoint_ids:
            continue
        claimed = creation.unanswered and is_of_stack(endpoint.tags, stack_id)
        if claimed or endpoint.endpoint_id in creation.departed:
            found.setdefault(endpoint.service, endpoint.endpoint_id)
    return found


def lost(
    vpc: ObservedVpc, memory: VpcMemory, now: datetime, told: frozenset[str]
) -> Mapping[Service, tuple[frozenset[str], bool]]:
    """Return, by service, the ids of endpoints that are deleted by now.

    Beside them stands whether somebody else deleted them a moment ago (EC2 still describes them, or
    an event has `told` of it), so that nothing of the service is left.
    """
    found = {}
    for service, creation in memory.creations.items():
        gone = _gone(vpc, service, creation, now)
        if gone:
            described = {a.endpoint_id for a in vpc.absent_of(service)}
            left = creation.endpoint_ids - gone
            by_others = bool((gone - creation.leaving) & (described | told)) and not left
            found[service] = (gone, by_others)
    return found


def spare(
    managed: Sequence[Endpoint],
    owners: Sequence[Endpoint],
    *,
    offer: ServiceOffer | None,
    intent: Intent,
    ceded: bool,
) -> tuple[Endpoint, ...]:
    """Return the managed endpoints that are too many: all but one, or all beside the owner's.

    Ours stays while it alone answers for the service's name: without it the name would lead to
    the internet. Of several of ours the one that serves best is kept, then the lowest id.
    """
    if any(o.works and o.private_dns for o in owners):
        return tuple(managed)
    answers = any(m.private_dns for m in managed)
    never = offer is None or not offer.private_dns or intent.vpc_dns is VpcDns.IGNORE
    if any(o.works for o in owners) and not answers and never and not ceded:
        return tuple(managed)
    best = sorted(managed, key=lambda m: (not m.private_dns, not m.available, m.endpoint_id))
    return tuple(best[1:])


def untagged_steps(endpoints: Sequence[Endpoint]) -> Iterator[Step]:
    """Yield what tags managed endpoints again whose tag is gone, or names no stack.

    Be their VPC exempt, yielding or served by an endpoint of the owner's: roles change and delete
    only what is tagged.
    """
    for endpoint in endpoints:
        if endpoint.untagged:
            message = "the endpoint has lost the guardrail's tag"
            yield Finding(Reason.TAGS_MISSING, message, endpoint.service, endpoint.endpoint_id)
            yield RestoreTags(endpoint.endpoint_id)


def _marked(endpoint: Endpoint, creation: Creation | None, stack_id: str) -> Endpoint:
    managed = _is_managed(endpoint, creation, stack_id)
    untagged = managed and not is_of_stack(endpoint.tags, stack_id)
    return replace(endpoint, managed=managed, untagged=untagged)


def _is_managed(endpoint: Endpoint, creation: Creation | None, stack_id: str) -> bool:
    if creation is None or endpoint.endpoint_id not in creation.endpoint_ids:
        return False
    return not is_another_stacks(endpoint.tags, stack_id)


def _gone(vpc: ObservedVpc, service: Service, creation: Creation, now: datetime) -> frozenset[str]:
    """Return the ids that were made and are deleted: described so, or not at all for long."""
    alive = {e.endpoint_id for e in vpc.endpoints}
    absent = {a.endpoint_id for a in vpc.absent_of(service) if not a.failed}
    failed = {a.endpoint_id for a in vpc.absent_of(service) if a.failed}
    missing = creation.endpoint_ids - alive - failed
    return missing & absent if creation.is_young(now) else missing

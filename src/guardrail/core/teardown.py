"""Getting out of the way of a teardown: what of ours is taken out, and when nothing is.

Somebody deletes a subnet or a VPC and EC2 refuses, because something stands in it. Where that is
nothing but what the guardrail made, it goes: out of the subnet while others still live in the VPC,
altogether (and then its security group) once nobody does. Adopted endpoints are never touched.
Every interface counts: instances, functions, load balancers, endpoints of other services.
"""

from __future__ import annotations

from collections.abc import Iterator

from guardrail.core.actions import DeleteEndpoint, DeleteSecurityGroup, RemoveSubnets
from guardrail.core.memory import Cause, Yield
from guardrail.core.model import (
    Endpoint,
    Finding,
    Interface,
    Known,
    ObservedVpc,
    Step,
    YieldBegins,
)
from guardrail.core.reasons import Reason
from guardrail.core.wish import Wish, WishKind

Removal = DeleteEndpoint | DeleteSecurityGroup | RemoveSubnets


def teardown_steps(vpc: ObservedVpc, known: Known) -> Iterator[Step]:
    """Yield what is taken out because somebody tears down; nothing without interfaces observed."""
    wish = known.wish if known.wish and known.wish.kind is WishKind.TEARDOWN else None
    standing = known.memory.yielding(known.now)
    if wish is None:
        if standing and standing.cause is Cause.TEARDOWN:
            yield from _removals(vpc, known, frozenset())
        return
    removals = tuple(_removals(vpc, known, wish.names))
    if not removals:
        return
    if refusal := _refusal(vpc, wish, standing, known):
        yield Finding(Reason.YIELD_SPENT, refusal)
        return
    if standing is None or standing.cause is not Cause.TEARDOWN:
        yield from _begin(wish, standing, known)
    yield from removals


def _begin(wish: Wish, standing: Yield | None, known: Known) -> Iterator[Step]:
    """Begin a yield; one that a deletion began goes on as the teardown it was the first step of."""
    begun = standing.begun if standing else known.now
    yield YieldBegins(Yield(Cause.TEARDOWN, begun, wish.actor, wish.event_id))
    message = f"{wish.told()}; nothing but what the guardrail made is in the way, so that goes"
    yield Finding(Reason.YIELDING, message)


def _refusal(vpc: ObservedVpc, wish: Wish, standing: Yield | None, known: Known) -> str:
    made = [known.memory.creations.get(e.service) for e in vpc.endpoints if e.managed]
    if past := wish.out_of_date(made, known.now):
        return past
    if not standing and not known.memory.may_yield(known.now):
        begun = known.memory.yielded.begun if known.memory.yielded else None
        return f"{wish.told()}; the guardrail yielded at {begun} and does so once in 24 hours"
    return ""


def _removals(vpc: ObservedVpc, known: Known, subnet_ids: frozenset[str]) -> Iterator[Removal]:
    if vpc.interfaces is None:
        return
    managed = [e for e in vpc.endpoints if e.managed]
    ours = _interfaces_of_ours(vpc, known, managed)
    foreign = [i for i in vpc.interfaces if i.interface_id not in ours]
    if foreign:
        yield from _out_of_subnets(managed, foreign, subnet_ids)
    elif managed:
        gone = tuple(sorted((e.service, e.endpoint_id) for e in managed))
        yield DeleteEndpoint(vpc.vpc_id, gone)
    elif not vpc.interfaces:
        # The interfaces of a deleted endpoint hold its group until they are gone.
        yield from (DeleteSecurityGroup(g.group_id) for g in vpc.groups if g.tagged)


def _out_of_subnets(
    managed: list[Endpoint], foreign: list[Interface], subnet_ids: frozenset[str]
) -> Iterator[RemoveSubnets]:
    empty = subnet_ids - {interface.subnet_id for interface in foreign}
    for endpoint in managed:
        leave = tuple(sorted(endpoint.subnet_ids & empty))
        if leave:
            yield RemoveSubnets(endpoint.endpoint_id, leave)


def _interfaces_of_ours(vpc: ObservedVpc, known: Known, managed: list[Endpoint]) -> frozenset[str]:
    """Return the interfaces of managed endpoints, those included that are being deleted."""
    creations = known.memory.creations.values()
    made = {i for c in creations for i in c.endpoint_ids | c.leaving | c.departed}
    going = [a.interface_ids for a in vpc.absent if a.endpoint_id in made]
    return frozenset().union(*(e.interface_ids for e in managed), *going)

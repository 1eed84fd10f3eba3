"""What a managed endpoint still needs: its group, its zones, private DNS.

An endpoint is never moved without need: zones are only added. Each of these may have been taken
away by somebody, in any order; what is there now says what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from guardrail.core.actions import AddSubnets, SetPrivateDns
from guardrail.core.dns import dns_actions, what_is_off, will_be_on
from guardrail.core.groups import group_steps
from guardrail.core.memory import Cession
from guardrail.core.model import (
    CessionBegins,
    Endpoint,
    Finding,
    Intent,
    Known,
    ObservedVpc,
    ServiceOffer,
    Step,
    VpcDns,
)
from guardrail.core.reasons import Reason
from guardrail.core.subnets import candidates, missing_subnets
from guardrail.core.wish import Wish, WishKind

_GIVEN_UP_WITHIN = timedelta(minutes=5)
"""How long giving a name up is tried: two appointments, should the first write go elsewhere."""


def completion_steps(
    vpc: ObservedVpc, endpoint: Endpoint, offer: ServiceOffer, intent: Intent, known: Known
) -> Iterator[Step]:
    """Yield what `endpoint` lacks: findings, and actions in the order to carry out."""
    group = list(group_steps(vpc, endpoint, intent))
    yield from group
    usable = candidates(vpc.subnets, offer, intent)
    added = missing_subnets(usable, endpoint.subnet_ids, vpc.subnets, intent.max_zones)
    if added:
        message = f"in {len(endpoint.subnet_ids)} subnets; {', '.join(added)} should be added"
        yield Finding(Reason.SUBNET_MISSING, message, offer.service, endpoint.endpoint_id)
        yield AddSubnets(endpoint.endpoint_id, added)
    if _serves_clients(endpoint, group) or endpoint.private_dns:
        # With the name, calls would go where nobody answers; what is done about that comes first.
        yield from name_steps(vpc, endpoint, offer, intent, known)


def _serves_clients(endpoint: Endpoint, group: Iterable[Step]) -> bool:
    blocked = any(isinstance(s, Finding) and s.reason is Reason.CLIENTS_BLOCKED for s in group)
    return bool(endpoint.subnet_ids) and not blocked


def name_steps(
    vpc: ObservedVpc, endpoint: Endpoint, offer: ServiceOffer, intent: Intent, known: Known
) -> Iterator[Step]:
    """Yield what `endpoint` needs to answer for the service's name, if nothing else does."""
    if not offer.private_dns:
        return
    if not _name_is_served(vpc, endpoint):
        yield from _private_dns_steps(vpc, endpoint, intent, known)
    elif endpoint.private_dns and vpc.dns is not None and not vpc.dns.both:
        yield from _attributes_steps(vpc, endpoint, intent)


def cession_steps(endpoint: Endpoint, offer: ServiceOffer, known: Known) -> Iterator[Step]:
    """Yield what leaves the service's name to an endpoint that its owner tried to make.

    Half an hour at most, and once in 24 hours: a call that fails on purpose does not keep private
    DNS off, and no failed call deletes anything.
    """
    if not endpoint.private_dns:
        return
    target = (offer.service, endpoint.endpoint_id)
    ceded = known.memory.ceding(offer.service, known.now)
    wish = known.wish if known.wish and _is_about(known.wish, endpoint, offer) else None
    if wish is None:
        if ceded and _is_unfinished(ceded, offer, known):
            yield Finding(Reason.YIELDING, _left_to(ceded), *target)
            yield SetPrivateDns(endpoint.endpoint_id, enabled=False)
        return
    if not ceded:
        if refusal := _refusal(wish, offer, known):
            yield Finding(Reason.YIELD_SPENT, refusal, *target)
            return
        yield CessionBegins(offer.service, Cession(known.now, wish.actor, wish.event_id))
    message = f"{wish.told()}; the name is left to it for half an hour"
    yield Finding(Reason.YIELDING, message, *target)
    yield SetPrivateDns(endpoint.endpoint_id, enabled=False)


def _is_unfinished(ceded: Cession, offer: ServiceOffer, known: Known) -> bool:
    """Whether what has the name still is what was to give it up, and could not at once.

    Only in the first minutes: later it has been given back by hand, or nobody lets it be given up.
    """
    made = known.memory.creations.get(offer.service)
    stood = made is not None and made.begun <= ceded.begun
    return stood and known.now - ceded.begun < _GIVEN_UP_WITHIN


def _left_to(ceded: Cession) -> str:
    return (
        f"the service's name is left to an endpoint that {ceded.actor or 'the owner'} wants to"
        f" make, until {ceded.until.isoformat(timespec='minutes')}"
    )


def _is_about(wish: Wish, endpoint: Endpoint, offer: ServiceOffer) -> bool:
    """Whether an endpoint of the owner's wants the service's name.

    None does where it was refused to ours itself, some time ago.
    """
    named = not wish.names.isdisjoint({offer.name, *offer.dns_names})
    return wish.kind is WishKind.OWN_ENDPOINT and named and endpoint.endpoint_id not in wish.about


def _refusal(wish: Wish, offer: ServiceOffer, known: Known) -> str:
    if past := wish.out_of_date([known.memory.creations.get(offer.service)], known.now):
        return past
    if not known.memory.may_cede(offer.service, known.now):
        begun = known.memory.ceded[offer.service].begun
        return f"{wish.told()}; the name was given up at {begun}, which is done once in 24 hours"
    return ""


def _name_is_served(vpc: ObservedVpc, endpoint: Endpoint) -> bool:
    """Whether an endpoint answers for the service's name: EC2 lets one per VPC do so.

    That may be one of the owner's beside ours, and the owner's comes first.
    """
    return any(e.private_dns for e in vpc.endpoints_of(endpoint.service))


def _attributes_steps(vpc: ObservedVpc, endpoint: Endpoint, intent: Intent) -> Iterator[Step]:
    """Yield what turns attributes on again that were turned off under a name in use.

    The endpoint keeps its private DNS meanwhile, and the VPC does not resolve it.
    """
    target = (endpoint.service, endpoint.endpoint_id)
    if intent.vpc_dns is VpcDns.ENABLE:
        yield Finding(Reason.PRIVATE_DNS_OFF, what_is_off(vpc), *target)
        yield from dns_actions(vpc, intent)
    elif intent.vpc_dns is VpcDns.WAIT:
        yield Finding(Reason.WAITING_FOR_DNS, what_is_off(vpc), *target)


def _private_dns_steps(
    vpc: ObservedVpc, endpoint: Endpoint, intent: Intent, known: Known
) -> Iterator[Step]:
    target = (endpoint.service, endpoint.endpoint_id)
    if known.wish is not None:
        # No moment to ask for the name: EC2 has just refused it to somebody, and that may have been
        # us, whose next try would lead here again.
        return
    if ceded := known.memory.ceding(endpoint.service, known.now):
        yield Finding(Reason.YIELDING, _left_to(ceded), *target)
    elif by := known.memory.served_by(endpoint.service, known.now):
        message = f"private DNS stays off: {by} answers for the service's name"
        yield Finding(Reason.SERVED_CENTRALLY, message, *target)
    elif will_be_on(vpc, intent):
        message = "private DNS is off although the VPC's DNS attributes allow it"
        yield Finding(Reason.PRIVATE_DNS_OFF, message, *target)
        yield from dns_actions(vpc, intent)
        yield SetPrivateDns(endpoint.endpoint_id)
    elif intent.vpc_dns is VpcDns.WAIT:
        yield Finding(Reason.WAITING_FOR_DNS, what_is_off(vpc), *target)

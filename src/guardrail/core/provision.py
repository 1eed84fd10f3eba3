"""Which endpoint a VPC should have, and how it comes by it.

Creation waits for subnets, for the DNS attributes and for quiet, and is then one endpoint call that
carries everything. Where an endpoint of the owner's works, it serves: none is made, and a managed
one beside it goes. While the guardrail yields nothing is put back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from guardrail.core.actions import CreateEndpoint, DeleteEndpoint, DeleteSecurityGroup
from guardrail.core.completion import cession_steps, completion_steps, name_steps
from guardrail.core.dns import dns_actions, dns_of, what_is_off, will_be_on
from guardrail.core.groups import complete_group, own_group, tag_steps, tagged_group
from guardrail.core.managed import spare
from guardrail.core.model import (
    Endpoint,
    Finding,
    Intent,
    Known,
    Mode,
    ObservedVpc,
    ServiceOffer,
    Step,
    VpcDns,
)
from guardrail.core.names import Service
from guardrail.core.reasons import Reason
from guardrail.core.subnets import candidates, missing_subnets


def service_steps(
    vpc: ObservedVpc, service: Service, intent: Intent, known: Known
) -> Iterator[Step]:
    """Yield what `service` needs in `vpc`: findings, and actions in the order to carry out."""
    offer = known.offers.get(service)
    owners = [e for e in vpc.endpoints_of(service) if not e.managed]
    yield from _failed(vpc, service, known)
    if offer is None:
        message = f"the region offers no PrivateLink service for {service}"
        yield Finding(Reason.NOT_APPLICABLE, message, service)
    elif any(e.managed for e in vpc.endpoints_of(service)):
        yield from _beside(vpc, offer, owners, intent, known)
    elif serving := next((e for e in owners if _serves(e)), None):
        yield Finding(Reason.ADOPTED, _adopted(serving), service, serving.endpoint_id)
        yield from _leftover_group(vpc, service, known)
    elif vpc.is_default and not intent.default_vpcs:
        yield Finding(Reason.OUT_OF_SCOPE, "default VPCs are skipped (DefaultVpcs)", service)
    elif yielding := _yielding(known, service):
        yield yielding
    else:
        yield from _creation(vpc, offer, intent, known)


def _failed(vpc: ObservedVpc, service: Service, known: Known) -> Iterator[Step]:
    """Yield the removal of managed endpoints that never came to be; they cost in any state."""
    creation = known.memory.creations.get(service)
    failed = [a for a in vpc.absent_of(service) if a.failed]
    made = creation.endpoint_ids if creation else frozenset()
    gone = tuple((service, a.endpoint_id) for a in failed if a.endpoint_id in made)
    if gone:
        message = f"{', '.join(i for _, i in gone)} failed to be made"
        yield Finding(Reason.DUPLICATE_ENDPOINT, message, service)
        yield DeleteEndpoint(vpc.vpc_id, gone)


def _serves(endpoint: Endpoint) -> bool:
    """Whether an endpoint of the owner's is enough for the VPC, now or in a moment.

    One that stands in no subnet carries no traffic; where it has the service's name besides, EC2
    would refuse ours the name, so nothing is gained by a second one.
    """
    return bool(endpoint.subnet_ids) or endpoint.private_dns


def _adopted(endpoint: Endpoint) -> str:
    if not endpoint.subnet_ids:
        return "the owner's own endpoint has the service's name and carries no traffic: no subnet"
    return "the owner's own endpoint serves the VPC; only its policy is enforced"


def _leftover_group(vpc: ObservedVpc, service: Service, known: Known) -> Iterator[Step]:
    """Yield the removal of our group once our endpoint has made way for the owner's."""
    group = tagged_group(vpc, service)
    if group and service in known.memory.creations and not vpc.absent_of(service):
        yield DeleteSecurityGroup(group.group_id)


def _beside(
    vpc: ObservedVpc, offer: ServiceOffer, owners: list[Endpoint], intent: Intent, known: Known
) -> Iterator[Step]:
    """Yield what becomes of managed endpoints: those too many go, the one left is completed."""
    managed = [e for e in vpc.endpoints_of(offer.service) if e.managed]
    ceded = known.memory.ceding(offer.service, known.now) is not None
    surplus = spare(managed, owners, offer=offer, intent=intent, ceded=ceded)
    yield from _too_many(vpc, offer.service, surplus)
    for owner in owners:
        message = "an endpoint of the owner's own; only its policy is enforced"
        yield Finding(Reason.ADOPTED, message, offer.service, owner.endpoint_id)
    coming = _is_coming(owners)
    for endpoint in managed:
        if endpoint in surplus or coming:
            # Once the owner's is available ours goes; until then there is nothing to complete.
            continue
        yield from cession_steps(endpoint, offer, known)
        if yielding := _yielding(known, offer.service):
            # Leaving the name to the owner's puts nothing back.
            yield yielding
            continue
        yield from completion_steps(vpc, endpoint, offer, intent, known)


def _is_coming(owners: list[Endpoint]) -> bool:
    """Whether an endpoint of the owner's has the name and works, or will in a moment."""
    return any(o.private_dns and o.subnet_ids for o in owners)


def _too_many(vpc: ObservedVpc, service: Service, surplus: Sequence[Endpoint]) -> Iterator[Step]:
    if surplus:
        message = f"{', '.join(e.endpoint_id for e in surplus)} beside another that serves the VPC"
        yield Finding(Reason.DUPLICATE_ENDPOINT, message, service, surplus[0].endpoint_id)
        yield DeleteEndpoint(vpc.vpc_id, tuple((service, e.endpoint_id) for e in surplus))


def making_way(vpc: ObservedVpc, service: Service, intent: Intent, known: Known) -> Iterator[Step]:
    """Yield what leaves the service's name to an endpoint of the owner's in an exempt VPC.

    Nothing else is done there. Ours goes only for an endpoint that the name was left to, and gets
    its private DNS back, which the guardrail has taken away, if none appears.
    """
    offer = known.offers.get(service)
    if offer is None:
        return
    managed = [e for e in vpc.endpoints_of(service) if e.managed]
    owners = [e for e in vpc.endpoints_of(service) if not e.managed]
    ceded = service in known.memory.ceded
    if _is_coming(owners):
        if ceded and any(o.available for o in owners if o.private_dns):
            yield from _too_many(vpc, service, managed)
        if ceded and not managed:
            yield from _leftover_group(vpc, service, known)
        return
    for endpoint in managed:
        yield from cession_steps(endpoint, offer, known)
        if ceded and not known.memory.may_cede(service, known.now):
            yield from name_steps(vpc, endpoint, offer, intent, known)


def _yielding(known: Known, service: Service) -> Finding | None:
    standing = known.memory.yielding(known.now)
    if standing is None:
        return None
    message = (
        f"nothing is put back until {standing.until.isoformat(timespec='minutes')}"
        f" ({standing.cause}, {standing.actor or 'by somebody'})"
    )
    return Finding(Reason.YIELDING, message, service)


def _creation(
    vpc: ObservedVpc, offer: ServiceOffer, intent: Intent, known: Known
) -> Iterator[Step]:
    if why := _old(vpc, offer.service, intent, known):
        yield Finding(Reason.ENDPOINT_MISSING, f"no {offer.name} endpoint {why}", offer.service)
        return
    if by := known.memory.served_by(offer.service, known.now):
        message = f"no endpoint is made: {by} answers for the service's name"
        yield Finding(Reason.SERVED_CENTRALLY, message, offer.service)
        return
    usable = candidates(vpc.subnets, offer, intent)
    subnet_ids = missing_subnets(usable, frozenset(), vpc.subnets, intent.max_zones)
    if waiting := _waiting(vpc, subnet_ids, offer, intent, known):
        yield waiting
        return
    yield Finding(Reason.ENDPOINT_MISSING, _missing(offer, known), offer.service)
    yield from dns_actions(vpc, intent)
    group = own_group(vpc, offer.service)
    if group and not group.tagged:
        yield from tag_steps(group, offer.service)
    group_id = yield from complete_group(vpc, offer.service, group, intent)
    yield _create(vpc, offer, intent, known, subnet_ids=subnet_ids, group_id=group_id)


def _create(
    vpc: ObservedVpc,
    offer: ServiceOffer,
    intent: Intent,
    known: Known,
    *,
    subnet_ids: tuple[str, ...],
    group_id: str,
) -> CreateEndpoint:
    # EC2 lets one endpoint of a VPC have the name; one of the owner's without subnets may.
    named = any(e.private_dns for e in vpc.endpoints_of(offer.service))
    return CreateEndpoint(
        vpc_id=vpc.vpc_id,
        service=offer.service,
        service_name=offer.name,
        policy=known.baseline,
        subnet_ids=subnet_ids,
        group_id=group_id,
        private_dns=offer.private_dns and will_be_on(vpc, intent) and not named,
        generation=_generation(vpc, offer.service, known),
    )


def _generation(vpc: ObservedVpc, service: Service, known: Known) -> int:
    """Return which endpoint of the VPC this one is; the ones before have used their ClientToken.

    So has one that the guardrail made, and that is another stack's by its tag now and carries no
    traffic: it still stands, and EC2 would refuse its token for another endpoint. So may one whose
    creation was never answered, and that nobody sees: it may have been deleted since.
    """
    made = known.memory.creations.get(service)
    if made is None:
        return 0
    disowned = {e.endpoint_id for e in vpc.endpoints_of(service) if not e.managed}
    unseen = made.unanswered and not made.endpoint_ids and not made.is_young(known.now)
    return made.generation + bool(disowned & made.endpoint_ids) + unseen


def _missing(offer: ServiceOffer, known: Known) -> str:
    """Say that the endpoint is missing, and who last made it go."""
    last = known.memory.yielded
    after = ""
    if last and known.now >= last.until:
        after = f" (after yielding to {last.actor or 'somebody'} at {last.begun.isoformat()})"
    return f"no {offer.name} endpoint{after}"


def _old(vpc: ObservedVpc, service: Service, intent: Intent, known: Known) -> str:
    """Say why a missing endpoint is only reported; empty when it is to be made.

    One that was made here is to be made again, whenever the VPC is from.
    """
    if intent.mode is not Mode.ENFORCE_NEW or service in known.memory.creations:
        return ""
    if known.inventory is None:
        return "(only reported: the inventory is not taken yet)"
    if vpc.vpc_id in known.inventory.vpc_ids:
        return "(only reported: the VPC stood before the guardrail)"
    return ""


def _waiting(
    vpc: ObservedVpc,
    subnet_ids: tuple[str, ...],
    offer: ServiceOffer,
    intent: Intent,
    known: Known,
) -> Finding | None:
    if not subnet_ids:
        zones = ", ".join(sorted(offer.zones))
        tag = " with the tag that SubnetTag asks for" if intent.subnet_tag else ""
        message = (
            f"no subnet{tag} with {intent.min_free_addresses} free addresses"
            f" in a zone of the service ({zones})"
        )
        return Finding(Reason.WAITING_FOR_SUBNETS, message, offer.service)
    if offer.private_dns and intent.vpc_dns is VpcDns.WAIT and not dns_of(vpc).both:
        return Finding(Reason.WAITING_FOR_DNS, what_is_off(vpc), offer.service)
    if going := [a.endpoint_id for a in vpc.absent_of(offer.service) if a.deleting]:
        # It may hold the service's name until it is gone: EC2 would refuse a second one.
        message = f"{', '.join(going)} is being deleted; an endpoint is made once it is gone"
        return Finding(Reason.SETTLING, message, offer.service)
    if not known.settled:
        message = f"{vpc.vpc_id} changed; its endpoint is made once it has settled"
        return Finding(Reason.SETTLING, message, offer.service)
    return None

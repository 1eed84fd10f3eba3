"""Which endpoint a VPC should have, and what it still needs: creation and completion.

Creation waits for subnets, for the DNS attributes and for quiet, and is then one endpoint
call that carries everything. Only managed endpoints are completed; adopted ones are left.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from hashlib import sha256

from guardrail.core.clients import blocked_clients
from guardrail.core.model import (
    AddSubnets,
    AttachSecurityGroup,
    AuthorizeClients,
    CreateEndpoint,
    CreateSecurityGroup,
    DnsAttributes,
    EnableVpcDns,
    Endpoint,
    Finding,
    Intent,
    Known,
    Mode,
    ObservedVpc,
    SecurityGroup,
    Service,
    ServiceOffer,
    SetPrivateDns,
    Step,
    VpcDns,
)
from guardrail.core.reasons import Reason
from guardrail.core.subnets import candidates, missing_subnets

PENDING_GROUP = "(security group to be created)"
"""Stands for the id of a group that an earlier action of the same plan creates."""


def group_name(service: Service) -> str:
    """Return the name of the security group of a VPC's endpoint for `service`."""
    return f"sfn-endpoint-guardrail-{service}"


def client_token(vpc_id: str, service: Service, generation: int) -> str:
    """Return the ClientToken that makes simultaneous creations one endpoint.

    64 ASCII characters at most. Source: Amazon EC2 developer guide, "Ensuring idempotency".
    """
    return sha256(f"{vpc_id}|{service}|{generation}".encode()).hexdigest()


def service_steps(
    vpc: ObservedVpc, service: Service, intent: Intent, known: Known
) -> Iterator[Step]:
    """Yield what `service` needs in `vpc`: findings, and actions in the order to carry out."""
    present = [e for e in vpc.endpoints if e.service is service]
    managed = [e for e in present if e.managed]
    offer = known.offers.get(service)
    if offer is None:
        message = f"the region offers no PrivateLink service for {service}"
        yield Finding(Reason.NOT_APPLICABLE, message, service)
    elif managed:
        for endpoint in managed:
            yield from _completion(vpc, endpoint, offer, intent)
    elif present:
        message = _adopted(present[0])
        yield Finding(Reason.ADOPTED, message, service, present[0].endpoint_id)
    elif vpc.is_default and not intent.default_vpcs:
        yield Finding(Reason.OUT_OF_SCOPE, "default VPCs are skipped (DefaultVpcs)", service)
    else:
        yield from _creation(vpc, offer, intent, known)


def _adopted(endpoint: Endpoint) -> str:
    if not endpoint.subnet_ids:
        return "the owner's own endpoint stands in no subnet, so it carries no traffic"
    return "the owner's own endpoint serves the VPC; only its policy is enforced"


def _creation(
    vpc: ObservedVpc, offer: ServiceOffer, intent: Intent, known: Known
) -> Iterator[Step]:
    if why := _old(vpc, intent, known):
        yield Finding(Reason.ENDPOINT_MISSING, f"no {offer.name} endpoint {why}", offer.service)
        return
    usable = candidates(vpc.subnets, offer, intent)
    subnet_ids = missing_subnets(usable, frozenset(), vpc.subnets, intent.max_zones)
    if waiting := _waiting(vpc, subnet_ids, offer, intent):
        yield waiting
        return
    if not known.settled:
        message = f"{vpc.vpc_id} changed; its endpoint is made once it has settled"
        yield Finding(Reason.SETTLING, message, offer.service)
        return
    yield Finding(Reason.ENDPOINT_MISSING, f"no {offer.name} endpoint", offer.service)
    yield from _dns_actions(vpc, intent)
    group_id = yield from _group(vpc, offer.service, intent)
    yield CreateEndpoint(
        vpc_id=vpc.vpc_id,
        service=offer.service,
        service_name=offer.name,
        policy=known.baseline,
        subnet_ids=subnet_ids,
        group_id=group_id,
        private_dns=offer.private_dns and _dns_will_be_on(vpc, intent),
        generation=known.generations.get(offer.service, 0),
    )


def _old(vpc: ObservedVpc, intent: Intent, known: Known) -> str:
    """Say why a missing endpoint is only reported; empty when it is to be made."""
    if intent.mode is not Mode.ENFORCE_NEW:
        return ""
    if known.inventory is None:
        return "(only reported: the inventory is not taken yet)"
    if vpc.vpc_id in known.inventory.vpc_ids:
        return "(only reported: the VPC stood before the guardrail)"
    return ""


def _waiting(
    vpc: ObservedVpc, subnet_ids: tuple[str, ...], offer: ServiceOffer, intent: Intent
) -> Finding | None:
    if not subnet_ids:
        zones = ", ".join(sorted(offer.zones))
        tag = " with the tag that SubnetTag asks for" if intent.subnet_tag else ""
        message = f"no subnet{tag} in a zone of the service ({zones})"
        return Finding(Reason.WAITING_FOR_SUBNETS, message, offer.service)
    if offer.private_dns and intent.vpc_dns is VpcDns.WAIT and not _dns(vpc).both:
        return Finding(Reason.WAITING_FOR_DNS, _missing_dns(_dns(vpc)), offer.service)
    return None


def _completion(
    vpc: ObservedVpc, endpoint: Endpoint, offer: ServiceOffer, intent: Intent
) -> Iterator[Step]:
    yield from _group_steps(vpc, endpoint, intent)
    usable = candidates(vpc.subnets, offer, intent)
    added = missing_subnets(usable, endpoint.subnet_ids, vpc.subnets, intent.max_zones)
    if added:
        message = f"in {len(endpoint.subnet_ids)} subnets; {', '.join(added)} should be added"
        yield Finding(Reason.SUBNET_MISSING, message, offer.service, endpoint.endpoint_id)
        yield AddSubnets(endpoint.endpoint_id, added)
    if offer.private_dns and not _name_is_served(vpc, endpoint.service):
        yield from _private_dns_steps(vpc, endpoint, intent)


def _name_is_served(vpc: ObservedVpc, service: Service) -> bool:
    """Whether an endpoint answers for the service's name: EC2 lets one per VPC do so.

    That may be one of the owner's beside ours, and the owner's comes first.
    """
    return any(e.private_dns for e in vpc.endpoints if e.service is service)


def _private_dns_steps(vpc: ObservedVpc, endpoint: Endpoint, intent: Intent) -> Iterator[Step]:
    target = (endpoint.service, endpoint.endpoint_id)
    if _dns_will_be_on(vpc, intent):
        message = "private DNS is off although the VPC's DNS attributes allow it"
        yield Finding(Reason.PRIVATE_DNS_OFF, message, *target)
        yield from _dns_actions(vpc, intent)
        yield SetPrivateDns(endpoint.endpoint_id)
    elif intent.vpc_dns is VpcDns.WAIT:
        yield Finding(Reason.WAITING_FOR_DNS, _missing_dns(_dns(vpc)), *target)


def _group_steps(vpc: ObservedVpc, endpoint: Endpoint, intent: Intent) -> Iterator[Step]:
    group = _own_group(vpc, endpoint.service)
    attached = group is not None and group.group_id in endpoint.group_ids
    blocked = blocked_clients(_clients(vpc, intent), group.clients if group else ())
    if attached and not blocked:
        return
    why = f"blocks {', '.join(blocked)}" if attached else "is not on the endpoint"
    message = f"security group {group_name(endpoint.service)} {why}"
    yield Finding(Reason.CLIENTS_BLOCKED, message, endpoint.service, endpoint.endpoint_id)
    group_id = yield from _group(vpc, endpoint.service, intent)
    if not attached:
        yield AttachSecurityGroup(endpoint.endpoint_id, group_id)


def _group(vpc: ObservedVpc, service: Service, intent: Intent) -> Generator[Step, None, str]:
    """Yield what makes the group complete; return its id or `PENDING_GROUP`."""
    group = _own_group(vpc, service)
    if group is None:
        yield CreateSecurityGroup(vpc.vpc_id, group_name(service))
    group_id = group.group_id if group else PENDING_GROUP
    blocked = blocked_clients(_clients(vpc, intent), group.clients if group else ())
    if blocked:
        yield AuthorizeClients(group_id, blocked)
    return group_id


def _own_group(vpc: ObservedVpc, service: Service) -> SecurityGroup | None:
    return next((g for g in vpc.groups if g.name == group_name(service)), None)


def _clients(vpc: ObservedVpc, intent: Intent) -> tuple[str, ...]:
    return (*vpc.cidrs, *intent.client_cidrs)


def _dns(vpc: ObservedVpc) -> DnsAttributes:
    return vpc.dns or DnsAttributes(support=False, hostnames=False)


def _dns_will_be_on(vpc: ObservedVpc, intent: Intent) -> bool:
    return _dns(vpc).both or intent.vpc_dns is VpcDns.ENABLE


def _dns_actions(vpc: ObservedVpc, intent: Intent) -> Iterator[EnableVpcDns]:
    if intent.vpc_dns is not VpcDns.ENABLE:
        return
    if not _dns(vpc).support:
        yield EnableVpcDns(vpc.vpc_id, "enableDnsSupport")
    if not _dns(vpc).hostnames:
        yield EnableVpcDns(vpc.vpc_id, "enableDnsHostnames")


def _missing_dns(dns: DnsAttributes) -> str:
    off = [
        name
        for name, on in (("enableDnsSupport", dns.support), ("enableDnsHostnames", dns.hostnames))
        if not on
    ]
    return f"private DNS needs {' and '.join(off)} of the VPC to be on"

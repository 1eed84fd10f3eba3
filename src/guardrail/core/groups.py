"""The security group of a VPC's endpoint: one per VPC and service, with its clients on TCP 443."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator

from guardrail.core.actions import (
    AttachSecurityGroup,
    AuthorizeClients,
    CreateSecurityGroup,
    RestoreTags,
)
from guardrail.core.clients import blocked_clients
from guardrail.core.model import Endpoint, Finding, Intent, ObservedVpc, SecurityGroup, Step
from guardrail.core.names import Service, group_name
from guardrail.core.reasons import Reason

PENDING_GROUP = "(security group to be created)"
"""Stands for the id of a group that an earlier action of the same plan creates."""


def group_steps(vpc: ObservedVpc, endpoint: Endpoint, intent: Intent) -> Iterator[Step]:
    """Yield what the group of a managed endpoint lacks."""
    group = own_group(vpc, endpoint.service, endpoint)
    if group and not group.tagged:
        yield from tag_steps(group, endpoint.service, endpoint.endpoint_id)
    attached = group is not None and group.group_id in endpoint.group_ids
    blocked = _blocked(vpc, intent, group)
    if attached and not blocked:
        return
    why = f"blocks {', '.join(blocked)}" if attached else "is not on the endpoint"
    message = f"security group {group_name(endpoint.service)} {why}"
    yield Finding(Reason.CLIENTS_BLOCKED, message, endpoint.service, endpoint.endpoint_id)
    group_id = yield from complete_group(vpc, endpoint.service, group, intent)
    if not attached:
        yield AttachSecurityGroup(endpoint.endpoint_id, group_id)


def complete_group(
    vpc: ObservedVpc, service: Service, group: SecurityGroup | None, intent: Intent
) -> Generator[Step, None, str]:
    """Yield what makes the group complete; return its id or `PENDING_GROUP`."""
    if group is None:
        yield CreateSecurityGroup(vpc.vpc_id, group_name(service))
    group_id = group.group_id if group else PENDING_GROUP
    if blocked := _blocked(vpc, intent, group):
        yield AuthorizeClients(group_id, blocked)
    return group_id


def tagged_group(vpc: ObservedVpc, service: Service) -> SecurityGroup | None:
    """Return the group of `service` that carries the stack's tag: what roles can delete."""
    return next((g for g in _named(vpc, service) if g.tagged), None)


def own_group(
    vpc: ObservedVpc, service: Service, endpoint: Endpoint | None = None
) -> SecurityGroup | None:
    """Return the group that was made for `service`: so says its tag, or the table.

    Or it is still on the managed endpoint. Whoever changes the tag keeps the guardrail from it no
    longer than until the next look: EC2 lets no second group have its name. A group of the name
    that is none of these may be a stranger's, and is left alone.
    """
    on_it = endpoint.group_ids if endpoint else frozenset()
    own = (g for g in _named(vpc, service) if g.tagged or g.made or g.group_id in on_it)
    return next(own, None)


def tag_steps(
    group: SecurityGroup, service: Service, endpoint_id: str | None = None
) -> Iterator[Step]:
    """Yield what tags a group again: without its tag no role may fill or delete it."""
    message = f"security group {group.group_id} has lost the guardrail's tag"
    yield Finding(Reason.TAGS_MISSING, message, service, endpoint_id)
    yield RestoreTags(group.group_id)


def leftover_tag_steps(vpc: ObservedVpc, done: Collection[str]) -> Iterator[Step]:
    """Yield what tags the groups again that the table knows, except those in `done`.

    Without its tag a group would outlive its endpoint and keep its owner from deleting the VPC,
    be that exempt, yielding or served by an endpoint of the owner's. One on an endpoint that is
    not managed has been taken over along with it.
    """
    taken = frozenset[str]().union(*(e.group_ids for e in vpc.endpoints if not e.managed))
    for service in Service:
        for group in _named(vpc, service):
            if group.made and not group.tagged and group.group_id not in taken.union(done):
                yield from tag_steps(group, service)


def _named(vpc: ObservedVpc, service: Service) -> Iterator[SecurityGroup]:
    return (g for g in vpc.groups if g.name == group_name(service))


def _blocked(vpc: ObservedVpc, intent: Intent, group: SecurityGroup | None) -> tuple[str, ...]:
    return blocked_clients((*vpc.cidrs, *intent.client_cidrs), group.clients if group else ())

"""The security group of a VPC's endpoint: one per VPC and service, with its clients on TCP 443."""

from __future__ import annotations

from collections.abc import Generator, Iterator

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
    group = own_group(vpc, endpoint)
    if group and not group.tagged:
        yield from _tag(group, endpoint)
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
    """Return the group of `service` that carries the stack's tag."""
    named = (g for g in vpc.groups if g.name == group_name(service))
    return next((g for g in named if g.tagged), None)


def own_group(vpc: ObservedVpc, endpoint: Endpoint) -> SecurityGroup | None:
    """Return the group of a managed endpoint: tagged, or of its name and still on it.

    A group of the name that is neither may be a stranger's, and is left alone.
    """
    named = [g for g in vpc.groups if g.name == group_name(endpoint.service)]
    on_it = (g for g in named if g.group_id in endpoint.group_ids)
    return tagged_group(vpc, endpoint.service) or next(on_it, None)


def _tag(group: SecurityGroup, endpoint: Endpoint) -> Iterator[Step]:
    message = f"security group {group.group_id} has lost the guardrail's tag"
    yield Finding(Reason.TAGS_MISSING, message, endpoint.service, endpoint.endpoint_id)
    yield RestoreTags(group.group_id)


def _blocked(vpc: ObservedVpc, intent: Intent, group: SecurityGroup | None) -> tuple[str, ...]:
    return blocked_clients((*vpc.cidrs, *intent.client_cidrs), group.clients if group else ())

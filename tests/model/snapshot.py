"""The world as it is, read from moto's own state: no call, no product code, no filters.

Whoever judges the guardrail judges by this.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

MANAGED_TAG = "sfn-endpoint-guardrail:managed-by"
ALIVE = frozenset({"pendingAcceptance", "pending", "available"})
Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Vpc:
    """A VPC; `cidrs` are the blocks that are associated."""

    vpc_id: str
    owner_id: str
    default: bool
    cidrs: frozenset[str]
    tags: Tags
    dns: tuple[bool, bool]


@dataclass(frozen=True)
class Subnet:
    """A subnet."""

    subnet_id: str
    vpc_id: str
    zone: str
    free: int
    tags: Tags


@dataclass(frozen=True)
class Endpoint:
    """An endpoint of any service; `service` is the last label of its service's name."""

    endpoint_id: str
    vpc_id: str
    service: str
    state: str
    policy: str
    private_dns: bool
    subnets: frozenset[str]
    groups: frozenset[str]
    tags: Tags
    of_aws: bool

    @property
    def alive(self) -> bool:
        """Whether it serves or will."""
        return self.state in ALIVE

    @property
    def tagged(self) -> bool:
        """Whether its tag says that a stack manages it."""
        return dict(self.tags).get(MANAGED_TAG, "").startswith("arn:")

    @property
    def taken_over(self) -> bool:
        """Whether its tag says that it is somebody else's; without a tag it is whose it was."""
        return MANAGED_TAG in dict(self.tags) and not self.tagged


@dataclass(frozen=True)
class Group:
    """A security group; a rule is protocol, first and last port, and where from."""

    group_id: str
    vpc_id: str
    name: str
    tags: Tags
    rules: frozenset[tuple[str, int, int, str]]


@dataclass(frozen=True)
class Interface:
    """A network interface; `of_aws` says that an AWS service made it."""

    interface_id: str
    subnet_id: str
    groups: frozenset[str]
    of_aws: bool


@dataclass(frozen=True)
class Snapshot:
    """Everything that the guardrail could have changed, by id."""

    vpcs: dict[str, Vpc]
    subnets: dict[str, Subnet]
    endpoints: dict[str, Endpoint]
    groups: dict[str, Group]
    interfaces: dict[str, Interface]

    @cached_property
    def things(self) -> dict[str, Any]:
        """All of them together."""
        parts = (self.vpcs, self.subnets, self.endpoints, self.groups, self.interfaces)
        return {key: found for part in parts for key, found in part.items()}

    def vpc_of(self, thing_id: str) -> str:
        """Return the VPC that something is of; empty when it is unknown."""
        found = self.things.get(thing_id)
        if isinstance(found, Interface):
            return self.subnets[found.subnet_id].vpc_id
        return str(getattr(found, "vpc_id", ""))

    def subnets_of(self, vpc_id: str) -> list[Subnet]:
        """Return the subnets of a VPC."""
        return [s for s in self.subnets.values() if s.vpc_id == vpc_id]

    def endpoints_of(self, vpc_id: str) -> list[Endpoint]:
        """Return the endpoints of a VPC that are alive."""
        return [e for e in self.endpoints.values() if e.vpc_id == vpc_id and e.alive]


def take(backend: Any) -> Snapshot:
    """Return the world as it is now."""
    return Snapshot(
        {v.vpc_id: v for v in _vpcs(backend)},
        {s.subnet_id: s for s in _subnets(backend)},
        {e.endpoint_id: e for e in _endpoints(backend)},
        {g.group_id: g for g in _groups(backend)},
        {i.interface_id: i for i in _interfaces(backend)},
    )


def _vpcs(backend: Any) -> Iterator[Vpc]:
    for vpc in backend.vpcs.values():
        blocks = vpc.get_cidr_block_association_set() + vpc.get_cidr_block_association_set(
            ipv6=True
        )
        yield Vpc(
            vpc.id,
            vpc.owner_id,
            vpc.is_default,
            frozenset(
                b["cidr_block"]
                for b in blocks
                if b.get("cidr_block_state", {}).get("state", "associated") == "associated"
            ),
            _tags(backend, vpc.id),
            (_on(vpc.enable_dns_support), _on(vpc.enable_dns_hostnames)),
        )


def _subnets(backend: Any) -> Iterator[Subnet]:
    taken: dict[str, int] = {}
    for eni in backend.enis.values():
        taken[eni.subnet.id] = taken.get(eni.subnet.id, 0) + len(eni.private_ip_addresses)
    for of_zone in backend.subnets.values():
        for subnet in of_zone.values():
            free = subnet.cidr.num_addresses - 5 - taken.get(subnet.id, 0)
            tags = _tags(backend, subnet.id)
            yield Subnet(subnet.id, subnet.vpc_id, subnet.availability_zone, free, tags)


def _endpoints(backend: Any) -> Iterator[Endpoint]:
    for endpoint in backend.vpc_end_points.values():
        yield Endpoint(
            endpoint.id,
            endpoint.vpc_id,
            endpoint.service_name.rpartition(".")[2],
            endpoint.state,
            str(endpoint.policy_document),
            bool(endpoint.private_dns_enabled),
            frozenset(endpoint.subnet_ids or ()),
            frozenset(endpoint.security_group_ids or ()),
            _tags(backend, endpoint.id),
            bool(getattr(endpoint, "requester_managed", False)),
        )


def _groups(backend: Any) -> Iterator[Group]:
    for of_vpc in backend.groups.values():
        for group in of_vpc.values():
            rules = frozenset(rule for found in group.ingress_rules for rule in _rules(found))
            tags = _tags(backend, group.id)
            yield Group(group.id, group.vpc_id or "", group.name, tags, rules)


def _rules(rule: Any) -> Iterator[tuple[str, int, int, str]]:
    source = rule.ip_range or {}
    where = source.get("CidrIp") or source.get("CidrIpv6")
    if where:
        first, last = rule.from_port, rule.to_port
        yield (str(rule.ip_protocol), int(first if first else -1), int(last if last else -1), where)


def _interfaces(backend: Any) -> Iterator[Interface]:
    for eni in backend.enis.values():
        groups = frozenset(group.id for group in eni.group_set)
        yield Interface(eni.id, eni.subnet.id, groups, bool(eni.requester_managed))


def _tags(backend: Any, thing_id: str) -> Tags:
    return tuple(sorted(backend.tags.get(thing_id, {}).items()))


def _on(attribute: object) -> bool:
    # moto keeps the text of the request.
    return str(attribute).lower() == "true"

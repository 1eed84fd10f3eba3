"""VPCs in memory, and what their owner does with them: the state behind the fake network."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

from guardrail.core.model import (
    AbsentEndpoint,
    DnsAttributes,
    Endpoint,
    Interface,
    ObservedVpc,
    Subnet,
)
from guardrail.core.names import Service
from support.values import ACCOUNT, ZONES


class Vpcs:
    """VPCs by id; each change keeps what was before it, for reads that lag."""

    def __init__(self) -> None:
        self.state: dict[str, ObservedVpc] = {}
        self.foreign: dict[str, list[Interface]] = {}
        self._past: list[dict[str, ObservedVpc]] = []
        self._ids = itertools.count(1)

    def add_vpc(
        self,
        *,
        zones: Sequence[str] = ZONES[:3],
        dns: bool = True,
        default: bool = False,
        owner: str = ACCOUNT,
        tags: Mapping[str, str] | None = None,
        cidrs: tuple[str, ...] = ("10.0.0.0/16",),
    ) -> str:
        """Create a VPC with a subnet in each zone; return its id."""
        vpc_id = self._id("vpc")
        attributes = DnsAttributes(support=True, hostnames=dns)
        self.state[vpc_id] = ObservedVpc(vpc_id, owner, default, cidrs, tags or {}, dns=attributes)
        for zone in zones:
            self.add_subnet(vpc_id, zone)
        return vpc_id

    def add_subnet(self, vpc_id: str, zone: str, *, free: int = 250, **tags: str) -> str:
        """Create a subnet; return its id."""
        subnet = Subnet(self._id("subnet"), zone, free, tags)
        self.change(vpc_id, subnets=(*self.state[vpc_id].subnets, subnet))
        return subnet.subnet_id

    def add_endpoint(
        self,
        vpc_id: str,
        policy: str,
        *,
        service: Service = Service.STATES,
        tags: Mapping[str, str] | None = None,
        zones: int = 1,
        private_dns: bool = False,
        available: bool = True,
    ) -> str:
        """Create an endpoint of the owner's own in so many subnets; return its id."""
        subnets = self.state[vpc_id].subnets[:zones]
        endpoint = Endpoint(
            self._id("vpce"),
            service,
            policy,
            private_dns=private_dns,
            subnet_ids=frozenset(s.subnet_id for s in subnets),
            group_ids=frozenset(),
            tags=tags or {},
            available=available,
        )
        self.change(vpc_id, endpoints=(*self.state[vpc_id].endpoints, endpoint))
        return endpoint.endpoint_id

    def change(self, vpc_id: str, **changes: object) -> None:
        """Replace fields of a VPC."""
        self._past.append(dict(self.state))
        self.state[vpc_id] = replace(self.state[vpc_id], **changes)  # type: ignore[arg-type]

    def set_policy(self, endpoint_id: str, policy: str) -> None:
        """Write a policy as somebody else."""
        self.change_endpoint(endpoint_id, policy=policy)

    def delete_endpoint(self, endpoint_id: str, *, described: bool = True) -> None:
        """Delete an endpoint; EC2 may go on describing it for a while."""
        vpc, gone = self._vpc_of(endpoint_id), self.endpoint(endpoint_id)
        left = tuple(e for e in vpc.endpoints if e.endpoint_id != endpoint_id)
        ghost = AbsentEndpoint(endpoint_id, gone.service)
        absent = (*vpc.absent, ghost) if described else vpc.absent
        self.change(vpc.vpc_id, endpoints=left, absent=absent)

    def change_endpoint(self, endpoint_id: str, **changes: object) -> None:
        """Replace fields of an endpoint, as somebody else."""
        vpc = self._vpc_of(endpoint_id)
        endpoints = tuple(
            replace(e, **changes) if e.endpoint_id == endpoint_id else e  # type: ignore[arg-type]
            for e in vpc.endpoints
        )
        self.change(vpc.vpc_id, endpoints=endpoints)

    def add_interface(self, vpc_id: str, subnet_id: str) -> None:
        """Let something of the owner's live in a subnet."""
        self.foreign.setdefault(vpc_id, []).append(Interface(self._id("eni"), subnet_id))

    def clear_interfaces(self, vpc_id: str) -> None:
        """Let everything of the owner's leave the VPC."""
        self.foreign.pop(vpc_id, None)

    def endpoint(self, endpoint_id: str) -> Endpoint:
        """Return an endpoint as it is now."""
        vpc = self._vpc_of(endpoint_id)
        return next(e for e in vpc.endpoints if e.endpoint_id == endpoint_id)

    def endpoints(self, vpc_id: str) -> tuple[Endpoint, ...]:
        """Return the endpoints of a VPC as they are now."""
        return self.state[vpc_id].endpoints

    def _vpc_of(self, endpoint_id: str) -> ObservedVpc:
        return next(
            vpc
            for vpc in self.state.values()
            if any(e.endpoint_id == endpoint_id for e in vpc.endpoints)
        )

    def _id(self, kind: str) -> str:
        return f"{kind}-{next(self._ids):017x}"

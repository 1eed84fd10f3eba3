"""The network port in memory: VPCs that behave as EC2's do where it matters."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from guardrail.core.actions import (
    ENDPOINT_WRITES,
    Action,
    AddSubnets,
    AttachSecurityGroup,
    AuthorizeClients,
    CreateEndpoint,
    CreateSecurityGroup,
    DeleteEndpoint,
    DeleteSecurityGroup,
    EnableVpcDns,
    RemoveSubnets,
    RestoreTags,
    SetPrivateDns,
    WritePolicy,
)
from guardrail.core.model import (
    AbsentEndpoint,
    DnsAttributes,
    Endpoint,
    Interface,
    ObservedVpc,
    SecurityGroup,
    ServiceOffer,
    Subnet,
)
from guardrail.core.names import MANAGED_TAG, Service, client_token
from guardrail.errors import RetryableError
from guardrail.ports import Applied, Glimpse, Located, Result
from support.faults import Faults
from support.values import ACCOUNT, OFFERS, STACK, ZONES


class FakeNetwork:
    """VPCs in memory; creation is idempotent by client token, as EC2's is."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.state: dict[str, ObservedVpc] = {}
        self.available_offers: Mapping[Service, ServiceOffer] = OFFERS
        self.endpoint_writes = 0
        self.policies_written: list[str] = []
        self.faults = faults or Faults()
        self.hidden: set[str] = set()
        self.observations = 0
        self.stale_reads: Mapping[int, int] = {}
        self._past: list[dict[str, ObservedVpc]] = []
        self.before_apply: Callable[[Action], None] = lambda _: None
        self._ids = itertools.count(1)
        self._tokens: dict[str, str] = {}
        self.foreign: dict[str, list[Interface]] = {}

    # What tests do as the owner of the network.

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
        self._change_endpoint(endpoint_id, policy=policy)

    def delete_endpoint(self, endpoint_id: str, *, described: bool = True) -> None:
        """Delete an endpoint; EC2 may go on describing it for a while."""
        vpc, gone = self._vpc_of(endpoint_id), self.endpoint(endpoint_id)
        left = tuple(e for e in vpc.endpoints if e.endpoint_id != endpoint_id)
        ghost = AbsentEndpoint(endpoint_id, gone.service)
        absent = (*vpc.absent, ghost) if described else vpc.absent
        self.change(vpc.vpc_id, endpoints=left, absent=absent)

    def change_endpoint(self, endpoint_id: str, **changes: object) -> None:
        """Replace fields of an endpoint, as somebody else."""
        self._change_endpoint(endpoint_id, **changes)

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

    # The port.

    def offers(self) -> Mapping[Service, ServiceOffer]:
        """See `Network.offers`."""
        return self.available_offers

    def observe(self, vpc_ids: Collection[str] | None = None) -> Sequence[ObservedVpc]:
        """See `Network.observe`; endpoints in `hidden` are not visible yet.

        `stale_reads` says which observations (from 0) lag, and by how many changes.
        """
        self.faults.before()
        lag = self.stale_reads.get(self.observations, 0)
        self.observations += 1
        state = self._past[-min(lag, len(self._past))] if lag and self._past else self.state
        wanted = sorted(state if vpc_ids is None else vpc_ids)
        known = [state[vpc_id] for vpc_id in wanted if vpc_id in state]
        self.faults.after()
        return [
            replace(
                vpc,
                endpoints=tuple(
                    replace(e, interface_ids=_interfaces_of(e))
                    for e in vpc.endpoints
                    if e.endpoint_id not in self.hidden
                ),
            )
            for vpc in known
        ]

    def interfaces(self, vpc_id: str) -> Sequence[Interface]:
        """See `Network.interfaces`."""
        self.faults.before()
        ours = (
            Interface(f"eni-{e.endpoint_id}-{subnet_id}", subnet_id)
            for e in self.state[vpc_id].endpoints
            for subnet_id in sorted(e.subnet_ids)
        )
        return [*ours, *self.foreign.get(vpc_id, [])]

    def locate(self, ids: Collection[str]) -> Located:
        """See `Network.locate`."""
        self.faults.before()
        found = {i: vpc.vpc_id for vpc in self.state.values() for i in _ids_in(vpc) if i in ids}
        return Located(frozenset(found.values()), frozenset(ids) - found.keys())

    def glance(self, endpoint_ids: Collection[str]) -> Sequence[Glimpse] | None:
        """See `Network.glance`."""
        self.faults.before()
        found = [
            Glimpse(vpc.vpc_id, endpoint)
            for vpc in self.state.values()
            for endpoint in vpc.endpoints
            if endpoint.endpoint_id in endpoint_ids
        ]
        return found if len(found) == len(endpoint_ids) else None

    def settled_policy(self, endpoint_id: str, fits: Callable[[str], bool]) -> str | None:
        """See `Network.settled_policy`."""
        self.faults.before()
        shown = self.endpoint(endpoint_id).policy
        return shown if fits(shown) else None

    def vpcs_with_endpoints(self) -> frozenset[str]:
        """See `Network.vpcs_with_endpoints`."""
        self.faults.before()
        return frozenset(v.vpc_id for v in self.state.values() if v.endpoints or v.absent)

    def apply(self, action: Action) -> Applied:
        """See `Network.apply`; `before_apply` sees each action, and may act as somebody else."""
        self.faults.before()
        self.before_apply(action)
        self.endpoint_writes += action.kind in ENDPOINT_WRITES
        if self._is_gone(action):
            return Applied(Result.GONE)
        self._refuse(action)
        resource_id = self._apply_to_endpoint(action)
        self.faults.after()
        return Applied(Result.APPLIED, resource_id)

    def _is_gone(self, action: Action) -> bool:
        endpoint_id = getattr(action, "endpoint_id", None)
        vpc_id = getattr(action, "vpc_id", None)
        alive = {e.endpoint_id for vpc in self.state.values() for e in vpc.endpoints}
        return (endpoint_id is not None and endpoint_id not in alive) or (
            vpc_id is not None and vpc_id not in self.state
        )

    def _refuse(self, action: Action) -> None:
        """Refuse what EC2 refuses: private DNS without the attributes, two subnets of a zone."""
        match action:
            case SetPrivateDns() if action.enabled:
                self._need_dns(self._vpc_of(action.endpoint_id))
                self._need_name(self._vpc_of(action.endpoint_id), action.endpoint_id)
            case CreateEndpoint():
                if action.private_dns:
                    self._need_dns(self.state[action.vpc_id])
                self._need_zones(self.state[action.vpc_id], action.subnet_ids)
            case AddSubnets():
                before = self.endpoint(action.endpoint_id).subnet_ids
                self._need_zones(self._vpc_of(action.endpoint_id), [*before, *action.subnet_ids])

    def _need_dns(self, vpc: ObservedVpc) -> None:
        if vpc.dns is None or not vpc.dns.both:
            raise RetryableError("requires both enableDnsSupport and enableDnsHostnames")

    def _need_name(self, vpc: ObservedVpc, endpoint_id: str) -> None:
        service = self.endpoint(endpoint_id).service
        others = (e for e in vpc.endpoints_of(service) if e.endpoint_id != endpoint_id)
        if any(other.private_dns for other in others):
            raise RetryableError("conflicting DNS domain")

    def _need_zones(self, vpc: ObservedVpc, subnet_ids: Collection[str]) -> None:
        zones = [s.zone for s in vpc.subnets if s.subnet_id in subnet_ids]
        if len(zones) != len(set(zones)):
            raise RetryableError("DuplicateSubnetsInSameZone")

    def _apply_to_endpoint(self, action: Action) -> str | None:
        match action:
            case CreateEndpoint():
                return self._create(action)
            case WritePolicy():
                self.policies_written.append(action.policy)
                self._change_endpoint(action.endpoint_id, policy=action.policy)
            case AddSubnets():
                before = self.endpoint(action.endpoint_id).subnet_ids
                added = before | frozenset(action.subnet_ids)
                self._change_endpoint(action.endpoint_id, subnet_ids=added)
            case RemoveSubnets():
                left = self.endpoint(action.endpoint_id).subnet_ids - set(action.subnet_ids)
                self._change_endpoint(action.endpoint_id, subnet_ids=left)
            case SetPrivateDns():
                self._change_endpoint(action.endpoint_id, private_dns=action.enabled)
            case AttachSecurityGroup():
                groups = self.endpoint(action.endpoint_id).group_ids | {action.group_id}
                self._change_endpoint(action.endpoint_id, group_ids=groups)
            case DeleteEndpoint():
                alive = {e.endpoint_id for e in self.endpoints(action.vpc_id)}
                for endpoint_id in alive & set(action.endpoint_ids):
                    self.delete_endpoint(endpoint_id)
            case _:
                return self._apply_to_rest(action)
        return None

    def _apply_to_rest(
        self,
        action: CreateSecurityGroup
        | AuthorizeClients
        | EnableVpcDns
        | RestoreTags
        | DeleteSecurityGroup,
    ) -> str | None:
        match action:
            case CreateSecurityGroup():
                return self._create_group(action)
            case AuthorizeClients():
                self._authorize(action)
            case EnableVpcDns():
                self._enable_dns(action)
            case RestoreTags():
                self._tag(action.resource_id)
            case DeleteSecurityGroup():
                self._delete_group(action.group_id)
            case _:
                assert_never(action)
        return None

    def _create(self, action: CreateEndpoint) -> str:
        token = client_token(action.vpc_id, action.service, action.generation)
        if token in self._tokens:
            return self._tokens[token]
        if not any(g.group_id == action.group_id for g in self.state[action.vpc_id].groups):
            raise AssertionError(f"{action.group_id} is no group of {action.vpc_id}")
        self.policies_written.append(action.policy)
        endpoint = Endpoint(
            self._id("vpce"),
            action.service,
            action.policy,
            action.private_dns,
            frozenset(action.subnet_ids),
            frozenset({action.group_id}),
            {MANAGED_TAG: STACK},
        )
        endpoints = (*self.state[action.vpc_id].endpoints, endpoint)
        self.change(action.vpc_id, endpoints=endpoints)
        self._tokens[token] = endpoint.endpoint_id
        return endpoint.endpoint_id

    def _create_group(self, action: CreateSecurityGroup) -> str:
        groups = self.state[action.vpc_id].groups
        for group in groups:
            if group.name == action.name:
                return group.group_id
        group = SecurityGroup(self._id("sg"), action.name, frozenset())
        self.change(action.vpc_id, groups=(*groups, group))
        return group.group_id

    def _authorize(self, action: AuthorizeClients) -> None:
        for vpc in list(self.state.values()):
            groups = tuple(
                replace(g, clients=g.clients | frozenset(action.cidrs))
                if g.group_id == action.group_id
                else g
                for g in vpc.groups
            )
            self.change(vpc.vpc_id, groups=groups)

    def _tag(self, resource_id: str) -> None:
        for vpc in list(self.state.values()):
            self.change(
                vpc.vpc_id,
                groups=tuple(
                    replace(g, tagged=g.tagged or g.group_id == resource_id) for g in vpc.groups
                ),
                endpoints=tuple(
                    replace(e, tags={**e.tags, MANAGED_TAG: STACK})
                    if e.endpoint_id == resource_id
                    else e
                    for e in vpc.endpoints
                ),
            )

    def _delete_group(self, group_id: str) -> None:
        for vpc in list(self.state.values()):
            left = tuple(g for g in vpc.groups if g.group_id != group_id)
            self.change(vpc.vpc_id, groups=left)

    def _enable_dns(self, action: EnableVpcDns) -> None:
        dns = self.state[action.vpc_id].dns or DnsAttributes(support=False, hostnames=False)
        name = "support" if action.attribute == "enableDnsSupport" else "hostnames"
        self.change(action.vpc_id, dns=replace(dns, **{name: True}))

    def _vpc_of(self, endpoint_id: str) -> ObservedVpc:
        return next(
            vpc
            for vpc in self.state.values()
            if any(e.endpoint_id == endpoint_id for e in vpc.endpoints)
        )

    def _change_endpoint(self, endpoint_id: str, **changes: object) -> None:
        vpc = self._vpc_of(endpoint_id)
        endpoints = tuple(
            replace(e, **changes) if e.endpoint_id == endpoint_id else e  # type: ignore[arg-type]
            for e in vpc.endpoints
        )
        self.change(vpc.vpc_id, endpoints=endpoints)

    def _id(self, kind: str) -> str:
        return f"{kind}-{next(self._ids):017x}"


def _interfaces_of(endpoint: Endpoint) -> frozenset[str]:
    return frozenset(f"eni-{endpoint.endpoint_id}-{s}" for s in endpoint.subnet_ids)


def _ids_in(vpc: ObservedVpc) -> set[str]:
    return (
        {e.endpoint_id for e in vpc.endpoints}
        | {a.endpoint_id for a in vpc.absent}
        | {s.subnet_id for s in vpc.subnets}
        | {g.group_id for g in vpc.groups}
    )

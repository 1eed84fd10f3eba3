"""The network port in memory: VPCs that behave as EC2's do where it matters."""

from __future__ import annotations

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
    DnsAttributes,
    Endpoint,
    Interface,
    ObservedVpc,
    SecurityGroup,
    ServiceOffer,
)
from guardrail.core.names import MANAGED_TAG, Service, client_token
from guardrail.errors import NameTakenError, RetryableError, TerminalError
from guardrail.ports import Applied, Glimpse, Located, Result
from support.faults import Faults
from support.values import OFFERS, STACK
from support.vpcs import Vpcs


class FakeNetwork(Vpcs):
    """VPCs in memory; creation is idempotent by client token, as EC2's is."""

    def __init__(self, faults: Faults | None = None) -> None:
        super().__init__()
        self.available_offers: Mapping[Service, ServiceOffer] = OFFERS
        self.endpoint_writes = 0
        self.policies_written: list[str] = []
        self.faults = faults or Faults()
        self.hidden: set[str] = set()
        self.observations = 0
        self.stale_reads: Mapping[int, int] = {}
        self.before_apply: Callable[[Action], None] = lambda _: None
        self._tokens: dict[str, str] = {}

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

    def dns(self, vpc_id: str) -> DnsAttributes | None:
        """See `Network.dns`."""
        self.faults.before()
        return self.state[vpc_id].dns if vpc_id in self.state else None

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
                service = self.endpoint(action.endpoint_id).service
                self._need_name(self._vpc_of(action.endpoint_id), service, action.endpoint_id)
            case CreateEndpoint():
                if action.private_dns:
                    self._need_dns(self.state[action.vpc_id])
                    self._need_name(self.state[action.vpc_id], action.service)
                self._need_zones(self.state[action.vpc_id], action.subnet_ids)
            case AddSubnets():
                before = self.endpoint(action.endpoint_id).subnet_ids
                self._need_zones(self._vpc_of(action.endpoint_id), [*before, *action.subnet_ids])

    def _need_dns(self, vpc: ObservedVpc) -> None:
        if vpc.dns is None or not vpc.dns.both:
            raise RetryableError("requires both enableDnsSupport and enableDnsHostnames")

    def _need_name(self, vpc: ObservedVpc, service: Service, endpoint_id: str = "") -> None:
        others = (e for e in vpc.endpoints_of(service) if e.endpoint_id != endpoint_id)
        if any(other.private_dns for other in others):
            raise NameTakenError("conflicting DNS domain")

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
                self.change_endpoint(action.endpoint_id, policy=action.policy)
            case AddSubnets():
                before = self.endpoint(action.endpoint_id).subnet_ids
                added = before | frozenset(action.subnet_ids)
                self.change_endpoint(action.endpoint_id, subnet_ids=added)
            case RemoveSubnets():
                left = self.endpoint(action.endpoint_id).subnet_ids - set(action.subnet_ids)
                self.change_endpoint(action.endpoint_id, subnet_ids=left)
            case SetPrivateDns():
                self.change_endpoint(action.endpoint_id, private_dns=action.enabled)
            case AttachSecurityGroup():
                groups = self.endpoint(action.endpoint_id).group_ids | {action.group_id}
                self.change_endpoint(action.endpoint_id, group_ids=groups)
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
            if group.name == action.name and not group.tagged:
                raise TerminalError(f"{group.group_id} bears the name {action.name}")
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


def _interfaces_of(endpoint: Endpoint) -> frozenset[str]:
    return frozenset(f"eni-{endpoint.endpoint_id}-{s}" for s in endpoint.subnet_ids)


def _ids_in(vpc: ObservedVpc) -> set[str]:
    return (
        {e.endpoint_id for e in vpc.endpoints}
        | {a.endpoint_id for a in vpc.absent}
        | {s.subnet_id for s in vpc.subnets}
        | {g.group_id for g in vpc.groups}
    )

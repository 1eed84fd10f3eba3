"""Ports in memory: a network that behaves as EC2 does where it matters, records, settling, a clock.

Tests look at the state that is left, never at lists of calls. `Faults` makes the n-th call of any
port fail before or after its effect.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import assert_never

from guardrail.baseline import render_baseline
from guardrail.core.model import (
    ENDPOINT_WRITES,
    Action,
    AddSubnets,
    AttachSecurityGroup,
    AuthorizeClients,
    CreateEndpoint,
    CreateSecurityGroup,
    DnsAttributes,
    EnableVpcDns,
    Endpoint,
    Inventory,
    ObservedVpc,
    SecurityGroup,
    Service,
    ServiceOffer,
    SetPrivateDns,
    Subnet,
    WritePolicy,
)
from guardrail.core.provision import client_token
from guardrail.errors import RetryableError
from guardrail.ports import Applied, BeforeImage, Creation, Result
from guardrail.reconcile import MANAGED_TAG

ACCOUNT = "111122223333"
STACK = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/guardrail/1"
BASELINE = render_baseline(account=ACCOUNT)
OPEN = '{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}]}'
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d")
OFFERS = {
    service: ServiceOffer(
        service, f"com.amazonaws.us-east-1.{service}", frozenset(ZONES), private_dns=True
    )
    for service in Service
}


class Clock:
    """A clock that tests drive."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the time."""
        return self.time

    def advance(self, **duration: float) -> None:
        """Let time pass; takes what `timedelta` takes."""
        self.time += timedelta(**duration)


class Crash(BaseException):
    """The function's process ends here; nothing of it runs on."""


@dataclass
class Faults:
    """Make the call number `at` (from 0) fail before or after its effect."""

    at: int | None = None
    after_effect: bool = False
    error: BaseException = field(default_factory=lambda: RetryableError("throttled"))
    calls: int = 0

    def before(self) -> None:
        """Count a call; fail before its effect if it is the one."""
        self.calls += 1
        if self.calls - 1 == self.at and not self.after_effect:
            raise self.error

    def after(self) -> None:
        """Fail after the effect if this call is the one."""
        if self.calls - 1 == self.at and self.after_effect:
            raise self.error


class FakeNetwork:
    """VPCs in memory; creation is idempotent by client token, as EC2's is."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.state: dict[str, ObservedVpc] = {}
        self.available_offers: Mapping[Service, ServiceOffer] = OFFERS
        self.endpoint_writes = 0
        self.policies_written: list[str] = []
        self.faults = faults or Faults()
        self.hidden: set[str] = set()
        self.before_apply: Callable[[Action], None] = lambda _: None
        self._ids = itertools.count(1)
        self._tokens: dict[str, str] = {}

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
    ) -> str:
        """Create an endpoint of the owner's own, without subnets; return its id."""
        endpoint = Endpoint(
            self._id("vpce"),
            service,
            policy,
            private_dns=False,
            subnet_ids=frozenset(),
            group_ids=frozenset(),
            tags=tags or {},
        )
        self.change(vpc_id, endpoints=(*self.state[vpc_id].endpoints, endpoint))
        return endpoint.endpoint_id

    def change(self, vpc_id: str, **changes: object) -> None:
        """Replace fields of a VPC."""
        self.state[vpc_id] = replace(self.state[vpc_id], **changes)  # type: ignore[arg-type]

    def set_policy(self, endpoint_id: str, policy: str) -> None:
        """Write a policy as somebody else."""
        self._change_endpoint(endpoint_id, policy=policy)

    def delete_endpoint(self, endpoint_id: str, *, described: bool = True) -> None:
        """Delete an endpoint; EC2 may go on describing it for a while."""
        vpc = self._vpc_of(endpoint_id)
        left = tuple(e for e in vpc.endpoints if e.endpoint_id != endpoint_id)
        absent = vpc.absent | {endpoint_id} if described else vpc.absent
        self.change(vpc.vpc_id, endpoints=left, absent=absent)

    def endpoint(self, endpoint_id: str) -> Endpoint:
        """Return an endpoint as it is now."""
        vpc = self._vpc_of(endpoint_id)
        return next(e for e in vpc.endpoints if e.endpoint_id == endpoint_id)

    def endpoints(self, vpc_id: str) -> tuple[Endpoint, ...]:
        """Return the endpoints of a VPC as they are now."""
        return self.state[vpc_id].endpoints

    # The port.

    def vpcs(self) -> Sequence[str]:
        """See `Network.vpcs`."""
        self.faults.before()
        return list(self.state)

    def offers(self) -> Mapping[Service, ServiceOffer]:
        """See `Network.offers`."""
        return self.available_offers

    def observe(self, vpc_ids: Collection[str]) -> Sequence[ObservedVpc]:
        """See `Network.observe`; endpoints in `hidden` are not visible yet."""
        self.faults.before()
        known = [self.state[vpc_id] for vpc_id in sorted(vpc_ids) if vpc_id in self.state]
        return [
            replace(
                vpc, endpoints=tuple(e for e in vpc.endpoints if e.endpoint_id not in self.hidden)
            )
            for vpc in known
        ]

    def locate(self, ids: Collection[str]) -> frozenset[str]:
        """See `Network.locate`."""
        self.faults.before()
        return frozenset(
            vpc.vpc_id
            for vpc in self.state.values()
            if not vpc.absent.isdisjoint(ids)
            or any(endpoint.endpoint_id in ids for endpoint in vpc.endpoints)
        )

    def apply(self, action: Action) -> Applied:
        """See `Network.apply`; `before_apply` sees each action, and may act as somebody else."""
        self.faults.before()
        self.before_apply(action)
        self.endpoint_writes += action.kind in ENDPOINT_WRITES
        resource_id = self._apply(action)
        self.faults.after()
        return Applied(Result.APPLIED, resource_id)

    def _apply(self, action: Action) -> str | None:
        match action:
            case CreateEndpoint():
                return self._create(action)
            case CreateSecurityGroup():
                return self._create_group(action)
            case WritePolicy():
                self.policies_written.append(action.policy)
                self._change_endpoint(action.endpoint_id, policy=action.policy)
            case AddSubnets():
                before = self.endpoint(action.endpoint_id).subnet_ids
                added = before | frozenset(action.subnet_ids)
                self._change_endpoint(action.endpoint_id, subnet_ids=added)
            case SetPrivateDns():
                self._change_endpoint(action.endpoint_id, private_dns=True)
            case AttachSecurityGroup():
                groups = self.endpoint(action.endpoint_id).group_ids | {action.group_id}
                self._change_endpoint(action.endpoint_id, group_ids=groups)
            case AuthorizeClients():
                self._authorize(action)
            case EnableVpcDns():
                self._enable_dns(action)
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


class FakeRecords:
    """Records in memory."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.stored_inventory: Inventory | None = None
        self.made: dict[tuple[str, Service], Creation] = {}
        self.images: list[BeforeImage] = []
        self.faults = faults or Faults()

    def inventory(self) -> Inventory | None:
        """See `Records.inventory`."""
        self.faults.before()
        return self.stored_inventory

    def store_inventory(self, inventory: Inventory) -> Inventory:
        """See `Records.store_inventory`."""
        self.faults.before()
        self.stored_inventory = self.stored_inventory or inventory
        self.faults.after()
        return self.stored_inventory

    def forget_policy(self, endpoint_id: str) -> None:
        """See `Records.forget_policy`."""
        self.faults.before()
        if self.stored_inventory:
            policies = dict(self.stored_inventory.policies)
            policies.pop(endpoint_id, None)
            self.stored_inventory = replace(self.stored_inventory, policies=policies)
        self.faults.after()

    def creations(self, vpc_ids: Collection[str]) -> Mapping[str, Mapping[Service, Creation]]:
        """See `Records.creations`."""
        self.faults.before()
        found: dict[str, dict[Service, Creation]] = {}
        for (vpc_id, service), creation in self.made.items():
            if vpc_id in vpc_ids:
                found.setdefault(vpc_id, {})[service] = creation
        return found

    def note_creation(self, vpc_id: str, service: Service, creation: Creation) -> None:
        """See `Records.note_creation`."""
        self.faults.before()
        self.made[vpc_id, service] = creation
        self.faults.after()

    def keep(self, image: BeforeImage) -> None:
        """See `Records.keep`."""
        self.faults.before()
        self.images.append(image)
        self.faults.after()


class FakeSettling:
    """Pauses in memory; with `enabled` false there are none."""

    def __init__(self, *, enabled: bool = False) -> None:
        self.enabled = enabled
        self.paused: set[str] = set()

    def push(self, vpc_id: str) -> bool:
        """See `Settling.push`."""
        if self.enabled:
            self.paused.add(vpc_id)
        return self.enabled

    def pending(self, vpc_id: str) -> bool:
        """See `Settling.pending`."""
        return vpc_id in self.paused

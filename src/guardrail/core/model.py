"""The values that observing, planning and applying exchange.

Observed state is what Describe calls returned, normalised; a finding is one thing worth telling; a
plan is findings, actions (`actions.py`) and what is to be remembered. Nothing here knows how AWS is
called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from guardrail.core.actions import Action
from guardrail.core.memory import Cession, VpcMemory, Yield
from guardrail.core.names import Service
from guardrail.core.policy import Verdict
from guardrail.core.reasons import Reason
from guardrail.core.wish import Wish


class Mode(StrEnum):
    """How far the guardrail may go; `enforce-new` spares what stood before it came."""

    OBSERVE = "observe"
    ENFORCE_NEW = "enforce-new"
    ENFORCE = "enforce"


class VpcDns(StrEnum):
    """What to do when a VPC lacks the DNS attributes that private DNS needs."""

    WAIT = "wait"
    ENABLE = "enable"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class ServiceOffer:
    """What the region offers of one service, from DescribeVpcEndpointServices.

    `dns_names` are the names that private DNS answers for; without any it cannot be had.
    """

    service: Service
    name: str
    zones: frozenset[str]
    dns_names: frozenset[str]

    @property
    def private_dns(self) -> bool:
        """Whether private DNS can be had."""
        return bool(self.dns_names)


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet that can hold an endpoint's network interface (it has IPv4 addresses)."""

    subnet_id: str
    zone: str
    free_addresses: int
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A group that bears the guardrail's name; `clients` are the CIDRs it lets reach TCP 443.

    `tagged` says that it carries the stack's tag, `made` that the stack's table knows it: one with
    neither may be a stranger's.
    """

    group_id: str
    name: str
    clients: frozenset[str]
    tagged: bool = True
    made: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A Step Functions interface endpoint that is alive or on its way.

    `managed` is set when the stack's table says that the guardrail made it and no tag says
    otherwise; a tag alone can be set by anyone. `untagged` says that a managed one lacks the
    stack's tag. `aside` marks one whose service has another name that the guardrail serves (FIPS):
    its policy counts, and it answers for no name but its own.
    """

    endpoint_id: str
    service: Service
    policy: str
    private_dns: bool
    subnet_ids: frozenset[str]
    group_ids: frozenset[str]
    tags: Mapping[str, str]
    available: bool = True
    interface_ids: frozenset[str] = frozenset()
    managed: bool = False
    untagged: bool = False
    aside: bool = False

    @property
    def works(self) -> bool:
        """Whether it can carry traffic: EC2 accepts endpoints that stand in no subnet."""
        return self.available and bool(self.subnet_ids)


@dataclass(frozen=True, slots=True)
class AbsentEndpoint:
    """A Step Functions endpoint that EC2 still describes and nobody can use any more.

    `failed` ones were never made good and stay until they are deleted; `deleting` ones hold their
    interfaces until they are gone.
    """

    endpoint_id: str
    service: Service
    failed: bool = False
    deleting: bool = False
    interface_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface: whatever it belongs to holds its subnet and its VPC."""

    interface_id: str
    subnet_id: str


@dataclass(frozen=True, slots=True)
class DnsAttributes:
    """The two VPC attributes that private DNS needs."""

    support: bool
    hostnames: bool

    @property
    def both(self) -> bool:
        """Whether private DNS can be enabled."""
        return self.support and self.hostnames


@dataclass(frozen=True, slots=True)
class ObservedVpc:
    """One VPC with what matters to its endpoints.

    `dns` and `interfaces` are None when nothing that is to be decided depends on them. `unread`
    says why `dns` is None though something does.
    """

    vpc_id: str
    owner_id: str
    is_default: bool
    cidrs: tuple[str, ...]
    tags: Mapping[str, str]
    subnets: tuple[Subnet, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    groups: tuple[SecurityGroup, ...] = ()
    absent: tuple[AbsentEndpoint, ...] = ()
    dns: DnsAttributes | None = None
    interfaces: tuple[Interface, ...] | None = None
    unread: Exception | None = None

    def absent_of(self, service: Service) -> tuple[AbsentEndpoint, ...]:
        """Return the endpoints of `service` that are gone or going."""
        return tuple(gone for gone in self.absent if gone.service is service)

    def endpoints_of(self, service: Service) -> tuple[Endpoint, ...]:
        """Return the live endpoints of `service` that answer for its name, or are ours."""
        found = (e for e in self.endpoints if e.service is service)
        return tuple(e for e in found if e.managed or not e.aside)


@dataclass(frozen=True, slots=True)
class Inventory:
    """What stood in the region when the guardrail first looked: ids, and policy hashes."""

    vpc_ids: frozenset[str]
    policies: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """One drift or state of a VPC, in a code and a sentence for a person."""

    reason: Reason
    message: str
    service: Service | None = None
    endpoint_id: str | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class YieldBegins:
    """The guardrail gets out of the way from now on; remembered before anything is taken out."""

    begins: Yield


@dataclass(frozen=True, slots=True)
class CessionBegins:
    """The guardrail gives up a service's name from now on; remembered before it is switched off."""

    service: Service
    begins: Cession


@dataclass(frozen=True, slots=True)
class SeenCompliant:
    """An endpoint whose policy is contained: what a later revert should restore."""

    endpoint_id: str
    policy: str


Note = YieldBegins | CessionBegins
"""What is to be remembered before a plan is carried out."""


def remembering(memory: VpcMemory, note: Note) -> VpcMemory:
    """Return the memory with what begins in it."""
    if isinstance(note, YieldBegins):
        return replace(memory, yielded=note.begins)
    return replace(memory, ceded={**memory.ceded, note.service: note.begins})


Step = Finding | Action | Note | SeenCompliant
"""What planning yields: findings, what to remember, and the actions that follow, in order."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What was found of one VPC and what removes it; no actions when nothing is to be done."""

    vpc_id: str
    findings: tuple[Finding, ...] = ()
    actions: tuple[Action, ...] = ()
    notes: tuple[Note, ...] = ()
    compliant: tuple[SeenCompliant, ...] = ()


@dataclass(frozen=True, slots=True)
class Intent:
    """What the owner asked for: the parameters that decide, parsed."""

    mode: Mode = Mode.ENFORCE_NEW
    services: tuple[Service, ...] = (Service.STATES,)
    default_vpcs: bool = False
    max_zones: int = 3
    min_free_addresses: int = 8
    subnet_tag: tuple[str, str | None] | None = None
    client_cidrs: tuple[str, ...] = ()
    vpc_dns: VpcDns = VpcDns.WAIT
    exemption_tag: str = ""
    contested_after: int = 3
    breaker_after: int = 10


@dataclass(frozen=True, slots=True)
class Known:
    """What the decision needs besides the VPC: the account, the baseline, the past, the wish.

    `inventory` is None until it has been taken. `settled` says that creation need not wait any
    longer. `wish` is what the owner tried in vain, if that is why the guardrail looks.
    `compliant` holds the policies with which endpoints were last seen compliant, as far as that
    matters: where one has another policy now.
    """

    account_id: str
    now: datetime
    baseline: str
    offers: Mapping[Service, ServiceOffer]
    inventory: Inventory | None = None
    settled: bool = True
    memory: VpcMemory = field(default_factory=VpcMemory)
    wish: Wish | None = None
    compliant: Mapping[str, str] = field(default_factory=dict)

    @property
    def today(self) -> date:
        """The day by which exemptions end."""
        return self.now.date()

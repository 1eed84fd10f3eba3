"""The values that observing, planning and applying exchange.

Observed state is what Describe calls returned, normalised; an action is one change to make;
a finding is one thing worth telling. Nothing here knows how AWS is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import ClassVar

from guardrail.core.policy import Verdict
from guardrail.core.reasons import Reason


class Service(StrEnum):
    """The two PrivateLink services of Step Functions.

    StartSyncExecution and TestState use `sync-states`, everything else `states`.
    Source: AWS Step Functions developer guide, "Creating Amazon VPC endpoints".
    """

    STATES = "states"
    SYNC_STATES = "sync-states"


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


class ActionKind(StrEnum):
    """The names of the actions, as roles are granted and logs are written."""

    CREATE_ENDPOINT = "CreateEndpoint"
    WRITE_POLICY = "WritePolicy"
    ADD_SUBNETS = "AddSubnets"
    SET_PRIVATE_DNS = "SetPrivateDns"
    CREATE_SECURITY_GROUP = "CreateSecurityGroup"
    AUTHORIZE_CLIENTS = "AuthorizeClients"
    ATTACH_SECURITY_GROUP = "AttachSecurityGroup"
    ENABLE_VPC_DNS = "EnableVpcDns"


@dataclass(frozen=True, slots=True)
class ServiceOffer:
    """What the region offers of one service, from DescribeVpcEndpointServices."""

    service: Service
    name: str
    zones: frozenset[str]
    private_dns: bool


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet that can hold an endpoint's network interface (it has IPv4 addresses)."""

    subnet_id: str
    zone: str
    free_addresses: int
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A group that bears the guardrail's name; `clients` are the CIDRs it lets reach TCP 443."""

    group_id: str
    name: str
    clients: frozenset[str]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A Step Functions interface endpoint that is alive or on its way.

    `managed` is set when the stack's tag and the stack's table both say so; a tag alone
    can be set by anyone.
    """

    endpoint_id: str
    service: Service
    policy: str
    private_dns: bool
    subnet_ids: frozenset[str]
    group_ids: frozenset[str]
    tags: Mapping[str, str]
    managed: bool = False


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

    `dns` is None when nothing that is to be decided depends on it; `absent` names endpoints
    that EC2 still describes although they are deleted, deleting or failed.
    """

    vpc_id: str
    owner_id: str
    is_default: bool
    cidrs: tuple[str, ...]
    tags: Mapping[str, str]
    subnets: tuple[Subnet, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    groups: tuple[SecurityGroup, ...] = ()
    absent: frozenset[str] = frozenset()
    dns: DnsAttributes | None = None


@dataclass(frozen=True, slots=True)
class Inventory:
    """What stood in the region when the guardrail first looked: ids, and policy hashes."""

    vpc_ids: frozenset[str]
    policies: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CreateEndpoint:
    """Create an endpoint in one call with everything that it needs.

    `generation` counts the endpoints that were deleted before it.
    """

    kind: ClassVar[ActionKind] = ActionKind.CREATE_ENDPOINT
    vpc_id: str
    service: Service
    service_name: str
    policy: str
    subnet_ids: tuple[str, ...]
    group_id: str
    private_dns: bool
    generation: int


@dataclass(frozen=True, slots=True)
class WritePolicy:
    """Replace the policy of an endpoint; `before` is what it replaces."""

    kind: ClassVar[ActionKind] = ActionKind.WRITE_POLICY
    endpoint_id: str
    policy: str
    before: str


@dataclass(frozen=True, slots=True)
class AddSubnets:
    """Extend an endpoint into more zones."""

    kind: ClassVar[ActionKind] = ActionKind.ADD_SUBNETS
    endpoint_id: str
    subnet_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetPrivateDns:
    """Switch private DNS on."""

    kind: ClassVar[ActionKind] = ActionKind.SET_PRIVATE_DNS
    endpoint_id: str


@dataclass(frozen=True, slots=True)
class CreateSecurityGroup:
    """Create the group of a VPC's endpoint; EC2 refuses a second of the same name."""

    kind: ClassVar[ActionKind] = ActionKind.CREATE_SECURITY_GROUP
    vpc_id: str
    name: str


@dataclass(frozen=True, slots=True)
class AuthorizeClients:
    """Let CIDR blocks reach TCP 443 of a group's members."""

    kind: ClassVar[ActionKind] = ActionKind.AUTHORIZE_CLIENTS
    group_id: str
    cidrs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AttachSecurityGroup:
    """Add the guardrail's group to an endpoint; other groups stay."""

    kind: ClassVar[ActionKind] = ActionKind.ATTACH_SECURITY_GROUP
    endpoint_id: str
    group_id: str


@dataclass(frozen=True, slots=True)
class EnableVpcDns:
    """Turn on one DNS attribute; EC2 takes one per call."""

    kind: ClassVar[ActionKind] = ActionKind.ENABLE_VPC_DNS
    vpc_id: str
    attribute: str


Action = (
    CreateEndpoint
    | WritePolicy
    | AddSubnets
    | SetPrivateDns
    | CreateSecurityGroup
    | AuthorizeClients
    | AttachSecurityGroup
    | EnableVpcDns
)

ENDPOINT_WRITES = frozenset(
    {
        ActionKind.CREATE_ENDPOINT,
        ActionKind.WRITE_POLICY,
        ActionKind.ADD_SUBNETS,
        ActionKind.SET_PRIVATE_DNS,
        ActionKind.ATTACH_SECURITY_GROUP,
    }
)
"""Actions that draw on the bucket of 4 endpoint writes refilled at 0.3 per second.

Source: Amazon EC2 developer guide, "Request throttling for the Amazon EC2 API".
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One drift or state of a VPC, in a code and a sentence for a person."""

    reason: Reason
    message: str
    service: Service | None = None
    endpoint_id: str | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What was found of one VPC and what removes it; no actions when nothing is to be done."""

    vpc_id: str
    findings: tuple[Finding, ...] = ()
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Intent:
    """What the owner asked for: the parameters that decide, parsed."""

    mode: Mode = Mode.ENFORCE_NEW
    services: tuple[Service, ...] = (Service.STATES,)
    default_vpcs: bool = False
    max_zones: int = 3
    subnet_tag: tuple[str, str | None] | None = None
    client_cidrs: tuple[str, ...] = ()
    vpc_dns: VpcDns = VpcDns.WAIT
    exemption_tag: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What the decision needs besides the VPC: the account, the baseline, the past.

    `inventory` is None until it has been taken. `generations` count the endpoints that
    were deleted, per service. `settled` says that creation need not wait any longer.
    """

    account_id: str
    today: date
    baseline: str
    offers: Mapping[Service, ServiceOffer]
    inventory: Inventory | None = None
    settled: bool = True
    generations: Mapping[Service, int] = field(default_factory=dict)


Step = Finding | Action
"""What planning yields: findings and the actions that follow from them, in order."""

"""What a plan may ask for: one change each, as a value that says everything the call needs.

Nothing here knows how an action is carried out, nor by whom: a function is allowed the kinds that
its role can do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from guardrail.core.names import Service


class ActionKind(StrEnum):
    """The names of the actions, as roles are granted and logs are written."""

    CREATE_ENDPOINT = "CreateEndpoint"
    WRITE_POLICY = "WritePolicy"
    ADD_SUBNETS = "AddSubnets"
    REMOVE_SUBNETS = "RemoveSubnets"
    SET_PRIVATE_DNS = "SetPrivateDns"
    CREATE_SECURITY_GROUP = "CreateSecurityGroup"
    AUTHORIZE_CLIENTS = "AuthorizeClients"
    ATTACH_SECURITY_GROUP = "AttachSecurityGroup"
    ENABLE_VPC_DNS = "EnableVpcDns"
    RESTORE_TAGS = "RestoreTags"
    DELETE_ENDPOINT = "DeleteEndpoint"
    DELETE_SECURITY_GROUP = "DeleteSecurityGroup"


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


class Origin(StrEnum):
    """Where the policy that is written comes from, the most faithful to its owner first."""

    LAST_COMPLIANT = "last-compliant"
    """What the endpoint had when it was last seen compliant, and the baseline still contains."""

    WITH_DENIES = "baseline-with-denies"
    """The baseline, and the Deny statements of the policy that is replaced."""

    BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class WritePolicy:
    """Replace the policy of an endpoint; `before` is what it replaces."""

    kind: ClassVar[ActionKind] = ActionKind.WRITE_POLICY
    endpoint_id: str
    policy: str
    before: str
    origin: Origin = Origin.BASELINE


@dataclass(frozen=True, slots=True)
class AddSubnets:
    """Extend an endpoint into more zones."""

    kind: ClassVar[ActionKind] = ActionKind.ADD_SUBNETS
    endpoint_id: str
    subnet_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemoveSubnets:
    """Take an endpoint out of subnets that their owner deletes."""

    kind: ClassVar[ActionKind] = ActionKind.REMOVE_SUBNETS
    endpoint_id: str
    subnet_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetPrivateDns:
    """Switch private DNS on, or off where the owner's own endpoint wants the name."""

    kind: ClassVar[ActionKind] = ActionKind.SET_PRIVATE_DNS
    endpoint_id: str
    enabled: bool = True


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


@dataclass(frozen=True, slots=True)
class RestoreTags:
    """Tag again what the guardrail made and somebody untagged."""

    kind: ClassVar[ActionKind] = ActionKind.RESTORE_TAGS
    resource_id: str


@dataclass(frozen=True, slots=True)
class DeleteEndpoint:
    """Delete managed endpoints of one VPC in one call, by service."""

    kind: ClassVar[ActionKind] = ActionKind.DELETE_ENDPOINT
    vpc_id: str
    endpoints: tuple[tuple[Service, str], ...]

    @property
    def endpoint_ids(self) -> tuple[str, ...]:
        """The ids of the endpoints, in order."""
        return tuple(endpoint_id for _, endpoint_id in self.endpoints)


@dataclass(frozen=True, slots=True)
class DeleteSecurityGroup:
    """Delete the group of an endpoint that is gone."""

    kind: ClassVar[ActionKind] = ActionKind.DELETE_SECURITY_GROUP
    group_id: str


Action = (
    CreateEndpoint
    | WritePolicy
    | AddSubnets
    | RemoveSubnets
    | SetPrivateDns
    | CreateSecurityGroup
    | AuthorizeClients
    | AttachSecurityGroup
    | EnableVpcDns
    | RestoreTags
    | DeleteEndpoint
    | DeleteSecurityGroup
)

ENDPOINT_WRITES = frozenset(
    {
        ActionKind.CREATE_ENDPOINT,
        ActionKind.WRITE_POLICY,
        ActionKind.ADD_SUBNETS,
        ActionKind.REMOVE_SUBNETS,
        ActionKind.SET_PRIVATE_DNS,
        ActionKind.ATTACH_SECURITY_GROUP,
        ActionKind.DELETE_ENDPOINT,
    }
)
"""Actions that draw on the bucket of 4 endpoint writes refilled at 0.3 per second.

Source: Amazon EC2 developer guide, "Request throttling for the Amazon EC2 API".
"""

REMOVALS = frozenset(
    {ActionKind.REMOVE_SUBNETS, ActionKind.DELETE_ENDPOINT, ActionKind.DELETE_SECURITY_GROUP}
)
"""Actions that take away what the guardrail made: only Yielding and Sweep have them."""


def withdraws(action: Action) -> bool:
    """Whether the guardrail takes something of its own away: a name, a subnet, an endpoint."""
    ceded = isinstance(action, SetPrivateDns) and not action.enabled
    return ceded or action.kind in REMOVALS

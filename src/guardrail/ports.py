"""What reconciling needs from outside, as protocols.

`guardrail.aws` implements them on AWS, `guardrail.observe` wraps them for observe mode, and
the tests have their own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from guardrail.core.actions import Action, Origin
from guardrail.core.fights import Loosening, PastRevert
from guardrail.core.memory import Central, Creation, VpcMemory, Yield
from guardrail.core.model import (
    DnsAttributes,
    Endpoint,
    Interface,
    Inventory,
    Note,
    ObservedVpc,
    ServiceOffer,
)
from guardrail.core.moments import stamp
from guardrail.core.names import Service
from guardrail.core.policy import Witness


class Result(StrEnum):
    """What became of an action."""

    APPLIED = "applied"
    RECORDED = "recorded"
    DEFERRED = "deferred"
    GONE = "gone"
    IN_USE = "in-use"
    """What was to be deleted is still held by something; it is looked at again."""

    SPACED = "spaced"
    """The endpoint is fought over: its next policy write is due in less than a minute."""

    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Applied:
    """The result of one action, and the id of what it made."""

    result: Result
    resource_id: str | None = None


@dataclass(frozen=True, slots=True)
class Located:
    """Where ids stand: the VPCs that matter, and the ids that EC2 knows nothing of (any more)."""

    vpc_ids: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class BeforeImage:
    """What a policy write replaces, why and because of whom: stored before the write.

    `actor`, `user_agent` and `changed` (when) are known where the triggering event wrote the
    policy that is replaced. `witness` is a request that it let through.
    """

    endpoint_id: str
    vpc_id: str
    before: str
    after: str
    origin: Origin
    at: datetime
    codes: tuple[str, ...] = ()
    reason: str = ""
    witness: Witness | None = None
    trigger: str = ""
    event_id: str | None = None
    actor: str | None = None
    user_agent: str | None = None
    changed: datetime | None = None

    @property
    def name(self) -> str:
        """The record's name, by which `sfn-guardrail restore` finds it; they sort by time."""
        return f"{stamp(self.at)}#{self.event_id or self.trigger}"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of an endpoint besides the history.

    `policy` is the one with which it was last seen compliant, if ever; `owed` says that a pass
    left something to the next; `loosening` is who opened the policy that waits to be put back.
    """

    policy: str | None = None
    owed: bool = False
    loosening: Loosening | None = None


@dataclass(frozen=True, slots=True)
class Glimpse:
    """An endpoint as one call shows it, and the VPC it stands in."""

    vpc_id: str
    endpoint: Endpoint


class Network(Protocol):
    """The VPCs and endpoints of one region."""

    def offers(self) -> Mapping[Service, ServiceOffer]:
        """Return what the region offers of Step Functions; discovered, never built."""

    def observe(self, vpc_ids: Collection[str] | None = None) -> Sequence[ObservedVpc]:
        """Return the present state of those of `vpc_ids` that exist, or of every VPC.

        The number of calls grows with pages, not with VPCs.
        """

    def interfaces(self, vpc_id: str) -> Sequence[Interface]:
        """Return every network interface in the VPC, whosever it is."""

    def dns(self, vpc_id: str) -> DnsAttributes | None:
        """Return the VPC's DNS attributes, which cost two calls; None when it is gone."""

    def locate(self, ids: Collection[str]) -> Located:
        """Return where endpoints, subnets and the guardrail's own groups among `ids` stand.

        A group of somebody else's is known and of no account.
        """

    def glance(self, endpoint_ids: Collection[str]) -> Sequence[Glimpse] | None:
        """Return the Step Functions endpoints among `endpoint_ids`, by one call for all.

        None when one of the ids is not described, or not alive: then more has to be looked at.
        """

    def settled_policy(self, endpoint_id: str, fits: Callable[[str], bool]) -> str | None:
        """Return the policy that EC2 shows once it `fits`; None if it does not in some seconds.

        A write may be shown with a delay.
        """

    def vpcs_with_endpoints(self) -> frozenset[str]:
        """Return the VPCs with an endpoint of Step Functions, alive or just deleted."""

    def apply(self, action: Action) -> Applied:
        """Carry out one action; raises RetryableError, TerminalError or RefusedError."""


class Records(Protocol):
    """What the guardrail remembers."""

    def inventory(self) -> Inventory | None:
        """Return what stood in the region at first sight; None before it was taken."""

    def store_inventory(self, inventory: Inventory) -> Inventory:
        """Store the inventory unless one is stored; return the one that counts."""

    def forget(self, ids: Collection[str]) -> None:
        """Take VPCs and endpoints off the inventory: they are new, or changed since."""

    def memories(self, vpc_ids: Collection[str]) -> Mapping[str, VpcMemory]:
        """Return what is remembered of VPCs, by id; nothing for those never seen."""

    def locate(self, endpoint_ids: Collection[str]) -> Mapping[str, str]:
        """Return the VPCs of endpoints that were made here, by endpoint."""

    def note_creation(self, vpc_id: str, service: Service, creation: Creation) -> None:
        """Remember that an endpoint is about to be made; its generation and moment count."""

    def note_endpoint(self, vpc_id: str, service: Service, endpoint_id: str) -> None:
        """Remember an endpoint that was made."""

    def note_group(self, vpc_id: str, group_id: str) -> None:
        """Remember a security group that was made for an endpoint."""

    def note_leaving(
        self, vpc_id: str, service: Service, endpoint_ids: frozenset[str], generation: int
    ) -> None:
        """Remember that endpoints are about to be deleted by the guardrail itself."""

    def note_staying(self, vpc_id: str, service: Service, endpoint_ids: frozenset[str]) -> None:
        """Remember that endpoints stand that were about to be deleted: EC2 refused that."""

    def note_lost(
        self, vpc_id: str, service: Service, endpoint_ids: frozenset[str], generation: int
    ) -> None:
        """Remember that endpoints are gone; a later one is of the next `generation`."""

    def note(self, vpc_id: str, note: Note) -> None:
        """Remember that a yield or a cession begins."""

    def note_deletion(self, vpc_id: str, begun: Yield) -> bool:
        """Remember the yield that a deletion begins; False if another invocation has done so."""

    def note_central(self, vpc_id: str, service: Service, central: Central) -> None:
        """Remember by what a VPC is served, or that it is by nothing."""

    def note_put_off(self, vpc_id: str, since: datetime | None) -> None:
        """Remember since when a sweep leaves a VPC's writes to the next one; None: no longer."""

    def note_fight(self, vpc_id: str, endpoint_id: str, until: datetime, *, breaks: bool) -> None:
        """Remember until when an endpoint is contested, and whether its breaker is open so long."""

    def end_fight(self, vpc_id: str, endpoint_id: str, now: datetime) -> None:
        """Forget a fight that is over, unless it has begun anew meanwhile."""


class Evidence(Protocol):
    """What is kept of the policies of endpoints: the last that complied, and each that did not."""

    def note_compliant(self, endpoint_id: str, policy: str, looked: datetime) -> bool:
        """Keep the policy as the last compliant one of its endpoint, unless it is that already.

        Or unless one was kept that was seen after `looked`. Returns whether something is owed to
        the endpoint.
        """

    def owe(self, endpoint_id: str, at: datetime) -> None:
        """Remember that the endpoint, or its VPC, needs more than is written to it now."""

    def pay(self, endpoint_id: str, begun: datetime) -> None:
        """Forget what is owed to the endpoint, unless that was noted after `begun`."""

    def kept(self, endpoint_ids: Collection[str]) -> Mapping[str, Kept]:
        """Return what is kept of each endpoint; nothing for those never heard of."""

    def note_loosening(self, endpoint_id: str, loosening: Loosening) -> None:
        """Keep who opened the policy that is put back later, until it is seen compliant."""

    def claim(self, endpoint_id: str, now: datetime, until: datetime) -> bool:
        """Take the endpoint's next spaced revert; False while somebody else's claim lasts.

        Nobody else gets one before `until`.
        """

    def keep(self, image: BeforeImage) -> None:
        """Store what a write is about to replace."""

    def note_written(self, image: BeforeImage, at: datetime, exposure_ms: int | None) -> None:
        """Note in the record that the write was made."""

    def note_failed(self, image: BeforeImage) -> None:
        """Note in the record that the write was not made, so that it does not count."""

    def note_verified(self, image: BeforeImage, at: datetime, exposure_ms: int | None) -> None:
        """Note in the record when EC2 showed what was written."""

    def reverts(self, endpoint_id: str, now: datetime) -> Sequence[PastRevert]:
        """Return the policy writes of the last hour (`fights.WINDOW`), oldest first.

        One of which it is not known yet whether it was made counts for two minutes (`IN_FLIGHT`).
        """


class Resolution(Protocol):
    """Who answers for a service's name inside of a VPC."""

    def answered_by(self, vpc_id: str, names: Collection[str]) -> str | None:
        """Return what answers for one of `names` in the VPC's resolver, in words for a report.

        `names` are such as "states.us-east-1.amazonaws.com"; the words such as "private hosted
        zone Z123 (states.us-east-1.amazonaws.com)", "Route 53 Profile rp-... (...)" or
        "forwarding rule rslvr-rr-... (amazonaws.com)". None if nothing but the public DNS does.
        Raises RetryableError or TerminalError.
        """


class Agenda(Protocol):
    """Looking again at a VPC where something is to be gone on with, by the same function."""

    def look_again(self, vpc_id: str, at: datetime) -> None:
        """Have the VPC looked at then; an earlier appointment of the VPC's is replaced."""


class Settling(Protocol):
    """The pause between a VPC's last change and the creation of its endpoint."""

    def push(self, vpc_id: str) -> bool:
        """Start the pause anew; False when there is none, so that creation is due now."""

    def pending(self, vpc_id: str) -> bool:
        """Whether the pause still runs."""

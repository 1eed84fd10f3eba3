"""What reconciling needs from outside, as protocols: the network, the records, the settling.

`guardrail.aws` implements them on AWS, `guardrail.observe` wraps them for observe mode, and
the tests have their own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from guardrail.core.model import Action, Inventory, ObservedVpc, Service, ServiceOffer


class Result(StrEnum):
    """What became of an action."""

    APPLIED = "applied"
    RECORDED = "recorded"
    DEFERRED = "deferred"
    GONE = "gone"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Applied:
    """The result of one action, and the id of what it made."""

    result: Result
    resource_id: str | None = None


@dataclass(frozen=True, slots=True)
class Creation:
    """What the records know of the endpoint made for one VPC and service.

    `endpoint_id` is None between the decision to create and EC2's answer. `generation`
    counts the endpoints that were deleted before it.
    """

    generation: int
    begun: datetime
    endpoint_id: str | None = None


@dataclass(frozen=True, slots=True)
class BeforeImage:
    """What a policy write replaces, why and because of whom: stored before the write."""

    endpoint_id: str
    before: str
    after: str
    reason: str
    actor: str | None
    event_id: str | None
    at: datetime


class Network(Protocol):
    """The VPCs and endpoints of one region."""

    def vpcs(self) -> Sequence[str]:
        """Return the ids of all VPCs that the account sees."""

    def offers(self) -> Mapping[Service, ServiceOffer]:
        """Return what the region offers of Step Functions; discovered, never built."""

    def observe(self, vpc_ids: Collection[str]) -> Sequence[ObservedVpc]:
        """Return the present state of those of `vpc_ids` that exist."""

    def locate(self, ids: Collection[str]) -> frozenset[str]:
        """Return the VPCs that the endpoints among `ids` stand in, as far as they are known."""

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

    def creations(self, vpc_ids: Collection[str]) -> Mapping[str, Mapping[Service, Creation]]:
        """Return what was made, by VPC and service."""

    def note_creation(self, vpc_id: str, service: Service, creation: Creation) -> None:
        """Remember that an endpoint is about to be made, or (with its id) that it was."""

    def keep(self, image: BeforeImage) -> None:
        """Store what a write is about to replace."""


class Settling(Protocol):
    """The pause between a VPC's last change and the creation of its endpoint."""

    def push(self, vpc_id: str) -> bool:
        """Start the pause anew; False when there is none, so that creation is due now."""

    def pending(self, vpc_id: str) -> bool:
        """Whether the pause still runs."""


class Resolution(Protocol):
    """Who answers for a service's name inside of a VPC."""

    def answered_by(self, vpc_id: str, names: Collection[str]) -> str | None:
        """Return what answers for one of `names` in the VPC's resolver, in words for a report.

        `names` are such as "states.us-east-1.amazonaws.com"; the words such as "private hosted
        zone Z123 (states.us-east-1.amazonaws.com)", "Route 53 Profile rp-... (...)" or
        "forwarding rule rslvr-rr-... (amazonaws.com)". None if nothing but the public DNS does.
        Raises RetryableError or TerminalError.
        """

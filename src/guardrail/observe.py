"""Observe mode: the same ports, but what would change something is only recorded.

The logic knows no flag: what observe mode prints is what enforce mode does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from guardrail.core.actions import Action
from guardrail.core.fights import Loosening, PastRevert
from guardrail.core.memory import Central, Creation, VpcMemory, Yield
from guardrail.core.model import (
    DnsAttributes,
    Interface,
    Inventory,
    Note,
    ObservedVpc,
    ServiceOffer,
)
from guardrail.core.names import Service
from guardrail.ports import (
    Applied,
    BeforeImage,
    Evidence,
    Glimpse,
    Kept,
    Located,
    Network,
    Records,
    Result,
)


class ObservedNetwork:
    """A network whose `apply` records and never calls."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def offers(self) -> Mapping[Service, ServiceOffer]:
        """See `Network.offers`."""
        return self._network.offers()

    def observe(self, vpc_ids: Collection[str] | None = None) -> Sequence[ObservedVpc]:
        """See `Network.observe`."""
        return self._network.observe(vpc_ids)

    def interfaces(self, vpc_id: str) -> Sequence[Interface]:
        """See `Network.interfaces`."""
        return self._network.interfaces(vpc_id)

    def dns(self, vpc_id: str) -> DnsAttributes | None:
        """See `Network.dns`."""
        return self._network.dns(vpc_id)

    def locate(self, ids: Collection[str]) -> Located:
        """See `Network.locate`."""
        return self._network.locate(ids)

    def glance(self, endpoint_ids: Collection[str]) -> Sequence[Glimpse] | None:
        """See `Network.glance`."""
        return self._network.glance(endpoint_ids)

    def settled_policy(self, endpoint_id: str, fits: Callable[[str], bool]) -> str | None:
        """See `Network.settled_policy`."""
        return self._network.settled_policy(endpoint_id, fits)

    def vpcs_with_endpoints(self) -> frozenset[str]:
        """See `Network.vpcs_with_endpoints`."""
        return self._network.vpcs_with_endpoints()

    def apply(self, action: Action) -> Applied:
        """Record the action; nothing is written."""
        del action
        return Applied(Result.RECORDED)


class ObservedRecords:
    """Records that are read, not written; only who answers for names is noted: it saves calls."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def inventory(self) -> Inventory | None:
        """See `Records.inventory`."""
        return self._records.inventory()

    def store_inventory(self, inventory: Inventory) -> Inventory:
        """Return the inventory as it is; enforce-new will take its own."""
        return inventory

    def forget(self, ids: Collection[str]) -> None:
        """Forget nothing: nothing was done about the change."""

    def memories(self, vpc_ids: Collection[str]) -> Mapping[str, VpcMemory]:
        """See `Records.memories`."""
        return self._records.memories(vpc_ids)

    def locate(self, endpoint_ids: Collection[str]) -> Mapping[str, str]:
        """See `Records.locate`."""
        return self._records.locate(endpoint_ids)

    def note_creation(self, vpc_id: str, service: Service, creation: Creation) -> None:
        """Note nothing: nothing is made."""

    def note_endpoint(self, vpc_id: str, service: Service, endpoint_id: str) -> None:
        """Note nothing: nothing is made."""

    def note_group(self, vpc_id: str, group_id: str) -> None:
        """Note nothing: nothing is made."""

    def note_leaving(
        self, vpc_id: str, service: Service, endpoint_ids: frozenset[str], generation: int
    ) -> None:
        """Note nothing: nothing is deleted."""

    def note_staying(self, vpc_id: str, service: Service, endpoint_ids: frozenset[str]) -> None:
        """Note nothing: nothing is deleted."""

    def note_lost(
        self, vpc_id: str, service: Service, endpoint_ids: frozenset[str], generation: int
    ) -> None:
        """Note nothing: enforce mode will see it itself."""

    def note(self, vpc_id: str, note: Note) -> None:
        """Note nothing: nothing is got out of."""

    def note_deletion(self, vpc_id: str, begun: Yield) -> bool:
        """Note nothing, and let nobody tell of it: nothing is put back in any case."""
        del vpc_id, begun
        return False

    def note_central(self, vpc_id: str, service: Service, central: Central) -> None:
        """See `Records.note_central`: asking costs the same in each mode."""
        self._records.note_central(vpc_id, service, central)

    def note_put_off(self, vpc_id: str, since: datetime | None) -> None:
        """Note nothing: nothing was to be written."""

    def note_fight(self, vpc_id: str, endpoint_id: str, until: datetime, *, breaks: bool) -> None:
        """Note nothing: nothing was put back."""

    def end_fight(self, vpc_id: str, endpoint_id: str, now: datetime) -> None:
        """Forget nothing: enforce mode will."""


class ObservedEvidence:
    """Evidence to which nothing is added but the policies that comply.

    Those are what a revert restores, so they are worth having when the mode changes.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence

    def note_compliant(self, endpoint_id: str, policy: str, looked: datetime) -> bool:
        """See `Evidence.note_compliant`."""
        return self._evidence.note_compliant(endpoint_id, policy, looked)

    def owe(self, endpoint_id: str, at: datetime) -> None:
        """Owe nothing: nothing was written that brings an event."""

    def pay(self, endpoint_id: str, begun: datetime) -> None:
        """Pay nothing: what enforce mode left over is still to be done."""

    def kept(self, endpoint_ids: Collection[str]) -> Mapping[str, Kept]:
        """See `Evidence.kept`."""
        return self._evidence.kept(endpoint_ids)

    def note_loosening(self, endpoint_id: str, loosening: Loosening) -> None:
        """Note nothing: nothing is put back later."""

    def claim(self, endpoint_id: str, now: datetime, until: datetime) -> bool:
        """Claim nothing, and let the write be recorded: none is made."""
        del endpoint_id, now, until
        return True

    def keep(self, image: BeforeImage) -> None:
        """Keep nothing: nothing is replaced."""

    def note_written(self, image: BeforeImage, at: datetime, exposure_ms: int | None) -> None:
        """Note nothing: nothing was written."""

    def note_failed(self, image: BeforeImage) -> None:
        """Note nothing: nothing was tried."""

    def note_verified(self, image: BeforeImage, at: datetime, exposure_ms: int | None) -> None:
        """Note nothing: nothing was written."""

    def reverts(self, endpoint_id: str, now: datetime) -> Sequence[PastRevert]:
        """Return none: a fight of earlier days puts off no telling."""
        del endpoint_id, now
        return ()


class NoAgenda:
    """No appointments: nothing was begun that is to be gone on with."""

    def look_again(self, vpc_id: str, at: datetime) -> None:
        """Make none."""

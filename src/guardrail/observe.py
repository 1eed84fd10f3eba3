"""Observe mode: the same ports, but what would change something is only recorded.

The logic knows no flag: what observe mode prints is what enforce mode does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from guardrail.core.model import Action, Inventory, ObservedVpc, Service, ServiceOffer
from guardrail.ports import Applied, BeforeImage, Creation, Network, Records, Result


class ObservedNetwork:
    """A network whose `apply` records and never calls."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def vpcs(self) -> Sequence[str]:
        """See `Network.vpcs`."""
        return self._network.vpcs()

    def offers(self) -> Mapping[Service, ServiceOffer]:
        """See `Network.offers`."""
        return self._network.offers()

    def observe(self, vpc_ids: Collection[str]) -> Sequence[ObservedVpc]:
        """See `Network.observe`."""
        return self._network.observe(vpc_ids)

    def locate(self, ids: Collection[str]) -> frozenset[str]:
        """See `Network.locate`."""
        return self._network.locate(ids)

    def apply(self, action: Action) -> Applied:
        """Record the action; nothing is written."""
        del action
        return Applied(Result.RECORDED)


class ObservedRecords:
    """Records that are read, and never written."""

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

    def creations(self, vpc_ids: Collection[str]) -> Mapping[str, Mapping[Service, Creation]]:
        """See `Records.creations`."""
        return self._records.creations(vpc_ids)

    def note_creation(self, vpc_id: str, service: Service, creation: Creation) -> None:
        """Note nothing: nothing is made."""

    def keep(self, image: BeforeImage) -> None:
        """Keep nothing: nothing is replaced."""

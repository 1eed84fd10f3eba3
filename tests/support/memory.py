"""The records and the settling in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from guardrail.core.model import Inventory, Service
from guardrail.ports import BeforeImage, Creation
from support.faults import Faults


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

    def forget(self, ids: Collection[str]) -> None:
        """See `Records.forget`."""
        self.faults.before()
        if known := self.stored_inventory:
            policies = {k: v for k, v in known.policies.items() if k not in ids}
            self.stored_inventory = Inventory(known.vpc_ids - set(ids), policies)
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

    def __init__(self, faults: Faults | None = None, *, enabled: bool = False) -> None:
        self.enabled = enabled
        self.paused: set[str] = set()
        self.faults = faults or Faults()

    def push(self, vpc_id: str) -> bool:
        """See `Settling.push`."""
        self.faults.before()
        if self.enabled:
            self.paused.add(vpc_id)
        self.faults.after()
        return self.enabled

    def pending(self, vpc_id: str) -> bool:
        """See `Settling.pending`."""
        self.faults.before()
        return vpc_id in self.paused

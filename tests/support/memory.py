"""The records, the settling, the agenda and the resolution in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from guardrail.core.fights import PastRevert
from guardrail.core.memory import Central, Creation, VpcMemory
from guardrail.core.model import Inventory, Note, remembering
from guardrail.core.names import Service
from guardrail.ports import BeforeImage
from support.faults import Faults


class FakeRecords:
    """Records in memory."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.stored_inventory: Inventory | None = None
        self.remembered: dict[str, VpcMemory] = {}
        self.places: dict[str, str] = {}
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

    def memories(self, vpc_ids: Collection[str]) -> Mapping[str, VpcMemory]:
        """See `Records.memories`."""
        self.faults.before()
        return {i: self.remembered[i] for i in vpc_ids if i in self.remembered}

    def locate(self, endpoint_ids: Collection[str]) -> Mapping[str, str]:
        """See `Records.locate`."""
        self.faults.before()
        return {i: self.places[i] for i in endpoint_ids if i in self.places}

    def note_creation(self, vpc_id: str, service: Service, creation: Creation) -> None:
        """See `Records.note_creation`."""
        begun, generation = creation.begun, creation.generation
        self._know(vpc_id, service, begun=begun, generation=generation, unanswered=True)

    def note_endpoint(self, vpc_id: str, service: Service, endpoint_id: str) -> None:
        """See `Records.note_endpoint`."""
        self.places[endpoint_id] = vpc_id
        ids = self.made(vpc_id, service).endpoint_ids | {endpoint_id}
        self._know(vpc_id, service, endpoint_ids=ids, unanswered=False)

    def note_leaving(
        self, vpc_id: str, service: Service, endpoint_ids: frozenset[str], generation: int
    ) -> None:
        """See `Records.note_leaving`."""
        leaving = self.made(vpc_id, service).leaving | endpoint_ids
        self._know(vpc_id, service, leaving=leaving, generation=generation)

    def note_lost(
        self, vpc_id: str, service: Service, endpoint_ids: frozenset[str], generation: int
    ) -> None:
        """See `Records.note_lost`."""
        made = self.made(vpc_id, service)
        self._know(
            vpc_id,
            service,
            endpoint_ids=made.endpoint_ids - endpoint_ids,
            leaving=made.leaving - endpoint_ids,
            departed=made.departed | endpoint_ids,
            generation=generation,
        )

    def note(self, vpc_id: str, note: Note) -> None:
        """See `Records.note`."""
        self._set(vpc_id, remembering(self.memory(vpc_id), note))

    def note_central(self, vpc_id: str, service: Service, central: Central) -> None:
        """See `Records.note_central`."""
        known = self.memory(vpc_id)
        self._set(vpc_id, replace(known, central={**known.central, service: central}))

    def note_put_off(self, vpc_id: str, since: datetime | None) -> None:
        """See `Records.note_put_off`."""
        self._set(vpc_id, replace(self.memory(vpc_id), put_off=since))

    def note_breaker(self, vpc_id: str, endpoint_id: str, until: datetime) -> None:
        """See `Records.note_breaker`."""
        known = self.memory(vpc_id)
        self._set(vpc_id, replace(known, breakers={**known.breakers, endpoint_id: until}))

    def note_seen(self, vpc_id: str, hashes: Mapping[str, str]) -> None:
        """See `Records.note_seen`."""
        known = self.memory(vpc_id)
        self._set(vpc_id, replace(known, compliant={**known.compliant, **hashes}))

    # What tests look at.

    def memory(self, vpc_id: str) -> VpcMemory:
        """Return what is remembered of a VPC."""
        return self.remembered.get(vpc_id, VpcMemory())

    def made(self, vpc_id: str, service: Service = Service.STATES) -> Creation:
        """Return what is remembered of the endpoints of a VPC."""
        return self.memory(vpc_id).creations.get(service, Creation(0, datetime.min))  # noqa: DTZ901

    def know(self, vpc_id: str, **changes: object) -> None:
        """Replace what is remembered of a VPC."""
        self._set(vpc_id, replace(self.memory(vpc_id), **changes))  # type: ignore[arg-type]

    def _know(self, vpc_id: str, service: Service, **changes: object) -> None:
        changed = replace(self.made(vpc_id, service), **changes)  # type: ignore[arg-type]
        known = self.memory(vpc_id)
        self._set(vpc_id, replace(known, creations={**known.creations, service: changed}))

    def _set(self, vpc_id: str, memory: VpcMemory) -> None:
        self.faults.before()
        self.remembered[vpc_id] = memory
        self.faults.after()


class FakeEvidence:
    """Evidence in memory; `images` are the records, of which `ended` were completed."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.policies: dict[str, str] = {}
        self.owed: set[str] = set()
        self.images: list[BeforeImage] = []
        self.ended: list[tuple[BeforeImage, datetime | None, int | None]] = []
        self.faults = faults or Faults()

    def note_compliant(self, endpoint_id: str, policy: str) -> bool:
        """See `Evidence.note_compliant`."""
        self.faults.before()
        self.policies[endpoint_id] = policy
        owed = endpoint_id in self.owed
        self.owed.discard(endpoint_id)
        self.faults.after()
        return owed

    def owe(self, endpoint_id: str) -> None:
        """See `Evidence.owe`."""
        self.faults.before()
        self.owed.add(endpoint_id)
        self.faults.after()

    def last_compliant(self, endpoint_ids: Collection[str]) -> Mapping[str, str]:
        """See `Evidence.last_compliant`."""
        self.faults.before()
        return {i: self.policies[i] for i in endpoint_ids if i in self.policies}

    def keep(self, image: BeforeImage) -> None:
        """See `Evidence.keep`."""
        self.faults.before()
        self.images.append(image)
        self.faults.after()

    def completed(
        self,
        image: BeforeImage,
        written: datetime,
        verified: datetime | None,
        exposure_ms: int | None,
    ) -> None:
        """See `Evidence.completed`."""
        del written
        self.faults.before()
        self.ended.append((image, verified, exposure_ms))
        self.faults.after()

    def reverts(self, endpoint_id: str, since: datetime) -> Sequence[PastRevert]:
        """See `Evidence.reverts`."""
        self.faults.before()
        return [
            PastRevert(image.at, image.actor, image.user_agent)
            for image, _, _ in self.ended
            if image.endpoint_id == endpoint_id and image.at >= since
        ]


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


class FakeAgenda:
    """Appointments in memory."""

    def __init__(self) -> None:
        self.appointments: dict[str, datetime] = {}

    def look_again(self, vpc_id: str, at: datetime) -> None:
        """See `Agenda.look_again`."""
        self.appointments[vpc_id] = at


class FakeResolution:
    """Who answers for names, by VPC; and how often that was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.asked = 0

    def answered_by(self, vpc_id: str, names: Collection[str]) -> str | None:
        """See `Resolution.answered_by`."""
        assert names, "asked for no name at all"
        self.asked += 1
        return self.answers.get(vpc_id)

"""The records, the settling, the agenda and the resolution in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from guardrail.core.fights import IN_FLIGHT, WINDOW, Loosening, PastRevert
from guardrail.core.memory import Central, Creation, VpcMemory, Yield
from guardrail.core.model import Inventory, Note, YieldBegins, remembering
from guardrail.core.names import Service
from guardrail.errors import GuardrailError
from guardrail.ports import BeforeImage, Kept
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

    def note_group(self, vpc_id: str, group_id: str) -> None:
        """See `Records.note_group`."""
        known = self.memory(vpc_id)
        self._set(vpc_id, replace(known, groups=known.groups | {group_id}))

    def note_leaving(
        self, vpc_id: str, service: Service, endpoint_ids: frozenset[str], generation: int
    ) -> None:
        """See `Records.note_leaving`."""
        leaving = self.made(vpc_id, service).leaving | endpoint_ids
        self._know(vpc_id, service, leaving=leaving, generation=generation)

    def note_staying(self, vpc_id: str, service: Service, endpoint_ids: frozenset[str]) -> None:
        """See `Records.note_staying`."""
        leaving = self.made(vpc_id, service).leaving - endpoint_ids
        self._know(vpc_id, service, leaving=leaving)

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

    def note_deletion(self, vpc_id: str, begun: Yield) -> bool:
        """See `Records.note_deletion`."""
        may = self.memory(vpc_id).may_yield(begun.begun)
        if may:
            self.note(vpc_id, YieldBegins(begun))
        return may

    def note_central(self, vpc_id: str, service: Service, central: Central) -> None:
        """See `Records.note_central`."""
        known = self.memory(vpc_id)
        self._set(vpc_id, replace(known, central={**known.central, service: central}))

    def note_put_off(self, vpc_id: str, since: datetime | None) -> None:
        """See `Records.note_put_off`."""
        self._set(vpc_id, replace(self.memory(vpc_id), put_off=since))

    def note_fight(self, vpc_id: str, endpoint_id: str, until: datetime, *, breaks: bool) -> None:
        """See `Records.note_fight`."""
        known = self.memory(vpc_id)
        contested = {**known.contested, endpoint_id: until}
        breakers = {**known.breakers, endpoint_id: until} if breaks else known.breakers
        self._set(vpc_id, replace(known, contested=contested, breakers=breakers))

    def end_fight(self, vpc_id: str, endpoint_id: str, now: datetime) -> None:
        """See `Records.end_fight`."""
        known = self.memory(vpc_id)
        if not known.contests(endpoint_id, now) and not known.breaks(endpoint_id, now):
            contested = {i: t for i, t in known.contested.items() if i != endpoint_id}
            breakers = {i: t for i, t in known.breakers.items() if i != endpoint_id}
            self._set(vpc_id, replace(known, contested=contested, breakers=breakers))

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
    """Evidence in memory; `images` are the records, `written` and `verified` what completes them.

    `owed` is by endpoint and since when, `claims` until when.
    """

    def __init__(self, faults: Faults | None = None) -> None:
        self.policies: dict[str, str] = {}
        self.seen: dict[str, datetime] = {}
        self.owed: dict[str, datetime] = {}
        self.claims: dict[str, datetime] = {}
        self.loosenings: dict[str, Loosening] = {}
        self.images: list[BeforeImage] = []
        self.failed: set[tuple[str, str]] = set()
        self.written: dict[tuple[str, str], int | None] = {}
        self.verified: dict[tuple[str, str], tuple[datetime, int | None]] = {}
        self.faults = faults or Faults()

    def note_compliant(self, endpoint_id: str, policy: str, looked: datetime) -> bool:
        """See `Evidence.note_compliant`."""
        self.faults.before()
        if endpoint_id not in self.seen or self.seen[endpoint_id] <= looked:
            if self.policies.get(endpoint_id) != policy:
                self.seen[endpoint_id] = looked
            self.policies[endpoint_id] = policy
            self.loosenings.pop(endpoint_id, None)
        self.faults.after()
        return endpoint_id in self.owed

    def owe(self, endpoint_id: str, at: datetime) -> None:
        """See `Evidence.owe`."""
        self.faults.before()
        self.owed[endpoint_id] = at
        self.faults.after()

    def pay(self, endpoint_id: str, begun: datetime) -> None:
        """See `Evidence.pay`."""
        self.faults.before()
        if endpoint_id in self.owed and self.owed[endpoint_id] <= begun:
            del self.owed[endpoint_id]
        self.faults.after()

    def kept(self, endpoint_ids: Collection[str]) -> Mapping[str, Kept]:
        """See `Evidence.kept`."""
        self.faults.before()
        known = self.policies.keys() | self.owed.keys() | self.loosenings.keys()
        return {
            i: Kept(self.policies.get(i), i in self.owed, self.loosenings.get(i))
            for i in known & set(endpoint_ids)
        }

    def note_loosening(self, endpoint_id: str, loosening: Loosening) -> None:
        """See `Evidence.note_loosening`."""
        self.faults.before()
        self.loosenings[endpoint_id] = loosening
        self.faults.after()

    def claim(self, endpoint_id: str, now: datetime, until: datetime) -> bool:
        """See `Evidence.claim`."""
        self.faults.before()
        free = endpoint_id not in self.claims or self.claims[endpoint_id] <= now
        if free:
            self.claims[endpoint_id] = until
        self.faults.after()
        return free

    def keep(self, image: BeforeImage) -> None:
        """See `Evidence.keep`."""
        self.faults.before()
        self.images.append(image)
        self.faults.after()

    def note_written(self, image: BeforeImage, at: datetime, exposure_ms: int | None) -> None:
        """See `Evidence.note_written`."""
        del at
        self.faults.before()
        self.written[image.endpoint_id, image.name] = exposure_ms
        self.faults.after()

    def note_failed(self, image: BeforeImage) -> None:
        """See `Evidence.note_failed`."""
        self.faults.before()
        self.failed.add((image.endpoint_id, image.name))
        self.faults.after()

    def note_verified(self, image: BeforeImage, at: datetime, exposure_ms: int | None) -> None:
        """See `Evidence.note_verified`."""
        self.faults.before()
        self.verified[image.endpoint_id, image.name] = (at, exposure_ms)
        self.faults.after()

    def reverts(self, endpoint_id: str, now: datetime) -> Sequence[PastRevert]:
        """See `Evidence.reverts`."""
        self.faults.before()
        return [
            PastRevert(image.at, image.actor, image.user_agent, self._is_written(image))
            for image in self.images
            if image.endpoint_id == endpoint_id
            and (endpoint_id, image.name) not in self.failed
            and image.at >= now - (WINDOW if self._is_written(image) else IN_FLIGHT)
        ]

    def _is_written(self, image: BeforeImage) -> bool:
        return (image.endpoint_id, image.name) in self.written


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
        self.fails: GuardrailError | None = None
        self.before: Callable[[], None] = lambda: None

    def answered_by(self, vpc_id: str, names: Collection[str]) -> str | None:
        """See `Resolution.answered_by`."""
        assert names, "asked for no name at all"
        self.asked += 1
        self.before()
        if self.fails:
            raise self.fails
        return self.answers.get(vpc_id)

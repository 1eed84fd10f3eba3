"""What has happened to the guardrail's own endpoints since the last look, taken in and remembered.

EC2 shows it: one whose creation was never answered stands, or one that was made is gone. The latter
may be the first step of a teardown, so that nothing is put back for a while.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from guardrail.core.managed import found_again, lost
from guardrail.core.memory import YIELD, Cause, VpcMemory, Yield
from guardrail.core.model import ObservedVpc
from guardrail.core.names import Service
from guardrail.core.trail import Trigger

if TYPE_CHECKING:
    from guardrail.reconcile import Reconciler


@dataclass(slots=True)
class Noticing:
    """Of one VPC at the moment `now`.

    `memory` grows by what is taken in; `yielded` is the yield that begins, if this invocation is
    the one to tell of it.
    """

    reconciler: Reconciler
    trigger: Trigger
    now: datetime
    memory: VpcMemory
    yielded: Yield | None = None

    def take_in(self, vpc: ObservedVpc) -> None:
        """Remember what became of endpoints; another account's VPC holds none of ours."""
        owner, records = self.reconciler.owner, self.reconciler.records
        if vpc.owner_id != owner.account_id:
            return
        for service, endpoint_id in found_again(vpc, self.memory, owner.stack_id).items():
            records.note_endpoint(vpc.vpc_id, service, endpoint_id)
            ids = self.memory.creations[service].endpoint_ids | {endpoint_id}
            self._know(service, endpoint_ids=ids, unanswered=False)
        for service, (gone, by_others) in self._lost(vpc).items():
            # Before it counts as lost: were this to fail between, nobody would begin the yield.
            if by_others and self.memory.may_yield(self.now):
                self._begin_yield(vpc.vpc_id, gone)
            self._lose(vpc.vpc_id, service, gone)

    def _lost(self, vpc: ObservedVpc) -> Mapping[Service, tuple[frozenset[str], bool]]:
        """Return what is deleted by now; an event that came late tells of no teardown any more."""
        at = self.trigger.event_time
        late = at is not None and self.now - at > YIELD
        told = frozenset[str]() if late else self.trigger.deleted_ids
        return lost(vpc, self.memory, self.now, told)

    def _lose(self, vpc_id: str, service: Service, gone: frozenset[str]) -> None:
        made = self.memory.creations[service]
        # What we delete ourselves has raised the generation already.
        generation = made.generation + bool(gone - made.leaving)
        self.reconciler.records.note_lost(vpc_id, service, gone, generation)
        self._know(
            service,
            endpoint_ids=made.endpoint_ids - gone,
            leaving=made.leaving - gone,
            departed=made.departed | gone,
            generation=generation,
        )

    def _begin_yield(self, vpc_id: str, deleted: frozenset[str]) -> None:
        """Put nothing back for a while: it may be the first step of a teardown."""
        did_it = bool(deleted & self.trigger.deleted_ids)
        actor = self.trigger.actor if did_it else None
        begun = Yield(Cause.DELETED, self.now, actor, self.trigger.event_id)
        # Two functions hear of a deletion: the one that notes it tells of it.
        if self.reconciler.records.note_deletion(vpc_id, begun):
            self.yielded = begun
        self.memory = replace(self.memory, yielded=begun)

    def _know(self, service: Service, **changes: object) -> None:
        # Names and values are those of `Creation`, which mypy does not follow through `**`.
        changed = replace(self.memory.creations[service], **changes)  # type: ignore[arg-type]
        self.memory = replace(self.memory, creations={**self.memory.creations, service: changed})

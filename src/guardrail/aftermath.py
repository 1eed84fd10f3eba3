"""What one pass leaves to later ones: what is owed, what is fought over, when to look again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from guardrail.core.actions import ENDPOINT_WRITES, WritePolicy
from guardrail.core.fights import SPACING, WINDOW
from guardrail.core.memory import Central, VpcMemory
from guardrail.core.model import ObservedVpc, Plan
from guardrail.core.names import Service
from guardrail.execution import Execution
from guardrail.ports import Kept, Result

if TYPE_CHECKING:
    from guardrail.reconcile import Reconciler


ELSEWHERE = "a private hosted zone, as far as EC2's refusal tells,"
"""What is remembered to answer for a name that EC2 refused."""


@dataclass(frozen=True, slots=True)
class Aftermath:
    """Of a pass over one VPC that began at `begun`."""

    reconciler: Reconciler
    vpc_id: str
    memory: VpcMemory
    begun: datetime

    def owe(self, planned: Plan) -> None:
        """Leave to the event of the one write what this pass will not write any more.

        Before anything is written: the event may be faster than the rest of this pass.
        """
        may = ENDPOINT_WRITES.intersection(self.reconciler.allowed)
        wanted = [action for action in planned.actions if action.kind in may]
        ids = {getattr(action, "endpoint_id", None) for action in wanted}
        for endpoint_id in sorted(filter(None, ids)) if len(wanted) > 1 else ():
            self.reconciler.evidence.owe(endpoint_id, self.begun)

    def pay(
        self,
        execution: Execution,
        endpoint_ids: Iterable[str],
        kept: Mapping[str, Kept],
        looked: datetime,
    ) -> None:
        """Take what earlier passes left as done, once a look at everything leaves nothing.

        What came to be owed after `looked` stays.
        """
        undone = (s for s in execution.steps if s.result not in {Result.APPLIED, Result.GONE})
        if any(step.action.kind in ENDPOINT_WRITES for step in undone):
            return
        for endpoint_id in endpoint_ids:
            if kept.get(endpoint_id, Kept()).owed:
                self.reconciler.evidence.pay(endpoint_id, looked)

    def note_fights(self, execution: Execution) -> None:
        """Remember what is fought over, and make an appointment for what is due in a minute."""
        r, reverting = self.reconciler, execution.reverting
        fought = [revert for revert in reverting.done if revert.fight.contested]
        for revert in fought:
            endpoint_id, until = revert.image.endpoint_id, revert.image.at + WINDOW
            r.records.note_fight(self.vpc_id, endpoint_id, until, breaks=revert.fight.open)
        # With the next fight those go that ended: the item does not grow with every endpoint.
        for endpoint_id in self.memory.ended_fights(self.begun) if fought else ():
            r.records.end_fight(self.vpc_id, endpoint_id, self.begun)
        if r.spacing and (due := reverting.due or self._due_next(execution)):
            r.spacing.look_again(self.vpc_id, due)

    def note_names(self, execution: Execution, vpc: ObservedVpc | None) -> None:
        """Remember names that EC2 refused our endpoint, though no other endpoint has them.

        So a private hosted zone has it: asked again every time, EC2 would refuse it every time. An
        endpoint that has it may have come, or not be quite gone, since what was planned from.
        """
        refused = vpc.endpoints if vpc and execution.names_taken else ()
        services = {e.service for e in refused if e.endpoint_id in execution.names_taken}
        for seen in self.reconciler.network.observe([self.vpc_id]) if services else ():
            for service in services - _holding(seen):
                central = Central(ELSEWHERE, self.begun)
                self.reconciler.records.note_central(self.vpc_id, service, central)

    def _due_next(self, execution: Execution) -> datetime | None:
        """Return when to look again for a policy that this pass did not come to, in any case."""
        left = (s for s in execution.steps if s.result is Result.DEFERRED)
        waits = any(isinstance(step.action, WritePolicy) for step in left)
        return self.begun + SPACING if waits else None


def _holding(vpc: ObservedVpc) -> set[Service]:
    """Return the services whose name an endpoint of the VPC has, or may still have."""
    named = {e.service for e in vpc.endpoints if e.private_dns and not e.aside}
    return named | {a.service for a in vpc.absent if a.deleting}

"""One reconcile of one VPC: what is known of it, what is planned, what was done.

Two steps, so that a sweep can plan for all before it writes for any: `prepare` looks and plans,
`carry_out` writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from guardrail.core.actions import ENDPOINT_WRITES, ActionKind, CreateEndpoint, WritePolicy
from guardrail.core.fights import SPACING, WINDOW
from guardrail.core.managed import found_again, lost, marked
from guardrail.core.memory import Cause, Central, VpcMemory, Yield
from guardrail.core.model import Inventory, Known, ObservedVpc, Plan, YieldBegins, remembering
from guardrail.core.names import Service
from guardrail.core.plan import plan, policy_hash
from guardrail.core.reasons import Reason
from guardrail.core.trail import SETTLED, Trigger
from guardrail.errors import GuardrailError, RetryableError
from guardrail.evidence import healed, remember_compliant
from guardrail.execution import Execution
from guardrail.followup import next_look
from guardrail.ports import Kept, Result
from guardrail.report import Report
from guardrail.reverting import Reverting, milliseconds

if TYPE_CHECKING:
    from guardrail.reconcile import Reconciler

_AWAITING = frozenset({Reason.SETTLING, Reason.WAITING_FOR_SUBNETS, Reason.WAITING_FOR_DNS})


class Pass:
    """One reconcile of one VPC; what went wrong stands in `error`."""

    def __init__(
        self,
        reconciler: Reconciler,
        trigger: Trigger,
        inventory: Inventory | None,
        memory: VpcMemory,
        kept: Mapping[str, Kept],
    ) -> None:
        self._r = reconciler
        self._trigger = trigger
        self._inventory = inventory
        self._memory = memory
        self._kept = kept
        self._begun = reconciler.now()
        self._vpc: ObservedVpc | None = None
        self._vpc_id = ""
        self._planned = Plan("")
        self._execution: Execution | None = None
        self._yielded: Yield | None = None
        self.error: GuardrailError | None = None

    def prepare(self, vpc: ObservedVpc) -> None:
        """Look at what changed since the last time, and plan."""
        self._vpc_id = vpc.vpc_id
        try:
            self._take_in(vpc)
            self._vpc = seen = marked(vpc, self._memory, self._r.owner.stack_id)
            self._note_changes(seen)
            self._planned = self._plan(seen)
            self._refuse_blind_creation(seen)
            remember_compliant(self._r.evidence, self._planned, self._kept)
        except GuardrailError as caught:
            self.error = caught

    def carry_out(self) -> None:
        """Write what this function may; then see to it that what was begun is gone on with."""
        if self.error:
            return
        execution = self._new_execution()
        try:
            self._note_owed()
            self.error = execution.carry_out(self._planned)
            self._note_fights()
            self._pay(execution)
            self._look_again()
        except GuardrailError as caught:
            self.error = caught

    def put_off(self) -> None:
        """Leave everything to a later pass, remembering since when."""
        self._new_execution().put_off(self._planned)
        if self._memory.put_off is None:
            self._note_put_off(waits=True)

    def settle_account(self) -> None:
        """Remember for the next sweep's order how this one fared: failures go to the end."""
        if self.error or self._memory.put_off:
            self._note_put_off(waits=self.error is not None)

    @property
    def writes(self) -> bool:
        """Whether there is anything that this function would write."""
        return any(action.kind in self._r.allowed for action in self._planned.actions)

    @property
    def urgency(self) -> tuple[int, str, str]:
        """What a sweep does first: policies, then what was put off the longest."""
        opens = any(isinstance(a, WritePolicy) for a in self._planned.actions)
        since = self._memory.put_off or self._begun
        return (0 if opens else 1, since.isoformat(), self._vpc_id)

    def report(self) -> Report:
        """Return what was found and done."""
        execution = self._execution
        return Report(
            self._vpc_id,
            self._trigger,
            self._r.owner.intent.mode,
            findings=self._planned.findings,
            steps=tuple(execution.steps) if execution else (),
            error=str(self.error) if self.error else None,
            reverts=tuple(execution.reverting.done) if execution else (),
            yielded=self._yielded,
            healed=healed(self._memory, self._planned, self._vpc) if self._vpc else {},
            windows=self._memory.windows,
            duration_ms=milliseconds(self._r.now() - self._begun),
        )

    def _new_execution(self) -> Execution:
        self._execution = Execution(
            self._r.network,
            self._r.records,
            self._trigger,
            memory=self._memory,
            reverting=self._new_reverting(),
            allowed=self._r.allowed,
            now=self._r.now,
        )
        return self._execution

    def _new_reverting(self) -> Reverting:
        return Reverting(
            self._r.network,
            self._r.evidence,
            self._trigger,
            vpc_id=self._vpc_id,
            baseline=self._r.owner.baseline,
            intent=self._r.owner.intent,
            memory=self._memory,
            kept=self._kept,
            now=self._r.now,
        )

    def _take_in(self, vpc: ObservedVpc) -> None:
        """Remember what EC2 shows to have happened to our endpoints since the last look."""
        if vpc.owner_id != self._r.owner.account_id:
            return
        found = found_again(vpc, self._memory, self._r.owner.stack_id)
        for service, endpoint_id in found.items():
            self._r.records.note_endpoint(vpc.vpc_id, service, endpoint_id)
            made = self._memory.creations[service]
            ids = made.endpoint_ids | {endpoint_id}
            self._know(service, endpoint_ids=ids, unanswered=False)
        for service, (gone, by_others) in lost(vpc, self._memory, self._begun).items():
            made = self._memory.creations[service]
            # What we delete ourselves has raised the generation already.
            generation = made.generation + bool(gone - made.leaving)
            self._r.records.note_lost(vpc.vpc_id, service, gone, generation)
            self._know(
                service,
                endpoint_ids=made.endpoint_ids - gone,
                leaving=made.leaving - gone,
                departed=made.departed | gone,
                generation=generation,
            )
            if by_others and self._memory.may_yield(self._begun):
                self._begin_yield(gone)

    def _begin_yield(self, deleted: frozenset[str]) -> None:
        """Put nothing back for a while: it may be the first step of a teardown."""
        did_it = bool(deleted & self._trigger.deleted_ids)
        actor = self._trigger.actor if did_it else None
        begun = Yield(Cause.DELETED, self._begun, actor, self._trigger.event_id)
        self._r.records.note(self._vpc_id, YieldBegins(begun))
        self._yielded = begun
        self._memory = replace(self._memory, yielded=begun)

    def _know(self, service: Service, **changes: object) -> None:
        changed = replace(self._memory.creations[service], **changes)  # type: ignore[arg-type]
        creations = {**self._memory.creations, service: changed}
        self._memory = replace(self._memory, creations=creations)

    def _note_changes(self, vpc: ObservedVpc) -> None:
        """Take endpoints off the inventory whose policy differs: from now on they count as new."""
        stored = self._inventory.policies if self._inventory else {}
        for endpoint in vpc.endpoints:
            known = stored.get(endpoint.endpoint_id)
            if known is not None and known != policy_hash(endpoint.policy):
                self._r.records.forget({endpoint.endpoint_id})

    def _plan(self, vpc: ObservedVpc) -> Plan:
        """Plan; where creation is at stake, wait for quiet, and ask who serves the VPC."""
        may_create = ActionKind.CREATE_ENDPOINT in self._r.allowed
        settled = self._trigger.settled or not may_create
        planned = self._planned_as(vpc, settled=settled)
        if self._awaits_quiet(planned, settled=settled):
            if self._r.settling.push(vpc.vpc_id):
                return planned
            planned = self._planned_as(vpc, settled=True)
        elif self._trigger.is_sweep and _creates(planned) and self._r.settling.pending(vpc.vpc_id):
            return self._planned_as(vpc, settled=False)
        return self._unless_central(vpc, planned) if may_create else planned

    def _awaits_quiet(self, planned: Plan, *, settled: bool) -> bool:
        awaited = {f.reason for f in planned.findings if f.endpoint_id is None} & _AWAITING
        if settled:
            # At the end of the pause something may still be going: another pause.
            return self._trigger.name == SETTLED and Reason.SETTLING in awaited
        return bool(awaited)

    def _planned_as(self, vpc: ObservedVpc, *, settled: bool) -> Plan:
        known = Known(
            account_id=self._r.owner.account_id,
            now=self._begun,
            baseline=self._r.owner.baseline,
            offers=self._r.network.offers(),
            inventory=self._inventory,
            settled=settled,
            memory=self._memory,
            wish=self._trigger.wish,
            compliant={i: one.policy for i, one in self._kept.items() if one.policy is not None},
        )
        return plan(vpc, self._r.owner.intent, known)

    def _unless_central(self, vpc: ObservedVpc, planned: Plan) -> Plan:
        """Plan anew where the VPC is served centrally: calls that only creation costs."""
        offers, served = self._r.network.offers(), False
        for action in planned.actions:
            if not isinstance(action, CreateEndpoint):
                continue
            by = self._r.resolution.answered_by(vpc.vpc_id, offers[action.service].dns_names)
            if by:
                central = Central(by, self._begun)
                self._r.records.note_central(vpc.vpc_id, action.service, central)
                noted = {**self._memory.central, action.service: central}
                self._memory = replace(self._memory, central=noted)
                served = True
        return self._planned_as(vpc, settled=True) if served else planned

    def _refuse_blind_creation(self, vpc: ObservedVpc) -> None:
        """Raise when an endpoint made a moment ago is not described yet: a second would follow."""
        described = {e.endpoint_id for e in vpc.endpoints} | {a.endpoint_id for a in vpc.absent}
        for action in self._planned.actions:
            made = self._memory.creations.get(getattr(action, "service", Service.STATES))
            if not isinstance(action, CreateEndpoint) or made is None:
                continue
            unseen = made.endpoint_ids - described - made.leaving
            if unseen and made.is_young(self._begun):
                raise RetryableError(
                    f"{', '.join(sorted(unseen))} was made in {vpc.vpc_id} a moment ago and EC2"
                    " does not describe it yet; the next attempt looks again"
                )

    def _note_owed(self) -> None:
        """Leave to the event of the one write what this pass will not write any more.

        Before anything is written: the event may be faster than the rest of this pass.
        """
        may = ENDPOINT_WRITES.intersection(self._r.allowed)
        wanted = [action for action in self._planned.actions if action.kind in may]
        ids = {getattr(action, "endpoint_id", None) for action in wanted}
        for endpoint_id in sorted(filter(None, ids)) if len(wanted) > 1 else ():
            self._r.evidence.owe(endpoint_id, self._begun)

    def _pay(self, execution: Execution) -> None:
        """Take what earlier passes left as done, once a look at everything leaves nothing."""
        undone = (s for s in execution.steps if s.result not in {Result.APPLIED, Result.GONE})
        if self.error or any(step.action.kind in ENDPOINT_WRITES for step in undone):
            return
        for endpoint in self._vpc.endpoints if self._vpc else ():
            if self._kept.get(endpoint.endpoint_id, Kept()).owed:
                self._r.evidence.pay(endpoint.endpoint_id, self._begun)

    def _note_fights(self) -> None:
        """Remember what is fought over, and make an appointment for what is due in a minute."""
        if self._execution is None:
            return
        reverting = self._execution.reverting
        fought = [revert for revert in reverting.done if revert.fight.contested]
        for revert in fought:
            endpoint_id, until = revert.image.endpoint_id, revert.image.at + WINDOW
            breaks = revert.fight.open
            self._r.records.note_fight(self._vpc_id, endpoint_id, until, breaks=breaks)
        # With the next fight those go that ended: the item does not grow with every endpoint.
        for endpoint_id in self._memory.ended_fights(self._begun) if fought else ():
            self._r.records.end_fight(self._vpc_id, endpoint_id, self._begun)
        if self._r.spacing and (due := reverting.due or self._due_next()):
            self._r.spacing.look_again(self._vpc_id, due)

    def _due_next(self) -> datetime | None:
        """Return when to look again for a policy that this pass did not come to, in any case."""
        steps = self._execution.steps if self._execution else []
        left = (s for s in steps if s.result is Result.DEFERRED)
        waits = any(isinstance(step.action, WritePolicy) for step in left)
        return self._begun + SPACING if waits else None

    def _look_again(self) -> None:
        """Make an appointment where the guardrail is getting out of somebody's way."""
        if self._r.agenda is None or self._vpc is None or self._execution is None:
            return
        memory = self._memory
        for note in self._planned.notes:
            self._yielded = note.begins if isinstance(note, YieldBegins) else self._yielded
            memory = remembering(memory, note)
        if at := next_look(self._vpc, memory, self._execution.steps, self._r.now()):
            self._r.agenda.look_again(self._vpc_id, at)

    def _note_put_off(self, *, waits: bool) -> None:
        try:
            since = self._begun if waits else None
            self._r.records.note_put_off(self._vpc_id, since)
        except GuardrailError as caught:
            # Only the order of the next sweep depends on it; the first error counts.
            self.error = self.error or caught


def _creates(planned: Plan) -> bool:
    return any(action.kind is ActionKind.CREATE_ENDPOINT for action in planned.actions)

"""One reconcile of one VPC: what is known of it, what is planned, what was done.

Two steps, so that a sweep can plan for all before it writes for any: `prepare` looks and plans,
`carry_out` writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from guardrail.aftermath import Aftermath
from guardrail.core.actions import Action, ActionKind, EnableVpcDns, SetPrivateDns, WritePolicy
from guardrail.core.managed import found_again, lost, marked
from guardrail.core.memory import YIELD, Cause, Central, VpcMemory, Yield
from guardrail.core.model import (
    Endpoint,
    Inventory,
    Known,
    Mode,
    ObservedVpc,
    Plan,
    Step,
    YieldBegins,
    remembering,
)
from guardrail.core.names import Service
from guardrail.core.plan import plan, policy_hash, policy_steps
from guardrail.core.reasons import Reason
from guardrail.core.trail import Trigger
from guardrail.errors import GuardrailError, RetryableError, first_to_mend
from guardrail.evidence import healed, remember_compliant
from guardrail.execution import Execution
from guardrail.followup import next_look
from guardrail.ports import Kept
from guardrail.report import Report
from guardrail.reverting import Reverting, milliseconds
from guardrail.weighing import Weighing

if TYPE_CHECKING:
    from guardrail.reconcile import Reconciler


class Pass:
    """One reconcile of one VPC; what went wrong stands in `error`.

    What cannot be found out keeps back only what depends on it: an open policy is closed whatever
    stands against making an endpoint.
    """

    def __init__(
        self,
        reconciler: Reconciler,
        trigger: Trigger,
        inventory: Inventory | None,
        memory: VpcMemory,
        kept: Mapping[str, Kept],
        looked: datetime,
    ) -> None:
        self._r = reconciler
        self._trigger = trigger
        self._inventory = inventory
        self._memory = memory
        self._kept = kept
        self._begun = reconciler.now()
        # Before anything was looked at: what is remembered from then on is newer than that.
        self._looked = looked
        self._vpc: ObservedVpc | None = None
        self._vpc_id = ""
        self._planned = Plan("")
        self._execution: Execution | None = None
        self._yielded: Yield | None = None
        self._failed: GuardrailError | None = None
        self._kept_back: GuardrailError | None = None

    def prepare(self, vpc: ObservedVpc) -> None:
        """Look at what changed since the last time, and plan."""
        self.survey(vpc)
        self.weigh()

    def survey(self, vpc: ObservedVpc) -> None:
        """Plan from what was looked at; nobody is asked yet whether to make an endpoint."""
        self._vpc_id = vpc.vpc_id
        try:
            self._take_in(vpc)
            self._vpc = seen = marked(vpc, self._memory, self._r.owner.stack_id)
            self._note_changes(seen)
            self._planned = self._planned_for(seen)
            remember_compliant(self._r.evidence, self._planned, self._kept, self._looked)
        except GuardrailError as caught:
            self._failed = caught

    def weigh(self) -> None:
        """Take out of the plan what need not be made, or not yet."""
        if self._failed or self._kept_back or self._vpc is None:
            return
        settled, unsettled = (
            partial(self._planned_as, self._vpc, settled=s) for s in (True, False)
        )
        weighing = Weighing(
            self._r, self._trigger, self._vpc, self._begun, settled, unsettled, self._learn
        )
        try:
            self._planned = weighing.weighed(self._planned, self._memory)
        except GuardrailError as caught:
            self._kept_back = caught
            self._planned = replace(self._planned, actions=unsettled().actions)

    @property
    def error(self) -> GuardrailError | None:
        """What went wrong, if anything did."""
        return first_to_mend(self._failed, self._kept_back)

    def carry_out(self) -> None:
        """Write what this function may; then see to it that what was begun is gone on with."""
        if self._failed:
            return
        execution = self._new_execution()
        try:
            aftermath = Aftermath(self._r, self._vpc_id, self._memory, self._begun)
            aftermath.owe(self._planned)
            self._failed = execution.carry_out(self._planned)
            aftermath.note_fights(execution)
            if not self.error:
                ids = [e.endpoint_id for e in self._vpc.endpoints] if self._vpc else []
                aftermath.pay(execution, ids, self._kept, self._looked)
            self._look_again()
        except GuardrailError as caught:
            self._failed = caught

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
            healed=self._healed(),
            windows=self._memory.windows,
            duration_ms=milliseconds(self._r.now() - self._begun),
        )

    def _healed(self) -> Mapping[str, str]:
        return healed(self._memory, self._planned, self._vpc, self._looked) if self._vpc else {}

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
            judge=self._judged,
            now=self._r.now,
        )

    def _judged(self, endpoint: Endpoint) -> list[Step]:
        """Return what a policy that was looked at just now needs; a sweep looked minutes ago."""
        before = (
            [e for e in self._vpc.endpoints if e.endpoint_id == endpoint.endpoint_id]
            if self._vpc
            else []
        )
        seen = replace(endpoint, managed=any(e.managed for e in before))
        kept = self._r.evidence.kept([endpoint.endpoint_id])
        known = replace(self._known(settled=True), compliant=_policies(kept))
        return list(policy_steps(seen, self._r.owner.intent, known))

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
        for service, (gone, by_others) in self._lost(vpc).items():
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

    def _lost(self, vpc: ObservedVpc) -> Mapping[Service, tuple[frozenset[str], bool]]:
        """Return what is deleted by now; an event that came late tells of no teardown any more."""
        at = self._trigger.event_time
        late = at is not None and self._begun - at > YIELD
        told = frozenset[str]() if late else self._trigger.deleted_ids
        return lost(vpc, self._memory, self._begun, told)

    def _begin_yield(self, deleted: frozenset[str]) -> None:
        """Put nothing back for a while: it may be the first step of a teardown."""
        did_it = bool(deleted & self._trigger.deleted_ids)
        actor = self._trigger.actor if did_it else None
        begun = Yield(Cause.DELETED, self._begun, actor, self._trigger.event_id)
        # Two functions hear of a deletion: the one that notes it tells of it.
        if self._r.records.note_deletion(self._vpc_id, begun):
            self._tell_yield(begun)
        self._memory = replace(self._memory, yielded=begun)

    def _tell_yield(self, begun: Yield) -> None:
        """Have it told, unless nothing is put back in any case."""
        if self._r.owner.intent.mode is not Mode.OBSERVE:
            self._yielded = begun

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

    def _planned_for(self, vpc: ObservedVpc) -> Plan:
        """Plan as far as what was looked at goes."""
        if vpc.unread is None:
            # Who may not create does not wait for quiet either.
            may_create = ActionKind.CREATE_ENDPOINT in self._r.allowed
            return self._planned_as(vpc, settled=self._trigger.settled or not may_create)
        why = vpc.unread
        self._kept_back = why if isinstance(why, GuardrailError) else RetryableError(str(why))
        return _without_dns(self._planned_as(vpc, settled=False))

    def _planned_as(self, vpc: ObservedVpc, *, settled: bool) -> Plan:
        return plan(vpc, self._r.owner.intent, self._known(settled=settled))

    def _known(self, *, settled: bool) -> Known:
        return Known(
            account_id=self._r.owner.account_id,
            now=self._begun,
            baseline=self._r.owner.baseline,
            offers=self._r.network.offers(),
            inventory=self._inventory,
            settled=settled,
            memory=self._memory,
            wish=self._trigger.wish,
            compliant=_policies(self._kept),
        )

    def _learn(self, service: Service, central: Central) -> None:
        self._r.records.note_central(self._vpc_id, service, central)
        noted = {**self._memory.central, service: central}
        self._memory = replace(self._memory, central=noted)

    def _look_again(self) -> None:
        """Make an appointment where the guardrail is getting out of somebody's way."""
        if self._r.agenda is None or self._vpc is None or self._execution is None:
            return
        memory = self._memory
        for note in self._planned.notes:
            if isinstance(note, YieldBegins):
                self._tell_yield(note.begins)
            memory = remembering(memory, note)
        if at := next_look(self._vpc, memory, self._execution.steps, self._r.now()):
            self._r.agenda.look_again(self._vpc_id, at)

    def _note_put_off(self, *, waits: bool) -> None:
        try:
            since = self._begun if waits else None
            self._r.records.note_put_off(self._vpc_id, since)
        except GuardrailError as caught:
            # Only the order of the next sweep depends on it; the first error counts.
            self._failed = self._failed or caught


def _without_dns(planned: Plan) -> Plan:
    """Return what is to be done whatever the VPC's DNS attributes are, and is known of it."""
    unsure = {Reason.WAITING_FOR_DNS, Reason.SETTLING}
    return replace(
        planned,
        findings=tuple(f for f in planned.findings if f.reason not in unsure),
        actions=tuple(a for a in planned.actions if not _needs_dns(a)),
    )


def _needs_dns(action: Action) -> bool:
    return isinstance(action, EnableVpcDns) or (
        isinstance(action, SetPrivateDns) and action.enabled
    )


def _policies(kept: Mapping[str, Kept]) -> Mapping[str, str]:
    return {i: one.policy for i, one in kept.items() if one.policy is not None}

"""One reconcile of one VPC: what is known of it, what is planned, what was done.

In steps, so that a sweep can close what is open before anything else: `survey` plans, `close` puts
policies back, `weigh` asks what stands against a creation, `carry_out` writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from guardrail.aftermath import Aftermath
from guardrail.closing import beside, policies_of
from guardrail.core.actions import ENDPOINT_WRITES, ActionKind, WritePolicy
from guardrail.core.managed import marked
from guardrail.core.memory import Central, VpcMemory, Yield
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
from guardrail.core.trail import Trigger
from guardrail.errors import GuardrailError, RetryableError, first_to_mend
from guardrail.evidence import healed, recalled, remember_compliant
from guardrail.execution import Execution
from guardrail.followup import next_look
from guardrail.noticing import Noticing
from guardrail.ports import Kept
from guardrail.report import Report
from guardrail.reverting import Reverting, milliseconds
from guardrail.weighing import Weighing, without_dns

if TYPE_CHECKING:
    from guardrail.reconcile import Reconciler


class Pass:
    """One reconcile of one VPC; what went wrong stands in `error`.

    `closed` are the policy writes, carried out before the rest of the plan. What cannot be found
    out or put back keeps back only what depends on it.
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
        self._started = self._begun = reconciler.now()
        # Before anything was looked at: what is remembered from then on is newer than that.
        self._looked = looked
        self._vpc: ObservedVpc | None = None
        self._vpc_id = ""
        self._planned = Plan("")
        self.closed: Plan | None = None
        self._gone = False
        self._execution: Execution | None = None
        self._yielded: Yield | None = None
        self._failed: GuardrailError | None = None
        self._unclosed: GuardrailError | None = None
        self._kept_back: GuardrailError | None = None

    def prepare(self, vpc: ObservedVpc) -> None:
        """Look at what changed since the last time, and plan."""
        self.survey(vpc)
        self.weigh()

    def survey(self, vpc: ObservedVpc) -> None:
        """Plan from what was looked at; nobody is asked yet whether to make an endpoint."""
        self._vpc_id, self._kept_back = vpc.vpc_id, None
        try:
            self._take_in(vpc)
            self._vpc = seen = marked(vpc, self._memory, self._r.owner.stack_id)
            self._note_changes(seen)
            self._planned = self._planned_for(seen)
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

    def look_anew(self) -> None:
        """Plan from what stands and is remembered now: a sweep looked at everything minutes ago."""
        if self._failed:
            return
        self._looked = self._begun = self._r.now()
        try:
            observed = self._r.network.observe([self._vpc_id])
            memories = self._r.records.memories([self._vpc_id])
            self._kept = recalled(self._r.evidence, observed)
        except GuardrailError as caught:
            self._failed = caught
            return
        self._memory = memories.get(self._vpc_id, VpcMemory())
        if not observed:
            self._gone, self._vpc, self._planned = True, None, Plan(self._vpc_id)
        for vpc in observed:
            self.prepare(vpc)

    @property
    def error(self) -> GuardrailError | None:
        """What went wrong, if anything did."""
        return first_to_mend(self._failed, self._unclosed, self._kept_back)

    def close(self) -> None:
        """Put policies back, straight from what was looked at; the rest of the plan stays."""
        self.closed = policies_of(self._planned)
        self._write(self.closed)
        if not isinstance(self._failed, RetryableError):
            # Nobody lets it be put back: the rest would wait for good.
            self._unclosed, self._failed = self._failed, None
        self._planned = beside(self._planned, self.closed)

    def carry_out(self) -> None:
        """Write what this function may; then see to it that what was begun is gone on with."""
        if self._failed:
            self._new_execution().put_off(self._planned)
            return
        execution = self._write(self._planned)
        self._remember()
        try:
            if not self.error:
                ids = [e.endpoint_id for e in self._vpc.endpoints] if self._vpc else []
                self._aftermath.pay(execution, ids, self._kept, self._looked)
            self._look_again()
        except GuardrailError as caught:
            self._failed = caught

    def _write(self, planned: Plan) -> Execution:
        execution = self._new_execution()
        try:
            self._aftermath.owe(self._planned)
            self._failed = execution.carry_out(planned)
            if planned.actions:
                self._aftermath.note_fights(execution)
                self._aftermath.note_names(execution, self._vpc)
        except GuardrailError as caught:
            self._failed = caught
        return execution

    @property
    def _aftermath(self) -> Aftermath:
        return Aftermath(self._r, self._vpc_id, self._memory, self._begun)

    def _remember(self) -> None:
        try:
            remember_compliant(self._r.evidence, self._planned, self._kept, self._looked)
        except GuardrailError as caught:
            self._failed = self._failed or caught

    def put_off(self) -> None:
        """Leave what is left to a later pass, remembering since when."""
        self._new_execution().put_off(self._planned)
        self._remember()
        if self._planned.actions and self._memory.put_off is None:
            self._note_put_off(waits=True)

    def settle_account(self) -> None:
        """Remember for the next sweep's order how this one fared: failures go to the end."""
        if self.error or self._memory.put_off:
            self._note_put_off(waits=self.error is not None)

    @property
    def writes(self) -> bool:
        """Whether there is anything that this function would write."""
        written = self._execution is not None and self._execution.written
        may = set(self._r.allowed) - (ENDPOINT_WRITES if written else set())
        return any(action.kind in may for action in self._planned.actions)

    @property
    def exposes(self) -> bool:
        """Whether a policy is to be put back."""
        return any(isinstance(action, WritePolicy) for action in self._planned.actions)

    @property
    def urgency(self) -> tuple[int, str, str]:
        """What a sweep does first: policies, then what was put off the longest."""
        since = self._memory.put_off or self._begun
        return (0 if self.exposes else 1, since.isoformat(), self._vpc_id)

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
            gone=self._gone,
            duration_ms=milliseconds(self._r.now() - self._started),
        )

    def _healed(self) -> Mapping[str, str]:
        return healed(self._memory, self._planned, self._vpc, self._looked) if self._vpc else {}

    def _new_execution(self) -> Execution:
        """Return one that goes on from what was done before, knowing what is remembered now."""
        before = self._execution
        self._execution = Execution(
            self._r.network,
            self._r.records,
            self._trigger,
            memory=self._memory,
            reverting=before.reverting if before else self._new_reverting(),
            allowed=self._r.allowed,
            now=self._r.now,
        )
        self._execution.steps += before.steps if before else []
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
            looked=self._looked,
            judge=self._judged,
            now=self._r.now,
        )

    def _judged(self, endpoint: Endpoint) -> list[Step]:
        """Return what a policy that was looked at just now needs; a sweep looked minutes ago."""
        before = self._vpc.endpoints if self._vpc else ()
        ours = any(e.managed for e in before if e.endpoint_id == endpoint.endpoint_id)
        seen = replace(endpoint, managed=ours)
        kept = self._r.evidence.kept([endpoint.endpoint_id])
        known = replace(self._known(settled=True), compliant=_policies(kept))
        return list(policy_steps(seen, self._r.owner.intent, known))

    def _take_in(self, vpc: ObservedVpc) -> None:
        noticing = Noticing(self._r, self._trigger, self._begun, self._memory)
        try:
            noticing.take_in(vpc)
        finally:
            self._memory = noticing.memory
            if noticing.yielded:
                self._tell_yield(noticing.yielded)

    def _tell_yield(self, begun: Yield) -> None:
        """Have it told, unless nothing is put back in any case."""
        if self._r.owner.intent.mode is not Mode.OBSERVE:
            self._yielded = begun

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
        return without_dns(self._planned_as(vpc, settled=False))

    def _planned_as(self, vpc: ObservedVpc, *, settled: bool) -> Plan:
        planned = plan(vpc, self._r.owner.intent, self._known(settled=settled))
        return beside(planned, self.closed) if self.closed else planned

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


def _policies(kept: Mapping[str, Kept]) -> Mapping[str, str]:
    return {i: one.policy for i, one in kept.items() if one.policy is not None}

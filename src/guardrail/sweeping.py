"""The sweep: every VPC of the region, planned for before anything is written.

Reads grow with pages, not with VPCs. Writes are few (EC2 grants the whole account one endpoint
write every 3.3 seconds), so a sweep makes a set number of them: policies before anything else, then
what was put off the longest. The rest is left to the next sweep, and so is what its time does not
suffice for. Only for a VPC whose turn has come is asked who answers for names; it is looked at anew
before anything but its policy is written, since the first look is minutes old by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from guardrail.core.memory import VpcMemory
from guardrail.core.model import Mode
from guardrail.core.trail import SWEEP
from guardrail.evidence import recalled
from guardrail.inventory import inventory_at
from guardrail.one_vpc import Pass
from guardrail.reconcile import Outcomes, Reconciler

_MARGIN = 30.0
"""Seconds kept back for reporting: no VPC is begun with less."""


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Sweeps with a `reconciler`, at most `writes` VPCs written to, within `seconds_left`."""

    reconciler: Reconciler
    writes: int
    seconds_left: Callable[[], float]

    def run(self) -> Outcomes:
        """Reconcile every VPC; yield report and error of each.

        Policies are put back first, then those VPCs are told of that need nothing.
        """
        passes = list(self._surveyed())
        quiet = [one for one in passes if not one.writes]
        due = sorted((one for one in passes if one.writes), key=lambda one: one.urgency)
        turns = self._close(due)
        for one in quiet:
            # Nothing is written, but what earlier passes owed may be done by now.
            one.carry_out()
            yield one.report(), one.error
        # What is open and had no turn stands back: a part of the turns is for the others.
        for one in sorted(due, key=lambda one: one.exposes):
            if (one.closed or turns < self.writes) and self._has_time():
                turns += self._attend(one)
            else:
                one.put_off()
            yield one.report(), one.error

    def _has_time(self) -> bool:
        return self.seconds_left() > _MARGIN

    def _close(self, due: Sequence[Pass]) -> int:
        """Put policies back, and return in how many VPCs.

        A quarter of the turns is left to other work: policies that cannot be put back, or that
        somebody keeps opening, would otherwise take every one of every sweep.
        """
        exposed = [one for one in due if one.exposes]
        for_others = min(len(due) - len(exposed), max(1, self.writes // 4), self.writes - 1)
        for one in exposed[: self.writes - for_others]:
            if self._has_time():
                one.close()
        return sum(bool(one.closed) for one in exposed)

    def _attend(self, one: Pass) -> bool:
        """Do what a VPC needs; return whether that took a turn that it did not have yet.

        It is looked at anew, unless nothing is written in this mode. One that turns out to need
        nothing takes no turn: so many may be served centrally that none would be left.
        """
        had_turn = bool(one.closed)
        if one.exposes:
            one.close()
        one.weigh()
        acts = one.writes
        if acts and self.reconciler.owner.intent.mode is not Mode.OBSERVE:
            one.look_anew()
        one.carry_out()
        one.settle_account()
        return bool(acts or one.closed) and not had_turn

    def _surveyed(self) -> Iterator[Pass]:
        r = self.reconciler
        looked = r.now()
        observed = list(r.network.observe())
        inventory = inventory_at(r, SWEEP, observed)
        memories = r.records.memories([vpc.vpc_id for vpc in observed])
        kept = recalled(r.evidence, observed)
        for vpc in sorted(observed, key=lambda vpc: vpc.vpc_id):
            one = Pass(r, SWEEP, inventory, memories.get(vpc.vpc_id, VpcMemory()), kept, looked)
            one.survey(vpc)
            yield one

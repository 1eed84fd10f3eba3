"""The sweep: every VPC of the region, planned for before anything is written.

Reads grow with pages, not with VPCs. Writes are few (EC2 grants the whole account one endpoint
write every 3.3 seconds), so a sweep makes a set number of them: policies before anything else, then
what was put off the longest. The rest is left to the next sweep, and so is what its time does not
suffice for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from guardrail.core.memory import VpcMemory
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
        """Reconcile every VPC; yield report and error of each, those first that need nothing."""
        due: list[Pass] = []
        for one in self._prepared():
            if one.writes and not one.error:
                due.append(one)
            else:
                # Nothing is written, but what earlier passes owed may be done by now.
                one.carry_out()
                yield one.report(), one.error
        written = 0
        for one in sorted(due, key=lambda one: one.urgency):
            if written < self.writes and self.seconds_left() > _MARGIN:
                written += 1
                one.carry_out()
                one.settle_account()
            else:
                one.put_off()
            yield one.report(), one.error

    def _prepared(self) -> Iterator[Pass]:
        r = self.reconciler
        looked = r.now()
        observed = list(r.network.observe())
        inventory = inventory_at(r, SWEEP, observed)
        memories = r.records.memories([vpc.vpc_id for vpc in observed])
        kept = recalled(r.evidence, observed)
        for vpc in sorted(observed, key=lambda vpc: vpc.vpc_id):
            one = Pass(r, SWEEP, inventory, memories.get(vpc.vpc_id, VpcMemory()), kept, looked)
            one.prepare(vpc)
            yield one

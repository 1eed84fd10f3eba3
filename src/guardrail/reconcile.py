"""The loop: observe, plan, apply, for one VPC after the other.

Level-triggered: a trigger only says where to look, every decision comes from Describe calls of
the same invocation. So an event that comes late, twice or out of order does no harm, and the
guardrail's own writes come back as events that plan nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from guardrail.core.actions import ActionKind
from guardrail.core.memory import VpcMemory
from guardrail.core.model import Finding, Intent, Mode, ObservedVpc, Plan
from guardrail.core.reasons import Reason
from guardrail.core.trail import LOOK_AGAIN, Trigger
from guardrail.errors import GuardrailError
from guardrail.evidence import healed, recalled
from guardrail.glance import glance
from guardrail.inventory import inventory_at
from guardrail.one_vpc import Pass
from guardrail.ports import Agenda, Evidence, Network, Records, Resolution, Settling
from guardrail.report import Report
from guardrail.reverting import FRESH

Outcomes = Iterator[tuple[Report, GuardrailError | None]]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose region this is, what he asked for and the most that he allows."""

    account_id: str
    stack_id: str
    intent: Intent
    baseline: str


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Brings VPCs to their desired state through its ports.

    `allowed` holds the actions that the running function's role can do; the rest of a plan
    is reported as deferred and left to the function that can. Only the function that yields has
    an `agenda`, and only one that writes policies makes appointments for them (`spacing`). One that
    `glances` looks at the endpoint that an event wrote before anything else.
    """

    network: Network
    records: Records
    evidence: Evidence
    settling: Settling
    resolution: Resolution
    owner: Owner
    allowed: Collection[ActionKind]
    now: Callable[[], datetime]
    agenda: Agenda | None = None
    spacing: Agenda | None = None
    glances: bool = False

    def run(self, trigger: Trigger) -> Outcomes:
        """Reconcile each VPC that `trigger` points at once; yield report and error of each.

        An error of one VPC does not keep the others from being reconciled.
        """
        if self.glances and (reports := glance(self, trigger)) is not None:
            yield from ((report, None) for report in reports)
            return
        looked = self.now()
        vpc_ids = self._where(trigger)
        inventory = inventory_at(self, trigger)
        observed = {vpc.vpc_id: vpc for vpc in self.network.observe(vpc_ids)} if vpc_ids else {}
        memories = self.records.memories(vpc_ids)
        kept = recalled(self.evidence, observed.values())
        for vpc_id in sorted(vpc_ids):
            vpc, memory = observed.get(vpc_id), memories.get(vpc_id, VpcMemory())
            if vpc is None:
                yield self._unseen(vpc_id, trigger, memory, looked)
                continue
            one = Pass(self, trigger, inventory, memory, kept, looked)
            # An event that leads to many may have had to wait for the writes of those before.
            aged = len(vpc_ids) > 1 and self.now() - looked > FRESH
            yield self._reconcile(one, vpc, trigger, memory, aged=aged)

    def _reconcile(
        self, one: Pass, vpc: ObservedVpc, trigger: Trigger, memory: VpcMemory, *, aged: bool
    ) -> tuple[Report, GuardrailError | None]:
        try:
            seen = self._with_dns(self._with_interfaces(vpc, trigger, memory), trigger, memory)
        except GuardrailError as error:
            return Report(vpc.vpc_id, trigger, self.owner.intent.mode, error=str(error)), error
        one.prepare(seen)
        if aged and one.writes and self._may_look_anew:
            one.look_anew()
        one.carry_out()
        return one.report(), one.error

    @property
    def _may_look_anew(self) -> bool:
        """Not where nothing is written, nor what looks at interfaces besides."""
        return self.owner.intent.mode is not Mode.OBSERVE and self.agenda is None

    def _with_interfaces(
        self, vpc: ObservedVpc, trigger: Trigger, memory: VpcMemory
    ) -> ObservedVpc:
        """Add the interfaces where something may be taken out: a call that others need not make."""
        torn_down = trigger.wish is not None or trigger.name == LOOK_AGAIN
        if self.agenda is None or not torn_down or vpc.owner_id != self.owner.account_id:
            return vpc
        if not memory.creations and not vpc.groups:
            return vpc
        return replace(vpc, interfaces=tuple(self.network.interfaces(vpc.vpc_id)))

    def _with_dns(self, vpc: ObservedVpc, trigger: Trigger, memory: VpcMemory) -> ObservedVpc:
        """Add the DNS attributes where one of them changed under what the guardrail made.

        They are observed without that only where an endpoint lacks its name.
        """
        own = vpc.owner_id == self.owner.account_id and memory.creations
        if vpc.dns or not own or trigger.name != "ModifyVpcAttribute":
            return vpc
        return replace(vpc, dns=self.network.dns(vpc.vpc_id))

    def _unseen(
        self, vpc_id: str, trigger: Trigger, memory: VpcMemory, looked: datetime
    ) -> tuple[Report, GuardrailError | None]:
        """Report a VPC that EC2 does not describe: it is gone, or too new to be seen.

        After an event that does not delete it, it is looked at again when it has settled.
        Source: Amazon EC2 developer guide, "Eventual consistency".
        """
        mode = self.owner.intent.mode
        may_appear = not trigger.settled and not trigger.name.startswith("Delete")
        if may_appear and ActionKind.CREATE_ENDPOINT in self.allowed:
            try:
                pushed = self.settling.push(vpc_id)
            except GuardrailError as error:
                return Report(vpc_id, trigger, mode, error=str(error)), error
            if pushed:
                message = "EC2 does not describe the VPC; it is looked at again after settling"
                found = (Finding(Reason.SETTLING, message),)
                return Report(vpc_id, trigger, mode, findings=found), None
        gone = Report(
            vpc_id,
            trigger,
            mode,
            gone=True,
            healed=healed(memory, Plan(vpc_id), None, looked),
            windows=memory.windows,
        )
        return gone, None

    def _where(self, trigger: Trigger) -> frozenset[str]:
        """Return the VPCs to look at: named, looked up, or all that have an endpoint.

        Several events name no VPC, and DeleteVpcEndpoints not even the service; what EC2 does not
        describe any more the table may remember. Who was refused something is heard where it stood
        in the way, and nowhere else: what is gone by now is in nobody's way.
        """
        named = trigger.vpc_ids or frozenset()
        if named and not trigger.mixes_vpcs:
            return named
        located = self.network.locate(trigger.other_ids)
        remembered = self.records.locate(located.unknown) if located.unknown else {}
        found = named | located.vpc_ids | frozenset(remembered.values())
        if located.unknown - remembered.keys() and trigger.wish is None:
            return found | self.network.vpcs_with_endpoints()
        return found

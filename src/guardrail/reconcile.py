"""The loop: observe, plan, apply, for one VPC after the other.

Level-triggered: a trigger only says where to look, every decision comes from Describe calls of
the same invocation. So an event that comes late, twice or out of order does no harm, and the
guardrail's own writes come back as events that plan nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from guardrail.core.model import (
    ActionKind,
    CreateEndpoint,
    Endpoint,
    Finding,
    Intent,
    Inventory,
    Known,
    Mode,
    ObservedVpc,
    Plan,
    Service,
)
from guardrail.core.plan import plan, policy_hash
from guardrail.core.reasons import Reason
from guardrail.core.trail import Trigger
from guardrail.errors import GuardrailError, RetryableError
from guardrail.execution import Execution, milliseconds
from guardrail.ports import (
    Creation,
    Network,
    Records,
    Settling,
)
from guardrail.report import Report

MANAGED_TAG = "sfn-endpoint-guardrail:managed-by"
"""Tag key on everything the guardrail creates; its value is the stack's id."""


def is_of_stack(tags: Mapping[str, str], stack_id: str) -> bool:
    """Whether the tag names this stack, or one of the same name that was deleted before it.

    A stack's id is `arn:…:stack/<name>/<uuid>`; the name stays when a stack is deployed anew.
    """
    named = tags.get(MANAGED_TAG, "").rpartition("/")[0]
    return bool(named) and named == stack_id.rpartition("/")[0]


_VISIBLE_WITHIN = timedelta(minutes=5)
"""How long a new endpoint may be missing from Describe before it counts as deleted.

Source: Amazon EC2 developer guide, "Eventual consistency": back off up to five minutes.
"""


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
    is reported as deferred and left to the function that can.
    """

    network: Network
    records: Records
    settling: Settling
    owner: Owner
    allowed: Collection[ActionKind]
    now: Callable[[], datetime]

    def run(self, trigger: Trigger) -> Iterator[tuple[Report, GuardrailError | None]]:
        """Reconcile each VPC that `trigger` points at once; yield report and error of each.

        An error of one VPC does not keep the others from being reconciled.
        """
        vpc_ids = self._where(trigger)
        inventory = self._inventory(trigger)
        observed = {vpc.vpc_id: vpc for vpc in self.network.observe(vpc_ids)}
        creations = self.records.creations(vpc_ids)
        for vpc_id in sorted(vpc_ids):
            vpc = observed.get(vpc_id)
            if vpc is None:
                yield self._unseen(vpc_id, trigger)
            else:
                yield _Pass(self, trigger, inventory, creations.get(vpc_id, {})).reconcile(vpc)

    def _unseen(self, vpc_id: str, trigger: Trigger) -> tuple[Report, GuardrailError | None]:
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
        return Report(vpc_id, trigger, mode, gone=True), None

    def _where(self, trigger: Trigger) -> frozenset[str]:
        if trigger.vpc_ids is None:
            return frozenset(self.network.vpcs())
        return trigger.vpc_ids or self.network.locate(trigger.other_ids)

    def _inventory(self, trigger: Trigger) -> Inventory | None:
        """Return what stood at first sight, taking it now if that was never done.

        What the event itself made or wrote is left out: it is new.
        """
        if self.owner.intent.mode is not Mode.ENFORCE_NEW:
            return None
        if stored := self.records.inventory():
            return self._without(stored, trigger.created_ids)
        vpc_ids = frozenset(self.network.vpcs())
        policies = {
            endpoint.endpoint_id: policy_hash(endpoint.policy)
            for vpc in self.network.observe(vpc_ids)
            for endpoint in vpc.endpoints
            if endpoint.endpoint_id not in trigger.new_ids
        }
        taken = Inventory(vpc_ids - trigger.new_ids, policies)
        stored = self.records.store_inventory(taken)
        # Another invocation may have been first, and may have counted as old what is new here.
        return stored if stored is taken else self._without(stored, trigger.new_ids)

    def _without(self, inventory: Inventory, new_ids: frozenset[str]) -> Inventory:
        """Return the inventory without what is new, and take it off the records, too."""
        wrong = new_ids & (inventory.vpc_ids | inventory.policies.keys())
        if not wrong:
            return inventory
        self.records.forget(wrong)
        policies = {k: v for k, v in inventory.policies.items() if k not in wrong}
        return Inventory(inventory.vpc_ids - wrong, policies)


class _Pass:
    """One reconcile of one VPC: what it knows, and what it has done so far."""

    def __init__(
        self,
        reconciler: Reconciler,
        trigger: Trigger,
        inventory: Inventory | None,
        creations: Mapping[Service, Creation],
    ) -> None:
        self._r = reconciler
        self._trigger = trigger
        self._inventory = inventory
        self._creations = creations
        self._begun = reconciler.now()
        self._findings: tuple[Finding, ...] = ()
        self._execution = Execution(
            reconciler.network,
            reconciler.records,
            trigger,
            baseline=reconciler.owner.baseline,
            allowed=reconciler.allowed,
            now=reconciler.now,
        )

    def reconcile(self, vpc: ObservedVpc) -> tuple[Report, GuardrailError | None]:
        error: GuardrailError | None = None
        try:
            marked = self._marked(vpc)
            self._note_changes(marked)
            planned = self._plan(marked)
            self._findings = planned.findings
            error = self._execution.carry_out(planned)
        except GuardrailError as caught:
            error = caught
        return self._report(vpc.vpc_id, error), error

    def _report(self, vpc_id: str, error: GuardrailError | None) -> Report:
        return Report(
            vpc_id,
            self._trigger,
            self._r.owner.intent.mode,
            findings=self._findings,
            steps=tuple(self._execution.steps),
            error=str(error) if error else None,
            exposure_ms=self._execution.exposure_ms,
            duration_ms=milliseconds(self._r.now() - self._begun),
        )

    def _marked(self, vpc: ObservedVpc) -> ObservedVpc:
        """Mark the managed endpoints: tagged as ours and made by us according to the records."""
        return replace(
            vpc,
            endpoints=tuple(replace(e, managed=self._is_managed(vpc, e)) for e in vpc.endpoints),
        )

    def _is_managed(self, vpc: ObservedVpc, endpoint: Endpoint) -> bool:
        creation = self._creations.get(endpoint.service)
        if creation is None or not is_of_stack(endpoint.tags, self._r.owner.stack_id):
            return False
        if creation.endpoint_id is None:
            # Made by an invocation that ended before it could note the id.
            found = replace(creation, endpoint_id=endpoint.endpoint_id)
            self._r.records.note_creation(vpc.vpc_id, endpoint.service, found)
            return True
        return creation.endpoint_id == endpoint.endpoint_id

    def _note_changes(self, vpc: ObservedVpc) -> None:
        """Take endpoints off the inventory whose policy differs: from now on they count as new."""
        stored = self._inventory.policies if self._inventory else {}
        for endpoint in vpc.endpoints:
            known = stored.get(endpoint.endpoint_id)
            if known is not None and known != policy_hash(endpoint.policy):
                self._r.records.forget({endpoint.endpoint_id})

    def _plan(self, vpc: ObservedVpc) -> Plan:
        """Plan; where creation is at stake, wait until the VPC has settled."""
        may_create = ActionKind.CREATE_ENDPOINT in self._r.allowed
        settled = self._trigger.settled or not may_create
        planned = plan(vpc, self._r.owner.intent, self._known(vpc, settled=settled))
        if not settled and _awaits_creation(planned):
            if self._r.settling.push(vpc.vpc_id):
                return planned
            planned = plan(vpc, self._r.owner.intent, self._known(vpc, settled=True))
        elif self._swept(planned) and self._r.settling.pending(vpc.vpc_id):
            return plan(vpc, self._r.owner.intent, self._known(vpc, settled=False))
        if may_create:
            self._refuse_blind_creation(vpc, planned)
        return planned

    def _swept(self, planned: Plan) -> bool:
        return self._trigger.vpc_ids is None and _creates(planned)

    def _known(self, vpc: ObservedVpc, *, settled: bool) -> Known:
        return Known(
            account_id=self._r.owner.account_id,
            today=self._begun.date(),
            baseline=self._r.owner.baseline,
            offers=self._r.network.offers(),
            inventory=self._inventory,
            settled=settled,
            generations={s: self._generation(vpc, c) for s, c in self._creations.items()},
        )

    def _generation(self, vpc: ObservedVpc, creation: Creation) -> int:
        """Raise the generation once the endpoint that was made is known to be deleted."""
        deleted = creation.endpoint_id is not None and (
            creation.endpoint_id in vpc.absent or not self._young(creation)
        )
        return creation.generation + 1 if deleted else creation.generation

    def _young(self, creation: Creation) -> bool:
        return self._begun - creation.begun < _VISIBLE_WITHIN

    def _refuse_blind_creation(self, vpc: ObservedVpc, planned: Plan) -> None:
        """Raise when an endpoint made a moment ago is not described yet: a second would follow."""
        for action in planned.actions:
            if not isinstance(action, CreateEndpoint):
                continue
            made = self._creations.get(action.service)
            if (
                made
                and made.endpoint_id
                and self._young(made)
                and made.endpoint_id not in vpc.absent
            ):
                raise RetryableError(
                    f"{made.endpoint_id} was made in {vpc.vpc_id} a moment ago and EC2 does not"
                    " describe it yet; the next attempt looks again"
                )


_AWAITING = frozenset({Reason.SETTLING, Reason.WAITING_FOR_SUBNETS, Reason.WAITING_FOR_DNS})


def _awaits_creation(planned: Plan) -> bool:
    return any(f.reason in _AWAITING and f.endpoint_id is None for f in planned.findings)


def _creates(planned: Plan) -> bool:
    return any(action.kind is ActionKind.CREATE_ENDPOINT for action in planned.actions)

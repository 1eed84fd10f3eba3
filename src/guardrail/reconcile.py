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
    ENDPOINT_WRITES,
    Action,
    ActionKind,
    AttachSecurityGroup,
    AuthorizeClients,
    CreateEndpoint,
    Endpoint,
    Finding,
    Intent,
    Inventory,
    Known,
    Mode,
    ObservedVpc,
    Plan,
    Reason,
    Service,
    WritePolicy,
)
from guardrail.core.plan import plan, policy_hash
from guardrail.core.policy import decide
from guardrail.core.provision import PENDING_GROUP
from guardrail.core.trail import Trigger
from guardrail.errors import GuardrailError, RefusedError, RetryableError
from guardrail.ports import (
    Applied,
    BeforeImage,
    Creation,
    Network,
    Records,
    Result,
    Settling,
)
from guardrail.report import Report, Step

MANAGED_TAG = "sfn-endpoint-guardrail:managed-by"
"""Tag key on everything the guardrail creates; its value is the stack's id."""

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
                yield Report(vpc_id, trigger, self.owner.intent.mode, gone=True), None
            else:
                yield _Pass(self, trigger, inventory, creations.get(vpc_id, {})).reconcile(vpc)

    def _where(self, trigger: Trigger) -> frozenset[str]:
        if trigger.vpc_ids is None:
            return frozenset(self.network.vpcs())
        return trigger.vpc_ids or self.network.locate(trigger.other_ids)

    def _inventory(self, trigger: Trigger) -> Inventory | None:
        """Return what stood at first sight, taking it now if that was never done.

        What the event itself names is left out: it is new.
        """
        if self.owner.intent.mode is not Mode.ENFORCE_NEW:
            return None
        if stored := self.records.inventory():
            return stored
        vpc_ids = frozenset(self.network.vpcs())
        named = (trigger.vpc_ids or frozenset()) | trigger.other_ids
        policies = {
            endpoint.endpoint_id: policy_hash(endpoint.policy)
            for vpc in self.network.observe(vpc_ids)
            for endpoint in vpc.endpoints
            if endpoint.endpoint_id not in named
        }
        return self.records.store_inventory(Inventory(vpc_ids - named, policies))


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
        self._steps: list[Step] = []
        self._findings: tuple[Finding, ...] = ()
        self._exposure_ms: int | None = None

    def reconcile(self, vpc: ObservedVpc) -> tuple[Report, GuardrailError | None]:
        error: GuardrailError | None = None
        try:
            marked = self._marked(vpc)
            self._note_changes(marked)
            planned = self._plan(marked)
            self._findings = planned.findings
            error = self._apply_all(planned, marked)
        except GuardrailError as caught:
            error = caught
        return self._report(vpc.vpc_id, error), error

    def _report(self, vpc_id: str, error: GuardrailError | None) -> Report:
        return Report(
            vpc_id,
            self._trigger,
            self._r.owner.intent.mode,
            findings=self._findings,
            steps=tuple(self._steps),
            error=str(error) if error else None,
            exposure_ms=self._exposure_ms,
            duration_ms=_milliseconds(self._r.now() - self._begun),
        )

    def _marked(self, vpc: ObservedVpc) -> ObservedVpc:
        """Mark the managed endpoints: tagged as ours and made by us according to the records."""
        return replace(
            vpc,
            endpoints=tuple(replace(e, managed=self._is_managed(vpc, e)) for e in vpc.endpoints),
        )

    def _is_managed(self, vpc: ObservedVpc, endpoint: Endpoint) -> bool:
        creation = self._creations.get(endpoint.service)
        if creation is None or endpoint.tags.get(MANAGED_TAG) != self._r.owner.stack_id:
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
                self._r.records.forget_policy(endpoint.endpoint_id)

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

    def _apply_all(self, planned: Plan, vpc: ObservedVpc) -> GuardrailError | None:
        """Apply what this function may do; one endpoint write each, a failure stops the rest.

        Policy writes go on after a failure: closing one endpoint must not wait for another.
        """
        error: GuardrailError | None = None
        for action in planned.actions:
            ready = self._with_group(action)
            if not self._may(ready) or (error and not isinstance(ready, WritePolicy)):
                self._steps.append(Step(ready, Result.DEFERRED))
                continue
            try:
                applied = self._apply(ready, vpc)
                self._steps.append(Step(ready, applied.result, applied.resource_id))
            except GuardrailError as caught:
                error = error or caught
                self._steps.append(Step(ready, Result.FAILED))
        return error

    def _with_group(self, action: Action) -> Action:
        """Put the id of the group just made where the plan could only hold a place for it."""
        if not isinstance(action, CreateEndpoint | AuthorizeClients | AttachSecurityGroup):
            return action
        made = [s for s in self._steps if s.action.kind is ActionKind.CREATE_SECURITY_GROUP]
        if action.group_id != PENDING_GROUP or not made or made[-1].resource_id is None:
            return action
        return replace(action, group_id=made[-1].resource_id)

    def _may(self, action: Action) -> bool:
        if action.kind not in self._r.allowed:
            return False
        deferred = [s.action.kind for s in self._steps if s.result is Result.DEFERRED]
        if getattr(action, "group_id", None) == PENDING_GROUP:
            return ActionKind.CREATE_SECURITY_GROUP not in deferred
        return action.kind not in ENDPOINT_WRITES or not self._written(action)

    def _written(self, action: Action) -> bool:
        """Whether this endpoint has had its write: its event brings the next one.

        Endpoint writes share 4 tokens refilled at 0.3 per second with the whole account.
        """
        target = getattr(action, "endpoint_id", None)
        done = (s for s in self._steps if s.result in {Result.APPLIED, Result.RECORDED})
        return target is not None and any(
            s.action.kind in ENDPOINT_WRITES and s.target == target for s in done
        )

    def _apply(self, action: Action, vpc: ObservedVpc) -> Applied:
        match action:
            case WritePolicy():
                return self._write_policy(action)
            case CreateEndpoint():
                return self._create(action, vpc)
            case _:
                return self._r.network.apply(action)

    def _write_policy(self, action: WritePolicy) -> Applied:
        self._check(action.policy)
        self._r.records.keep(
            BeforeImage(
                action.endpoint_id,
                action.before,
                action.policy,
                reason=self._reason(action.endpoint_id),
                actor=self._trigger.actor,
                event_id=self._trigger.event_id,
                at=self._begun,
            )
        )
        applied = self._r.network.apply(action)
        if applied.result is Result.APPLIED and self._trigger.event_time:
            self._exposure_ms = max(0, _milliseconds(self._r.now() - self._trigger.event_time))
        return applied

    def _create(self, action: CreateEndpoint, vpc: ObservedVpc) -> Applied:
        self._check(action.policy)
        known = self._known(vpc, settled=True)
        begun = Creation(known.generations.get(action.service, 0), self._begun)
        self._r.records.note_creation(vpc.vpc_id, action.service, begun)
        applied = self._r.network.apply(action)
        if applied.resource_id:
            made = replace(begun, endpoint_id=applied.resource_id)
            self._r.records.note_creation(vpc.vpc_id, action.service, made)
        return applied

    def _check(self, policy: str) -> None:
        """Refuse to write what the engine does not find inside the baseline."""
        verdict = decide(policy, self._r.owner.baseline)
        if not verdict.contained:
            raise RefusedError(
                f"the policy to be written is not inside the baseline: {verdict.reasons[0].message}"
            )

    def _reason(self, endpoint_id: str) -> str:
        drifts = (f for f in self._findings if f.endpoint_id == endpoint_id and f.reason.is_drift)
        return next((f"{f.reason}: {f.message}" for f in drifts), "")


_AWAITING = frozenset({Reason.SETTLING, Reason.WAITING_FOR_SUBNETS, Reason.WAITING_FOR_DNS})


def _awaits_creation(planned: Plan) -> bool:
    return any(f.reason in _AWAITING and f.endpoint_id is None for f in planned.findings)


def _creates(planned: Plan) -> bool:
    return any(action.kind is ActionKind.CREATE_ENDPOINT for action in planned.actions)


def _milliseconds(duration: timedelta) -> int:
    return round(duration / timedelta(milliseconds=1))

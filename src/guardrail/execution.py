"""Carrying out a plan: what the running function may do, in order, with its evidence.

Every policy is checked against the baseline by the engine before it is written, every write is
preceded by what it replaces, every yield is remembered before it takes something out, and a VPC
gets one endpoint write in each invocation: its event brings the next.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from guardrail.core.actions import (
    ENDPOINT_WRITES,
    REMOVALS,
    Action,
    ActionKind,
    AttachSecurityGroup,
    AuthorizeClients,
    CreateEndpoint,
    CreateSecurityGroup,
    DeleteEndpoint,
    DeleteSecurityGroup,
    EnableVpcDns,
    RestoreTags,
    SetPrivateDns,
    WritePolicy,
    withdraws,
)
from guardrail.core.groups import PENDING_GROUP
from guardrail.core.memory import Creation, VpcMemory
from guardrail.core.model import Finding, Plan
from guardrail.core.names import Service
from guardrail.core.trail import Trigger
from guardrail.errors import GuardrailError, NameTakenError, RetryableError, first_to_mend
from guardrail.ports import Applied, Network, Records, Result
from guardrail.report import Step
from guardrail.reverting import Reverting


class Execution:
    """One plan being carried out; `steps` and `reverting` tell how far it came.

    `allowed` holds the actions that the running function's role can do. `names_taken` are the
    endpoints that EC2 refused private DNS, because something else answers for the name.
    """

    def __init__(
        self,
        network: Network,
        records: Records,
        trigger: Trigger,
        *,
        memory: VpcMemory,
        reverting: Reverting,
        allowed: Collection[ActionKind],
        now: Callable[[], datetime],
    ) -> None:
        self._network = network
        self._records = records
        self._trigger = trigger
        self._memory = memory
        self._allowed = allowed
        self._now = now
        self._begun = now()
        self._findings: tuple[Finding, ...] = ()
        self._vpc_id = ""
        self.steps: list[Step] = []
        self.names_taken: set[str] = set()
        self.untidy: GuardrailError | None = None
        self.reverting = reverting

    def carry_out(self, planned: Plan) -> GuardrailError | None:
        """Apply what this function may do; one endpoint write, a failure stops what needs it.

        Policy writes go on after any failure: closing one endpoint must not wait for another. What
        another attempt may mend stops all else; what would fail each time keeps no more waiting for
        good than it has to. Returns the first error, a mendable one before any other.
        """
        self._findings = planned.findings
        self._vpc_id = planned.vpc_id
        self._remember(planned)
        errors: list[GuardrailError] = []
        for action in self._in_order(planned.actions):
            ready = self._with_group(action)
            if not self._may(ready) or _is_held_up(ready, self.steps, errors):
                self.steps.append(Step(ready, Result.DEFERRED))
                continue
            try:
                self.steps.append(self._apply(ready))
            except GuardrailError as caught:
                errors.append(caught)
                self.steps.append(Step(ready, Result.FAILED, error=caught))
        return first_to_mend(*errors, self.untidy, self.reverting.untidy)

    def put_off(self, planned: Plan) -> None:
        """Leave every action to a later pass."""
        self.steps.extend(Step(action, Result.DEFERRED) for action in planned.actions)

    def _remember(self, planned: Plan) -> None:
        """Note what begins, if this function is the one that takes something out for it."""
        if not REMOVALS.isdisjoint(self._allowed):
            for note in planned.notes:
                self._records.note(planned.vpc_id, note)

    def _in_order(self, actions: Iterable[Action]) -> list[Action]:
        """Let the endpoint come first that the event wrote: its neighbour has its own event."""
        named = self._trigger.new_ids

        def urgency(action: Action) -> int:
            if not isinstance(action, WritePolicy):
                return 2
            return 0 if action.endpoint_id in named else 1

        return sorted(actions, key=urgency)

    def _with_group(self, action: Action) -> Action:
        """Put the id of the group just made where the plan could only hold a place for it."""
        if not isinstance(action, CreateEndpoint | AuthorizeClients | AttachSecurityGroup):
            return action
        made = [s for s in self.steps if s.action.kind is ActionKind.CREATE_SECURITY_GROUP]
        if action.group_id != PENDING_GROUP or not made or made[-1].resource_id is None:
            # Where making it failed, that of the other service is not it.
            return action
        return replace(action, group_id=made[-1].resource_id)

    def _may(self, action: Action) -> bool:
        if action.kind not in self._allowed:
            return False
        undone = {s.action.kind for s in self.steps if s.result in {Result.DEFERRED, Result.GONE}}
        if _precondition(action) in undone:
            return False
        if self._pauses(action):
            return False
        return action.kind not in ENDPOINT_WRITES or not self.written

    def _pauses(self, action: Action) -> bool:
        """Whether the repair waits for the sweep: its endpoint's breaker is open."""
        if self._trigger.is_sweep or action.kind is ActionKind.WRITE_POLICY or withdraws(action):
            return False
        return self._memory.breaks(getattr(action, "endpoint_id", None), self._begun)

    @property
    def written(self) -> list[Step]:
        """The endpoint write that the VPC has had, if any: its event brings the next one.

        Endpoint writes share 4 tokens refilled at 0.3 per second with the whole account. One that
        is only recorded brings no event, so all of them are told at once.
        """
        done = (s for s in self.steps if s.result is Result.APPLIED)
        return [step for step in done if step.action.kind in ENDPOINT_WRITES]

    def _apply(self, action: Action) -> Step:
        match action:
            case WritePolicy():
                return self._write_policy(action)
            case CreateEndpoint():
                applied = self._create(action)
            case DeleteEndpoint():
                applied = self._delete(action)
            case SetPrivateDns():
                applied = self._switch_name(action)
            case AttachSecurityGroup():
                self._note_group(action.group_id)
                applied = self._network.apply(action)
            case _:
                applied = self._network.apply(action)
        return Step(action, applied.result, applied.resource_id)

    def _switch_name(self, action: SetPrivateDns) -> Applied:
        try:
            return self._network.apply(action)
        except NameTakenError:
            self.names_taken.add(action.endpoint_id)
            raise

    def _write_policy(self, action: WritePolicy) -> Step:
        written, result = self.reverting.write(action, self._findings)
        return Step(written, result)

    def _create(self, action: CreateEndpoint) -> Applied:
        self.reverting.check(action.policy)
        self._note_group(action.group_id)
        begun = Creation(action.generation, self._begun)
        self._records.note_creation(action.vpc_id, action.service, begun)
        applied = self._network.apply(action)
        if applied.resource_id:
            try:
                self._records.note_endpoint(action.vpc_id, action.service, applied.resource_id)
            except GuardrailError as error:
                # It stands, and is told of; the next look finds and notes it.
                self.untidy = error
        return applied

    def _note_group(self, group_id: str) -> None:
        """Remember whose the group is before it has to do with an endpoint: tags can be changed."""
        if group_id not in self._memory.groups:
            self._records.note_group(self._vpc_id, group_id)

    def _delete(self, action: DeleteEndpoint) -> Applied:
        """Delete endpoints, remembering before that it is us: else it would seem a teardown."""
        by_service: dict[Service, set[str]] = {}
        for service, endpoint_id in action.endpoints:
            by_service.setdefault(service, set()).add(endpoint_id)
        for service, ids in by_service.items():
            made = self._memory.creations.get(service)
            generation = made.generation + 1 if made else 1
            self._records.note_leaving(action.vpc_id, service, frozenset(ids), generation)
        try:
            return self._network.apply(action)
        except RetryableError:
            # It may have happened, and is tried again.
            raise
        except GuardrailError:
            self._note_staying(action.vpc_id, by_service)
            raise

    def _note_staying(self, vpc_id: str, by_service: Mapping[Service, Collection[str]]) -> None:
        try:
            for service, ids in by_service.items():
                self._records.note_staying(vpc_id, service, frozenset(ids))
        except GuardrailError as error:
            # What EC2 said comes first.
            self.untidy = error


_REFUSED_WRITES = 2
"""How many endpoint writes that EC2 refuses a pass makes: they use the account's tokens up, too."""


def _is_held_up(action: Action, steps: Iterable[Step], errors: Collection[GuardrailError]) -> bool:
    """Whether a failure of this pass keeps an action from being tried."""
    if not errors or isinstance(action, WritePolicy):
        return False
    if any(isinstance(error, RetryableError) for error in errors):
        return True
    failed = [step.action for step in steps if step.result is Result.FAILED]
    writes = [a for a in failed if a.kind in ENDPOINT_WRITES and not isinstance(a, WritePolicy)]
    if action.kind in ENDPOINT_WRITES and len(writes) >= _REFUSED_WRITES:
        return True
    return any(_needs(action, other) for other in failed)


def _needs(action: Action, other: Action) -> bool:
    """Whether an action is impossible, or would cut clients off, without another that failed."""
    about = {getattr(action, name, None) for name in ("endpoint_id", "group_id")}
    match other:
        case RestoreTags():
            # No role may change what does not bear the tag.
            return other.resource_id in about.union(getattr(action, "endpoint_ids", ()))
        case CreateSecurityGroup():
            return PENDING_GROUP in about
        case AuthorizeClients():
            return other.group_id in about
        case EnableVpcDns():
            return isinstance(action, CreateEndpoint) or _gives_name(action)
        case DeleteEndpoint():
            # While it stands, its group and name are not to be had, nor is another in its place.
            services = {service for service, _ in other.endpoints}
            again = isinstance(action, CreateEndpoint) and action.service in services
            return again or _gives_name(action) or isinstance(action, DeleteSecurityGroup)
        case _:
            return False


def _gives_name(action: Action) -> bool:
    """Whether an endpoint that stands gets the service's name."""
    return isinstance(action, SetPrivateDns) and action.enabled


def _precondition(action: Action) -> ActionKind | None:
    """Return the kind of action without which this one cannot succeed."""
    if getattr(action, "group_id", None) == PENDING_GROUP:
        return ActionKind.CREATE_SECURITY_GROUP
    # EC2 refuses private DNS while the VPC's attributes are off.
    return ActionKind.ENABLE_VPC_DNS if action.kind is ActionKind.SET_PRIVATE_DNS else None

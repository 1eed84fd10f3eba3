"""What stands against a creation that is planned: calls and waiting that only creation costs.

It waits for quiet, is needless where somebody answers for the service's name, and has to wait for
EC2 to describe an endpoint that was made a moment ago. What cannot be asked raises: then nothing is
created, and the rest of the plan stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from guardrail.core.actions import Action, ActionKind, CreateEndpoint, EnableVpcDns, SetPrivateDns
from guardrail.core.memory import Central, VpcMemory
from guardrail.core.model import ObservedVpc, Plan
from guardrail.core.names import Service
from guardrail.core.reasons import Reason
from guardrail.core.trail import SETTLED, Trigger
from guardrail.errors import RetryableError

if TYPE_CHECKING:
    from guardrail.reconcile import Reconciler

_AWAITING = frozenset({Reason.SETTLING, Reason.WAITING_FOR_SUBNETS, Reason.WAITING_FOR_DNS})


@dataclass(frozen=True, slots=True)
class Weighing:
    """Of one VPC at the moment `now`.

    `settled` plans anew for a VPC that need not wait, `unsettled` for one that has to. `learn` is
    told who answers for a service's name; both heed it from then on.
    """

    reconciler: Reconciler
    trigger: Trigger
    vpc: ObservedVpc
    now: datetime
    settled: Callable[[], Plan]
    unsettled: Callable[[], Plan]
    learn: Callable[[Service, Central], None]

    def weighed(self, planned: Plan, memory: VpcMemory) -> Plan:
        """Return what of `planned` is due now."""
        if ActionKind.CREATE_ENDPOINT in self.reconciler.allowed:
            planned = self._when_quiet(planned, memory)
        elif self.reconciler.glances and creates(planned):
            # No event of its own may lead the function there that creates.
            self.reconciler.settling.push(self.vpc.vpc_id)
        self._refuse_blind(planned, memory)
        return planned

    def _when_quiet(self, planned: Plan, memory: VpcMemory) -> Plan:
        settling = self.reconciler.settling
        if self._awaits_quiet(planned):
            if not settling.push(self.vpc.vpc_id):
                planned = self.settled()
            elif not self.trigger.settled:
                return planned
        elif self.trigger.is_sweep and creates(planned) and settling.pending(self.vpc.vpc_id):
            return self.unsettled()
        return self._unless_central(planned, memory)

    def _awaits_quiet(self, planned: Plan) -> bool:
        awaited = {f.reason for f in planned.findings if f.endpoint_id is None} & _AWAITING
        if self.trigger.settled:
            # At the end of the pause something may still be going: another pause.
            return self.trigger.name == SETTLED and Reason.SETTLING in awaited
        return bool(awaited)

    def _unless_central(self, planned: Plan, memory: VpcMemory) -> Plan:
        """Plan anew where the VPC is served centrally; asked once a day at most."""
        served = False
        for service in self._to_ask(planned, memory):
            by = self._answered_by(service)
            self.learn(service, Central(by, self.now))
            served = served or by is not None
        return self.settled() if served else planned

    def _to_ask(self, planned: Plan, memory: VpcMemory) -> Iterator[Service]:
        """Yield services of which an endpoint is to be made, or to get a name that was taken."""
        services = {e.endpoint_id: e.service for e in self.vpc.endpoints}
        for action in planned.actions:
            if isinstance(action, CreateEndpoint) and not memory.is_asked(action.service, self.now):
                yield action.service
            if isinstance(action, SetPrivateDns) and action.enabled:
                service = services[action.endpoint_id]
                before = memory.central.get(service)
                if before and before.by:
                    yield service

    def _answered_by(self, service: Service) -> str | None:
        names = self.reconciler.network.offers()[service].dns_names
        return self.reconciler.resolution.answered_by(self.vpc.vpc_id, names)

    def _refuse_blind(self, planned: Plan, memory: VpcMemory) -> None:
        """Raise when an endpoint made a moment ago is not described yet: a second would follow."""
        described = {e.endpoint_id for e in self.vpc.endpoints}
        described |= {a.endpoint_id for a in self.vpc.absent}
        for action in planned.actions:
            made = memory.creations.get(getattr(action, "service", Service.STATES))
            if not isinstance(action, CreateEndpoint) or made is None:
                continue
            unseen = made.endpoint_ids - described - made.leaving
            if unseen and made.is_young(self.now):
                raise RetryableError(
                    f"{', '.join(sorted(unseen))} was made in {self.vpc.vpc_id} a moment ago and"
                    " EC2 does not describe it yet; the next attempt looks again"
                )


def creates(planned: Plan) -> bool:
    """Whether an endpoint is to be made."""
    return any(action.kind is ActionKind.CREATE_ENDPOINT for action in planned.actions)


def without_dns(planned: Plan) -> Plan:
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

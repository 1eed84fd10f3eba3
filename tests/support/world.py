"""A small world: fake ports and a reconciler over them."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

from guardrail.core.actions import REMOVALS, ActionKind
from guardrail.core.model import Intent, Mode
from guardrail.core.trail import LOOK_AGAIN, SETTLED, Trigger
from guardrail.core.wish import Wish, WishKind
from guardrail.errors import GuardrailError
from guardrail.observe import NoAgenda, ObservedEvidence, ObservedNetwork, ObservedRecords
from guardrail.ports import Agenda, Evidence, Network, Records
from guardrail.reconcile import Outcomes, Owner, Reconciler
from guardrail.report import Report
from guardrail.sweeping import Sweeper
from support.fakes import (
    ACCOUNT,
    BASELINE,
    STACK,
    Clock,
    FakeAgenda,
    FakeEvidence,
    FakeNetwork,
    FakeRecords,
    FakeResolution,
    FakeSettling,
)
from support.telling import Heard

ALICE = "arn:aws:iam::111122223333:user/alice"
EVERYTHING = frozenset(ActionKind)
ENDPOINT_CHANGE = frozenset(
    {
        ActionKind.WRITE_POLICY,
        ActionKind.ADD_SUBNETS,
        ActionKind.SET_PRIVATE_DNS,
        ActionKind.ATTACH_SECURITY_GROUP,
    }
)
VPC_CHANGE = EVERYTHING - REMOVALS - {ActionKind.WRITE_POLICY}
YIELDING = REMOVALS | {ActionKind.SET_PRIVATE_DNS}
"""What the functions may do; a test of the handlers holds these and theirs equal."""


@dataclass
class World:
    """Fake ports, and what the three functions do with them; `intent` may be replaced."""

    intent: Intent = field(default_factory=lambda: Intent(mode=Mode.ENFORCE))
    network: FakeNetwork = field(default_factory=FakeNetwork)
    records: FakeRecords = field(default_factory=FakeRecords)
    settling: FakeSettling = field(default_factory=FakeSettling)
    evidence: FakeEvidence = field(default_factory=FakeEvidence)
    agenda: FakeAgenda = field(default_factory=FakeAgenda)
    spacing: FakeAgenda = field(default_factory=FakeAgenda)
    resolution: FakeResolution = field(default_factory=FakeResolution)
    sweep_writes: int = 1_000
    seconds_left: float = 600.0
    clock: Clock = field(default_factory=Clock)
    errors: list[GuardrailError] = field(default_factory=list)
    heard: Heard = field(default_factory=Heard)
    untold: dict[str, str] = field(default_factory=dict)

    def vpc_change(self, vpc_id: str, name: str = "CreateSubnet") -> list[Report]:
        """VpcChange hears of a change of a VPC."""
        trigger = Trigger(name, frozenset({vpc_id}), event_time=self.clock(), settled=False)
        return self.run(trigger, EVERYTHING)

    def settled(self, vpc_id: str) -> list[Report]:
        """End the settling of a VPC, as its schedule does."""
        self.settling.paused.discard(vpc_id)
        return self.run(Trigger(SETTLED, frozenset({vpc_id})), EVERYTHING)

    def endpoint_change(
        self,
        endpoint_id: str,
        name: str = "ModifyVpcEndpoint",
        *,
        actor: str = ALICE,
        policy: str | None = None,
        at: datetime | None = None,
    ) -> list[Report]:
        """EndpointChange hears that alice gave an endpoint the policy that it has now.

        Or somebody else did, or another one, or earlier. Records carry no VPC id.
        """
        trigger = Trigger(
            name,
            frozenset(),
            frozenset({endpoint_id}),
            actor=actor,
            user_agent="aws-cli/2",
            event_id="event-1",
            event_time=at or self.clock(),
            settled=False,
            narrow=True,
            policy=policy or self._policy(endpoint_id),
        )
        return self.run(trigger, ENDPOINT_CHANGE)

    def _policy(self, endpoint_id: str) -> str | None:
        standing = (e for vpc in self.network.state.values() for e in vpc.endpoints)
        return next((e.policy for e in standing if e.endpoint_id == endpoint_id), None)

    def tears_down(self, vpc_id: str, *subnet_ids: str, at: datetime | None = None) -> list[Report]:
        """Let Yielding hear that alice could not delete the VPC, or one of its subnets."""
        tried = at or self.clock()
        wish = Wish(WishKind.TEARDOWN, frozenset(subnet_ids), ALICE, "event-2", tried)
        return self._wished("DeleteSubnet" if subnet_ids else "DeleteVpc", vpc_id, wish)

    def wants_endpoint(self, vpc_id: str, name: str = "states") -> list[Report]:
        """Let Yielding hear that alice could not have an endpoint with the service's name."""
        names = frozenset({f"{name}.us-east-1.amazonaws.com"})
        wish = Wish(WishKind.OWN_ENDPOINT, names, ALICE, "event-3", self.clock())
        return self._wished("CreateVpcEndpoint", vpc_id, wish)

    def looks_again(self, vpc_id: str) -> list[Report]:
        """Keep the appointment of a VPC."""
        self.clock.time = max(self.clock.time, self.agenda.appointments.pop(vpc_id))
        return self.run(Trigger(LOOK_AGAIN, frozenset({vpc_id})), YIELDING, yields=True)

    def reverts_later(self, vpc_id: str) -> list[Report]:
        """Keep the appointment of a VPC with an endpoint that is fought over."""
        self.clock.time = max(self.clock.time, self.spacing.appointments.pop(vpc_id))
        return self.run(Trigger(LOOK_AGAIN, frozenset({vpc_id})), ENDPOINT_CHANGE)

    def sweep(self) -> list[Report]:
        """Sweep runs on its schedule."""
        reconciler = self._reconciler(EVERYTHING, yields=False)
        return self._told(Sweeper(reconciler, self.sweep_writes, lambda: self.seconds_left).run())

    def run(
        self, trigger: Trigger, allowed: Collection[ActionKind], *, yields: bool = False
    ) -> list[Report]:
        """Run a function; errors are kept in `errors` besides."""
        reconciler = self._reconciler(allowed, yields=yields)
        if allowed == ENDPOINT_CHANGE:
            reconciler = replace(reconciler, spacing=self.spacing, glances=True)
        return self._told(reconciler.run(trigger))

    def _wished(self, name: str, vpc_id: str, wish: Wish) -> list[Report]:
        trigger = Trigger(
            name,
            frozenset({vpc_id}),
            actor=wish.actor,
            event_id=wish.event_id,
            event_time=wish.at,
            settled=False,
            wish=wish,
        )
        return self.run(trigger, YIELDING, yields=True)

    def _told(self, outcomes: Outcomes) -> list[Report]:
        results = list(outcomes)
        for report, error in results:
            json.dumps(report.fields(), default=str)  # as the log line is written
            self.untold.update(self.heard.herald(self.records, self.clock).tell(report, error))
        self.errors.extend(error for _, error in results if error)
        return [report for report, _ in results]

    def _reconciler(self, allowed: Collection[ActionKind], *, yields: bool) -> Reconciler:
        network: Network = self.network
        records: Records = self.records
        evidence: Evidence = self.evidence
        agenda: Agenda = self.agenda
        if self.intent.mode is Mode.OBSERVE:
            network, records = ObservedNetwork(network), ObservedRecords(records)
            agenda, evidence = NoAgenda(), ObservedEvidence(evidence)
        return Reconciler(
            network=network,
            records=records,
            evidence=evidence,
            settling=self.settling,
            resolution=self.resolution,
            owner=Owner(ACCOUNT, STACK, self.intent, BASELINE),
            allowed=allowed,
            now=self.clock,
            agenda=agenda if yields else None,
        )

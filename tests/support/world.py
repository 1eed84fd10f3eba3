"""A small world: fake ports and a reconciler over them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from guardrail.core.model import ActionKind, Intent, Mode
from guardrail.core.trail import SETTLED, SWEEP, Trigger
from guardrail.errors import GuardrailError
from guardrail.observe import ObservedNetwork, ObservedRecords
from guardrail.ports import Network, Records
from guardrail.reconcile import Owner, Reconciler
from guardrail.report import Report
from support.fakes import ACCOUNT, BASELINE, STACK, Clock, FakeNetwork, FakeRecords, FakeSettling

EVERYTHING = frozenset(ActionKind)
ENDPOINT_CHANGE = frozenset(
    {
        ActionKind.WRITE_POLICY,
        ActionKind.ADD_SUBNETS,
        ActionKind.SET_PRIVATE_DNS,
        ActionKind.ATTACH_SECURITY_GROUP,
    }
)
"""What EndpointChange may do; a test of the handlers holds the two equal."""


@dataclass
class World:
    """Fake ports, and what the three functions do with them; `intent` may be replaced."""

    intent: Intent = field(default_factory=lambda: Intent(mode=Mode.ENFORCE))
    network: FakeNetwork = field(default_factory=FakeNetwork)
    records: FakeRecords = field(default_factory=FakeRecords)
    settling: FakeSettling = field(default_factory=FakeSettling)
    clock: Clock = field(default_factory=Clock)
    errors: list[GuardrailError] = field(default_factory=list)

    def vpc_change(self, vpc_id: str, name: str = "CreateSubnet") -> list[Report]:
        """VpcChange hears of a change of a VPC."""
        trigger = Trigger(name, frozenset({vpc_id}), event_time=self.clock(), settled=False)
        return self.run(trigger, EVERYTHING)

    def settled(self, vpc_id: str) -> list[Report]:
        """End the settling of a VPC, as its schedule does."""
        self.settling.paused.discard(vpc_id)
        return self.run(Trigger(SETTLED, frozenset({vpc_id})), EVERYTHING)

    def endpoint_change(self, endpoint_id: str, name: str = "ModifyVpcEndpoint") -> list[Report]:
        """EndpointChange hears of a change of an endpoint; records carry no VPC id."""
        trigger = Trigger(
            name,
            frozenset(),
            frozenset({endpoint_id}),
            actor="arn:aws:iam::111122223333:user/alice",
            event_id="event-1",
            event_time=self.clock(),
            settled=False,
        )
        return self.run(trigger, ENDPOINT_CHANGE)

    def sweep(self) -> list[Report]:
        """Sweep runs on its schedule."""
        return self.run(SWEEP, EVERYTHING)

    def run(self, trigger: Trigger, allowed: Collection[ActionKind]) -> list[Report]:
        """Run a function; errors are kept in `errors` besides."""
        results = list(self._reconciler(allowed).run(trigger))
        self.errors.extend(error for _, error in results if error)
        return [report for report, _ in results]

    def _reconciler(self, allowed: Collection[ActionKind]) -> Reconciler:
        network: Network = self.network
        records: Records = self.records
        if self.intent.mode is Mode.OBSERVE:
            network, records = ObservedNetwork(network), ObservedRecords(records)
        owner = Owner(ACCOUNT, STACK, self.intent, BASELINE)
        return Reconciler(network, records, self.settling, owner, allowed, self.clock)

"""How the product is put together here: `handlers/application.py` on ports in memory.

The only module of the model that knows the product's classes besides the core's values.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from guardrail.aws.network import Ec2Network
from guardrail.aws.patience import Patience
from guardrail.baseline import render_baseline
from guardrail.core.model import Intent
from guardrail.core.trail import LOOK_AGAIN, SETTLED, SOURCE, Ignored, read_trigger
from guardrail.errors import GuardrailError, RetryableError
from guardrail.reconcile import Outcomes, Owner, Reconciler
from guardrail.report import Report
from guardrail.sweeping import Sweeper
from guardrail_sandbox import moto_endpoints
from model.region import ACCOUNT, Region
from model.rules import allowed
from model.timeline import Timeline
from support.memory import FakeEvidence, FakeRecords, FakeSettling

STACK = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/guardrail/1"
BASELINE = render_baseline(account=ACCOUNT)
SWEEPING, SETTLING, YIELDING, CLOSING = "Sweep", "VpcChange", "Yielding", "EndpointChange"
"""The functions that the three kinds of schedules invoke."""
IMPATIENT = Patience(lambda: 0.0, lambda _: None)
SETTLE_SECONDS = 300
EXEMPTION_TAG = "sfn-exempt"
SUBNET_TAG = ("endpoints", "yes")


class Settling(FakeSettling):
    """Pauses whose end is due on the timeline; `settled` is given the VPC that was quiet.

    Pushed on by each change, three times their length in all.
    """

    def __init__(self, timeline: Timeline, settled: Callable[[str], None]) -> None:
        super().__init__(enabled=True)
        self._timeline = timeline
        self._settled = settled
        self._pushed: dict[str, int] = {}
        self._since: dict[str, datetime] = {}

    def push(self, vpc_id: str) -> bool:
        """See `Settling.push`: an earlier end of the pause does not come any more."""
        now = self._timeline.clock.now()
        since = self._since.setdefault(vpc_id, now)
        left = 3 * SETTLE_SECONDS - (now - since).total_seconds()
        if left <= 0:
            return False
        number = self._pushed[vpc_id] = self._pushed.get(vpc_id, 0) + 1
        self._timeline.after(min(SETTLE_SECONDS, left), lambda: self._end(vpc_id, number))
        return super().push(vpc_id)

    def _end(self, vpc_id: str, number: int) -> None:
        if self._pushed[vpc_id] == number:
            self.paused.discard(vpc_id)
            self._since.pop(vpc_id, None)
            self._settled(vpc_id)


class Agenda:
    """Appointments that are due on the timeline; a later one replaces the VPC's former."""

    def __init__(self, timeline: Timeline, due: Callable[[str], None]) -> None:
        self._timeline = timeline
        self._due = due
        self._made: dict[str, int] = {}

    def look_again(self, vpc_id: str, at: datetime) -> None:
        """See `Agenda.look_again`."""
        number = self._made[vpc_id] = self._made.get(vpc_id, 0) + 1
        seconds = (at - self._timeline.clock.now()).total_seconds()
        self._timeline.after(max(0.0, seconds), lambda: self._keep(vpc_id, number))

    def _keep(self, vpc_id: str, number: int) -> None:
        if self._made[vpc_id] == number:
            self._due(vpc_id)


class Zones:
    """Private hosted zones alone answer for names here."""

    def answered_by(self, vpc_id: str, names: Collection[str]) -> str | None:
        """See `Resolution.answered_by`."""
        found = sorted(set(names) & set(moto_endpoints.private_zones(vpc_id)))
        return f"private hosted zone ({found[0]})" if found else None


class Product:
    """The guardrail's functions over one region; each has a network port of its own.

    `told` is given every report. What fails for good is counted in `dead_letters`.
    """

    def __init__(
        self,
        region: Region,
        timeline: Timeline,
        intent: Intent,
        scheduled: Callable[[str, dict[str, Any]], None],
        told: Callable[[str, Report], None],
    ) -> None:
        self._region = region
        self._timeline = timeline
        self._intent = intent
        self._told = told
        self._networks: dict[str, Ec2Network] = {}
        self.records, self.evidence = FakeRecords(), FakeEvidence()
        self.settling = Settling(
            timeline, lambda vpc_id: scheduled(SETTLING, _message(SETTLED, vpc_id))
        )
        self.agenda = Agenda(
            timeline, lambda vpc_id: scheduled(YIELDING, _message(LOOK_AGAIN, vpc_id))
        )
        self.spacing = Agenda(
            timeline, lambda vpc_id: scheduled(CLOSING, _message(LOOK_AGAIN, vpc_id))
        )
        self.dead_letters: list[str] = []

    def invoke(self, function: str, event: object) -> RetryableError | None:
        """Let a function handle an event; return why it should be tried again, if so."""
        errors: list[GuardrailError] = []
        try:
            for report, error in self._outcomes(function, event):
                self._told(function, report)
                errors.extend([error] if error else [])
        except GuardrailError as error:
            errors.append(error)
        self.dead_letters += [str(e) for e in errors if not isinstance(e, RetryableError)]
        return next((e for e in errors if isinstance(e, RetryableError)), None)

    def _outcomes(self, function: str, event: object) -> Outcomes:
        reconciler = self._reconciler(function)
        if function == SWEEPING:
            return Sweeper(reconciler, writes=60, seconds_left=lambda: 600.0).run()
        trigger = read_trigger(event)
        return iter(()) if isinstance(trigger, Ignored) else reconciler.run(trigger)

    def _reconciler(self, function: str) -> Reconciler:
        return Reconciler(
            network=self._network(function),
            records=self.records,
            evidence=self.evidence,
            settling=self.settling,
            resolution=Zones(),
            owner=Owner(ACCOUNT, STACK, self._intent, BASELINE),
            allowed=allowed(function),
            now=self._timeline.clock.now,
            agenda=self.agenda if function == YIELDING else None,
            spacing=self.spacing if function == CLOSING else None,
            glances=function == CLOSING,
        )

    def _network(self, function: str) -> Ec2Network:
        if function not in self._networks:
            self._networks[function] = Ec2Network(
                self._region.client(function),
                self._intent,
                account_id=ACCOUNT,
                stack_id=STACK,
                patience=IMPATIENT,
            )
        return self._networks[function]


def _message(kind: str, vpc_id: str) -> dict[str, Any]:
    return {"source": SOURCE, "detail-type": kind, "detail": {"vpcId": vpc_id}}

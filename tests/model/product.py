"""How the product is put together here: `handlers/bootstrap.py` without Lambda, on ports in memory.

The only module of the model that knows the product's classes besides the core's values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from guardrail.aws.network import Ec2Network
from guardrail.baseline import render_baseline
from guardrail.core.model import Intent
from guardrail.core.trail import SETTLED, SOURCE, SWEEP, Ignored, read_trigger
from guardrail.errors import GuardrailError, RetryableError
from guardrail.reconcile import Owner, Reconciler
from guardrail.report import Report
from model.region import ACCOUNT, Region
from model.rules import allowed
from model.timeline import Timeline
from support.memory import FakeRecords, FakeSettling

STACK = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/guardrail/1"
BASELINE = render_baseline(account=ACCOUNT)
SWEEPING, SETTLING = "Sweep", "VpcChange"
"""The functions that the two kinds of schedules invoke."""
SETTLE_SECONDS = 300
EXEMPTION_TAG = "sfn-exempt"
SUBNET_TAG = ("endpoints", "yes")


class Settling(FakeSettling):
    """Pauses whose end is due on the timeline; `settled` is given the VPC that was quiet."""

    def __init__(self, timeline: Timeline, settled: Callable[[str], None]) -> None:
        super().__init__(enabled=True)
        self._timeline = timeline
        self._settled = settled
        self._pushed: dict[str, int] = {}

    def push(self, vpc_id: str) -> bool:
        """See `Settling.push`: an earlier end of the pause does not come any more."""
        number = self._pushed[vpc_id] = self._pushed.get(vpc_id, 0) + 1
        self._timeline.after(SETTLE_SECONDS, lambda: self._end(vpc_id, number))
        return super().push(vpc_id)

    def _end(self, vpc_id: str, number: int) -> None:
        if self._pushed[vpc_id] == number:
            self.paused.discard(vpc_id)
            self._settled(vpc_id)


class Product:
    """The guardrail's functions over one region; each has a network port of its own.

    `told` is given every report. What fails for good is counted in `dead_letters`.
    """

    def __init__(
        self,
        region: Region,
        timeline: Timeline,
        intent: Intent,
        settled: Callable[[dict[str, Any]], None],
        told: Callable[[str, Report], None],
    ) -> None:
        self._region = region
        self._timeline = timeline
        self._intent = intent
        self._told = told
        self._networks: dict[str, Ec2Network] = {}
        self.records = FakeRecords()
        self.settling = Settling(timeline, lambda vpc_id: settled(_settled_event(vpc_id)))
        self.dead_letters: list[str] = []

    def invoke(self, function: str, event: object) -> RetryableError | None:
        """Let a function handle an event; return why it should be tried again, if so."""
        trigger = SWEEP if function == SWEEPING else read_trigger(event)
        if isinstance(trigger, Ignored):
            return None
        errors: list[GuardrailError] = []
        try:
            for report, error in self._reconciler(function).run(trigger):
                self._told(function, report)
                errors.extend([error] if error else [])
        except GuardrailError as error:
            errors.append(error)
        self.dead_letters += [str(e) for e in errors if not isinstance(e, RetryableError)]
        return next((e for e in errors if isinstance(e, RetryableError)), None)

    def _reconciler(self, function: str) -> Reconciler:
        owner = Owner(ACCOUNT, STACK, self._intent, BASELINE)
        return Reconciler(
            self._network(function),
            self.records,
            self.settling,
            owner,
            allowed(function),
            self._timeline.clock.now,
        )

    def _network(self, function: str) -> Ec2Network:
        if function not in self._networks:
            self._networks[function] = Ec2Network(
                self._region.client(function), self._intent, account_id=ACCOUNT, stack_id=STACK
            )
        return self._networks[function]


def _settled_event(vpc_id: str) -> dict[str, Any]:
    return {"source": SOURCE, "detail-type": SETTLED, "detail": {"vpcId": vpc_id}}

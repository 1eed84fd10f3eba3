"""Playing a sequence: owner, events, functions and sweeps on one timeline, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from guardrail.errors import RetryableError
from guardrail.report import Report
from guardrail_sandbox.moto_endpoints import private_zones
from model import writes
from model.asides import unasked
from model.attributes import hears_of_dns
from model.case import Case, Step
from model.delivery import Courier, Fate
from model.desired import Fault, World
from model.owner import ACTS, Blocked, Deletion, Owner, Touch
from model.product import SWEEPING, Product
from model.region import Region
from model.snapshot import Snapshot, take
from model.timeline import BEGIN, Timeline
from model.watch import Watch, Write
from model.yields import haste, impatience

HOUR = 3600.0
QUIET = 2 * HOUR
"""Longer than every pause and yield of the guardrail's."""
MOST_INVOCATIONS = 3000


class RestlessError(AssertionError):
    """The guardrail does not come to rest."""


@dataclass(frozen=True)
class Played:
    """What came of a sequence; `acts` tells which of the owner's steps found something to do."""

    faults: list[Fault]
    misdeeds: list[Fault]
    wasted: list[Write]
    writes: list[Write]
    touches: list[Touch]
    deletions: list[Deletion]
    blocked: list[Blocked]
    acts: tuple[bool, ...]
    calls: int
    invocations: int
    dead_letters: list[str]
    story: list[str]

    @property
    def spent(self) -> int:
        """How many endpoint writes it took."""
        return sum(write.spends for write in self.writes)

    @property
    def history(self) -> list[tuple[str, str | None]]:
        """What the owner did, and with what result."""
        return [(touch.action, touch.code) for touch in self.touches]


def play(case: Case) -> Played:
    """Play a sequence to its end: quiet, one sweep, quiet."""
    return _Play(case).run()


def perfect(case: Case) -> Case:
    """Return the same sequence with every event delivered at once, once and in order."""
    return replace(case, fates=())


class _Play:
    def __init__(self, case: Case) -> None:
        self._case = case
        self._story: list[str] = []
        self._invocations = 0
        self._done: list[bool] = []
        self._open = True
        self._timeline = Timeline()
        self._courier = Courier(self._timeline, case.fates, self._invoke, self._tell)
        self._watch = Watch(self._timeline, self._tell)
        self._region = Region(self._timeline, self._courier.publish, self._watch.around)
        self._watch.look = lambda: self._region.backend
        self._product = Product(
            self._region, self._timeline, case.intent, self._scheduled, self._report
        )
        self._owner = Owner(self._region, self._timeline, self._watch.made, self._tell, self._sweep)
        self._courier.handled = self._owner.hears

    def run(self) -> Played:
        self._timeline.after(HOUR / 2, self._sweep_regularly)
        moment = 0.0
        for step in self._case.steps:
            moment += step.after
            self._timeline.after(moment, lambda step=step: self._act(step))  # type: ignore[misc]
        self._timeline.run(moment)
        self._open = False
        self._timeline.finish()
        self._timeline.run(QUIET)
        self._timeline.finish()
        self._tell("everything is quiet; one sweep follows")
        self._courier.perfect()
        self._sweep()
        self._timeline.finish()
        return self._judged()

    def _act(self, step: Step) -> None:
        self._done.append(ACTS[step.act](self._owner, step.which, step.how))

    def _sweep(self) -> None:
        self._courier.send(SWEEPING, {}, "its schedule")

    def _sweep_regularly(self) -> None:
        if self._open:
            self._sweep()
            self._timeline.after(HOUR * self._case.sweep_hours, self._sweep_regularly)

    def _scheduled(self, function: str, event: dict[str, object]) -> None:
        self._courier.send(function, event, f"the schedule's '{event['detail-type']}'")

    def _invoke(self, function: str, event: object, fate: Fate) -> RetryableError | None:
        self._invocations += 1
        if self._invocations > MOST_INVOCATIONS:
            raise RestlessError("\n".join(self._story[-60:]))
        with self._watch.invocation(fate):
            return self._product.invoke(function, event)

    def _report(self, function: str, report: Report) -> None:
        found = ", ".join(str(f.reason) for f in report.findings) or "in order"
        did = ", ".join(f"{s.action.kind} {s.result}" for s in report.steps)
        told = f"{function}: {report.vpc_id}: {found}" + (f"; {did}" if did else "")
        self._tell(told + (f"; {report.error}" if report.error else ""))

    def _tell(self, text: str) -> None:
        passed = timedelta(seconds=round(self._timeline.seconds))
        self._story.append(f"{passed!s:>18}  {text}")

    def _world(self, state: Snapshot, at: float) -> World:
        today = (BEGIN + timedelta(seconds=at)).date()
        central = frozenset(
            (vpc_id, name.partition(".")[0])
            for vpc_id in state.vpcs
            for name in private_zones(vpc_id)
        )
        made, intent = frozenset(self._watch.made), self._case.intent
        return World(state, made, intent, today, central, self._unheard(state))

    def _unheard(self, state: Snapshot) -> frozenset[str]:
        """Return the VPCs whose DNS attributes may be off unnoticed: an event may be lost."""
        lossy, touches = bool(self._case.fates), self._owner.touches
        return frozenset(i for i in state.vpcs if lossy or not hears_of_dns(i, touches))

    def _judged(self) -> Played:
        end = self._world(take(self._region.backend), self._timeline.seconds)
        ours: set[tuple[str, object]] = set()
        return Played(
            faults=end.faults(),
            misdeeds=[
                *(
                    fault
                    for write in self._watch.writes
                    for fault in writes.misdeeds(write, self._watch.made, ours, self._case.intent)
                ),
                *impatience(self._watch.writes, self._owner.deletions),
                *haste(self._watch.writes, self._owner.deletions),
                *unasked(self._watch.writes, self._owner.touches, self._watch.made),
            ],
            wasted=writes.wasted(self._watch.writes, self._owner.touches, self._world),
            writes=self._watch.writes,
            touches=self._owner.touches,
            deletions=self._owner.deletions,
            blocked=self._owner.blocked,
            acts=tuple(self._done),
            calls=self._watch.calls,
            invocations=self._invocations,
            dead_letters=self._product.dead_letters,
            story=self._story,
        )

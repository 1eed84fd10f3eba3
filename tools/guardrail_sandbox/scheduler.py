"""EventBridge Scheduler: fires the schedules that moto only stores.

One-off `at()` schedules fire when their time has come, `rate()` schedules at once and then by
their rate, `cron()` schedules at their times (AWS: EventBridge Scheduler user guide, "Schedule
types": without a start date a recurring schedule begins right away). Flexible time windows are
not waited for: a person is.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from guardrail_sandbox.clock import Clock, RealClock
from guardrail_sandbox.cron import Cron

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_POLL_SECONDS = 0.02
_UNIT_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A stored schedule, as far as firing it needs."""

    group: str
    name: str
    expression: str
    timezone: str
    enabled: bool
    delete_after: bool
    version: float
    target: dict[str, Any]
    arn: str = ""

    @property
    def at(self) -> datetime | None:
        """When a one-off schedule is due; None for a recurring one."""
        if not self.expression.startswith("at("):
            return None
        local = datetime.fromisoformat(self.expression[3:-1])
        return local.replace(tzinfo=ZoneInfo(self.timezone)).astimezone(UTC)

    @property
    def every_seconds(self) -> int | None:
        """Period of a rate; None for other expressions."""
        match = _RATE.fullmatch(self.expression)
        return int(match[1]) * _UNIT_SECONDS[match[2]] if match else None

    def due(self, seen: datetime, last: datetime | None) -> datetime | None:
        """Return when it fires next; `seen` is since when it is stored, `last` when it fired."""
        if self.at is not None:
            return self.at if last is None else None
        if self.every_seconds is not None:
            return seen if last is None else last + timedelta(seconds=self.every_seconds)
        return Cron.parse(self.expression, self.timezone).next_after(last or seen)


_Key = tuple[str, str, str, float]


class Schedules(Protocol):
    """The schedules as deployed and as functions create them."""

    def all(self) -> Iterable[Schedule]:
        """Return every stored schedule."""

    def delete(self, schedule: Schedule) -> bool:
        """Delete unless it was changed since it was read; tell whether it is gone."""


class Scheduler:
    """Looks at the schedules and hands what is due to `fire(schedule, due, payload)`."""

    def __init__(
        self,
        schedules: Schedules,
        fire: Callable[[Schedule, datetime, bytes], None],
        clock: Clock | None = None,
    ) -> None:
        self._schedules = schedules
        self._fire = fire
        self._clock = clock or RealClock()
        self._seen: dict[_Key, datetime] = {}
        self._fired: dict[_Key, datetime] = {}
        self._firing = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="sandbox-scheduler", daemon=True)

    def start(self) -> None:
        """Begin to look, in real time: functions make schedules at any moment."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    @property
    def pending(self) -> int:
        """How many schedules are due or, if they fire once and time passes by itself, will be."""
        dues, now = self._dues(), self._clock.now()
        return self._firing + sum(
            due <= now or (schedule.at is not None and self._clock.comes(self._monotonic(due)))
            for schedule, due in dues
        )

    @property
    def next_due(self) -> float | None:
        """When the next schedule is due, in the clock's monotonic seconds; None without any."""
        return min((self._monotonic(due) for _, due in self._dues()), default=None)

    def _loop(self) -> None:
        while not self._stop.wait(_POLL_SECONDS):
            for schedule, due in self._dues():
                if due <= self._clock.now():
                    self._firing = True
                    self._run(schedule, due)
                    self._firing = False

    def _dues(self) -> list[tuple[Schedule, datetime]]:
        """Return the enabled schedules that will fire, each with the moment."""
        found = []
        for schedule in self._schedules.all():
            key = _key(schedule)
            seen = self._seen.setdefault(key, self._clock.now())
            due = schedule.due(seen, self._fired.get(key)) if schedule.enabled else None
            if due is not None:
                found.append((schedule, due))
        return found

    def _monotonic(self, moment: datetime) -> float:
        return self._clock.monotonic() + (moment - self._clock.now()).total_seconds()

    def _run(self, schedule: Schedule, due: datetime) -> None:
        one_off = schedule.at is not None
        if one_off and schedule.delete_after and not self._schedules.delete(schedule):
            return
        payload = schedule.target.get("Input") or json.dumps({})
        self._fired[_key(schedule)] = self._clock.now()
        self._fire(schedule, due, payload.encode())


def _key(schedule: Schedule) -> _Key:
    version = schedule.version if schedule.at is not None else 0.0
    return (schedule.group, schedule.name, schedule.expression, version)

"""EventBridge Scheduler: fires the schedules that moto only stores.

One-off `at()` schedules fire when their time has come, `rate()` schedules at once and then by
their rate (AWS: EventBridge Scheduler user guide, "Schedule types": without a start date a
recurring schedule begins right away). Flexible time windows are not waited for: a person is.
"""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_POLL_SECONDS = 0.1
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

    @property
    def at(self) -> datetime | None:
        """When a one-off schedule is due; None for a recurring one."""
        if not self.expression.startswith("at("):
            return None
        local = datetime.fromisoformat(self.expression[3:-1])
        return local.replace(tzinfo=ZoneInfo(self.timezone)).astimezone(UTC)

    @property
    def every_seconds(self) -> int | None:
        """Period of a rate; None for other expressions (cron is not supported here)."""
        match = _RATE.fullmatch(self.expression)
        return int(match[1]) * _UNIT_SECONDS[match[2]] if match else None


class Schedules(Protocol):
    """The schedules as deployed and as functions create them."""

    def all(self) -> Iterable[Schedule]:
        """Return every stored schedule."""

    def delete(self, schedule: Schedule) -> bool:
        """Delete unless it was changed since it was read; tell whether it is gone."""


class Scheduler:
    """Polls the schedules and hands what is due to `fire(target, payload)`."""

    def __init__(self, schedules: Schedules, fire: Callable[[dict[str, Any], bytes], None]) -> None:
        self._schedules = schedules
        self._fire = fire
        self._fired: dict[tuple[str, str, str, float], float] = {}
        self._firing = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="sandbox-scheduler", daemon=True)

    def start(self) -> None:
        """Begin to poll."""
        self._thread.start()

    def close(self) -> None:
        """Stop polling."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    @property
    def pending(self) -> int:
        """How many schedules have not fired yet: one-off ones, and rates just created."""
        return self._firing + sum(
            s.enabled and _key(s) not in self._fired
            for s in self._schedules.all()
            if s.at is not None or s.every_seconds is not None
        )

    def _loop(self) -> None:
        while not self._stop.wait(_POLL_SECONDS):
            for schedule in list(self._schedules.all()):
                if schedule.enabled and self._due(schedule):
                    self._firing = True
                    self._run(schedule)
                    self._firing = False

    def _due(self, schedule: Schedule) -> bool:
        last = self._fired.get(_key(schedule))
        if schedule.at is not None:
            return last is None and schedule.at <= datetime.now(UTC)
        if schedule.every_seconds is None:
            return False
        return last is None or time.monotonic() - last >= schedule.every_seconds

    def _run(self, schedule: Schedule) -> None:
        one_off = schedule.at is not None
        if one_off and schedule.delete_after and not self._schedules.delete(schedule):
            return
        payload = schedule.target.get("Input") or json.dumps({})
        self._fire(schedule.target, payload.encode())
        self._fired[_key(schedule)] = time.monotonic()


def _key(schedule: Schedule) -> tuple[str, str, str, float]:
    version = schedule.version if schedule.at is not None else 0.0
    return (schedule.group, schedule.name, schedule.expression, version)

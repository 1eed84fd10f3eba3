"""The time that the local AWS goes by: the machine's own, or one that a test drives.

Whatever waits asks the clock, so that "one minute later" costs a test nothing. The functions
are processes of their own and are told the driven time with each invocation; only their
time-outs go by the machine's.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What everything that knows of time is given. `monotonic` counts seconds and never jumps."""

    def now(self) -> datetime:
        """Return the present moment in UTC, aware of its zone."""

    def monotonic(self) -> float:
        """Return seconds since some fixed moment, for measuring how long something took."""

    def comes(self, moment: float) -> bool:
        """Tell whether this moment (of `monotonic`) is reached without anybody's doing."""

    def wait(self, condition: threading.Condition, until: float | None) -> None:
        """Wait for a notification or until this moment (of `monotonic`), whichever is first.

        The caller holds `condition`, as for its own `wait`, and checks afterwards what happened:
        it may return early.
        """


class RealClock:
    """The machine's time."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()

    def comes(self, moment: float) -> bool:
        """Every moment comes."""
        del moment
        return True

    def wait(self, condition: threading.Condition, until: float | None) -> None:
        """Wait in real time."""
        condition.wait(None if until is None else until - time.monotonic())


class DrivenClock:
    """A time that stands still until `advance` is called.

    It starts at `start` (aware of its zone; default: now).
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._start = start or datetime.now(UTC)
        self._elapsed = 0.0
        self._lock = threading.Lock()
        self._waiting: list[threading.Condition] = []

    def now(self) -> datetime:
        """Return the moment that the clock was driven to."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Return the seconds that it was driven."""
        return self._elapsed

    def comes(self, moment: float) -> bool:
        """Only the past comes by itself."""
        return moment <= self._elapsed

    def advance(self, seconds: float) -> None:
        """Move on, and wake whoever waits; what is due fires on the threads of those."""
        if seconds < 0:
            raise ValueError(f"a clock does not go back: advance({seconds})")
        with self._lock:
            self._elapsed += seconds
            woken = list(self._waiting)
        for condition in woken:
            with condition:
                condition.notify_all()

    def wait(self, condition: threading.Condition, until: float | None) -> None:
        """Wait until notified or driven there."""
        # Under the lock, so that no `advance` falls between the look and the wait.
        with self._lock:
            if until is not None and until <= self._elapsed:
                return
            self._waiting.append(condition)
        try:
            condition.wait()
        finally:
            with self._lock:
                self._waiting.remove(condition)


def standing(clock: Clock | None) -> float | None:
    """Return the moment at which a driven clock stands, since the epoch; None where time runs."""
    return clock.now().timestamp() if isinstance(clock, DrivenClock) else None

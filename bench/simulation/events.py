"""Discrete events on a clock of its own: API calls under token buckets, and one processor.

Not run by itself. Nothing is drawn at random and nothing waits, so a run is repeated exactly.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import NamedTuple


class Limit(NamedTuple):
    """A throttle: tokens at most, and how many come back a second."""

    size: float
    refill: float


class Call(NamedTuple):
    """One API call: whose tokens (`scope`) of which limit it takes, and its seconds on the wire."""

    api: str
    scope: object
    limit: Limit
    seconds: float


class Work(NamedTuple):
    """Seconds of the one processor, which everybody in the simulation shares."""

    seconds: float


Process = Generator[Call | Work | float, None, None]
"""What runs: yields calls, work, or seconds to wait, and goes on when that is over."""


@dataclass(slots=True)
class Bucket:
    """A token bucket whose takers queue: what is owed is the time until it has come back."""

    limit: Limit
    tokens: float
    at: float = 0.0

    def granted(self, now: float) -> float:
        """Take one token; return the moment from which it may be used."""
        back = (now - self.at) * self.limit.refill
        self.tokens = min(self.limit.size, self.tokens + back) - 1
        self.at = now
        return now - min(0.0, self.tokens) / self.limit.refill


@dataclass(slots=True)
class Simulation:
    """Runs processes in the order of their moments; counts calls, and seconds spent for tokens."""

    now: float = 0.0
    calls: Counter[str] = field(default_factory=Counter)
    throttled: float = 0.0
    _due: list[tuple[float, int, Process]] = field(default_factory=list)
    _buckets: dict[tuple[str, object], Bucket] = field(default_factory=dict)
    _number: int = 0
    _processor_free: float = 0.0

    def start(self, process: Process) -> None:
        """Begin `process` now."""
        self._go_on(process, self.now)

    def run(self) -> None:
        """Run until no process is left."""
        while self._due:
            self.now, _, process = heapq.heappop(self._due)
            wanted = next(process, None)
            if wanted is not None:
                self._go_on(process, self._done(wanted))

    def _go_on(self, process: Process, at: float) -> None:
        # The number keeps the order of those that are due at one moment.
        self._number += 1
        heapq.heappush(self._due, (at, self._number, process))

    def _done(self, wanted: Call | Work | float) -> float:
        if isinstance(wanted, Call):
            return self._answered(wanted)
        if isinstance(wanted, Work):
            self._processor_free = max(self.now, self._processor_free) + wanted.seconds
            return self._processor_free
        return self.now + wanted

    def _answered(self, call: Call) -> float:
        self.calls[call.api] += 1
        key = call.api, call.scope
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(call.limit, call.limit.size, self.now)
        granted = bucket.granted(self.now)
        self.throttled += granted - self.now
        return granted + call.seconds

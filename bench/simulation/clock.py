"""The time of one caller that does one thing after the other, as a roll-out does.

Not run by itself.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from simulation.events import Bucket, Call


@dataclass(slots=True)
class Clock:
    """Seconds that have passed, and the calls that were made, by name."""

    now: float = 0.0
    calls: Counter[str] = field(default_factory=Counter)
    _buckets: dict[tuple[str, object], Bucket] = field(default_factory=dict)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def call(self, call: Call) -> None:
        """Wait for a token, and for the answer."""
        self.calls[call.api] += 1
        key = call.api, call.scope
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(call.limit, call.limit.size, self.now)
        self.now = bucket.granted(self.now) + call.seconds

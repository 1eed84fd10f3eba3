"""What happens when: one queue of moments for the owner, the events, the schedules and retries."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime

from guardrail_sandbox.clock import DrivenClock

BEGIN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Timeline:
    """Drives the clock from one due moment to the next, in seconds since `BEGIN`.

    What is due may itself let time pass (`run`): then the rest of the world goes on meanwhile,
    which is how a slow function meets changes made between its look and its write.
    """

    def __init__(self) -> None:
        self.clock = DrivenClock(BEGIN)
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    @property
    def seconds(self) -> float:
        """The present moment."""
        return self.clock.monotonic()

    @property
    def idle(self) -> bool:
        """Whether nothing is due any more."""
        return not self._due

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Let something happen that much later; what is due together happens in order."""
        heapq.heappush(self._due, (self.seconds + seconds, next(self._order), do))

    def run(self, seconds: float) -> None:
        """Let time pass, and what is due in it happen."""
        end = self.seconds + seconds
        while self._due and self._due[0][0] <= end:
            self._next()
        self._advance(end)

    def finish(self) -> None:
        """Let everything happen that is due, and whatever follows from it."""
        while self._due:
            self._next()

    def _next(self) -> None:
        due, _, do = heapq.heappop(self._due)
        self._advance(due)
        do()

    def _advance(self, moment: float) -> None:
        # What happened before may have taken longer than until then.
        self.clock.advance(max(0.0, moment - self.seconds))

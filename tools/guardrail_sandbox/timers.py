"""Work that is due later: delayed deliveries and retries, on one thread.

Knows how much is still waiting, so that the sandbox can tell whether it has settled.
"""

from __future__ import annotations

import heapq
import itertools
import sys
import threading
import traceback
from typing import TYPE_CHECKING

from guardrail_sandbox.clock import Clock, RealClock

if TYPE_CHECKING:
    from collections.abc import Callable

_Entry = tuple[float, int, "Callable[[], None]"]


class Timers:
    """Runs callables after a delay; a callable that is running still counts as pending."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or RealClock()
        self._heap: list[_Entry] = []
        self._order = itertools.count()
        self._wake = threading.Condition()
        self._running = 0
        self._closed = False
        self._thread = threading.Thread(target=self._loop, name="sandbox-timers", daemon=True)
        self._thread.start()

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Run `call` on the timer thread, `seconds` from now (0: as soon as possible)."""
        with self._wake:
            entry = (self._clock.monotonic() + seconds, next(self._order), call)
            heapq.heappush(self._heap, entry)
            self._wake.notify_all()

    @property
    def pending(self) -> int:
        """How many calls wait or run; not those that wait for somebody to drive the clock."""
        with self._wake:
            return self._running + sum(self._clock.comes(due) for due, _, _ in self._heap)

    @property
    def next_due(self) -> float | None:
        """When the next call is due, in the clock's monotonic seconds; None when none waits."""
        with self._wake:
            return self._heap[0][0] if self._heap else None

    def close(self) -> None:
        """Drop what waits and end the thread."""
        with self._wake:
            self._closed = True
            self._heap.clear()
            self._wake.notify_all()
        self._thread.join(timeout=2)

    def _loop(self) -> None:
        while (call := self._next_due()) is not None:
            try:
                call()
            except Exception:  # noqa: BLE001  one failing call must not stop the clock for all others
                traceback.print_exc(file=sys.stderr)
            finally:
                with self._wake:
                    self._running -= 1

    def _next_due(self) -> Callable[[], None] | None:
        with self._wake:
            while not self._closed:
                due = self._heap[0][0] if self._heap else None
                if due is not None and due <= self._clock.monotonic():
                    self._running += 1
                    return heapq.heappop(self._heap)[2]
                self._clock.wait(self._wake, due)
            return None

"""Work that is due later: delayed deliveries and retries, on one thread.

Knows how much is still waiting, so that the sandbox can tell whether it has settled.
"""

from __future__ import annotations

import heapq
import itertools
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_Entry = tuple[float, int, "Callable[[], None]"]


class Timers:
    """Runs callables after a delay; a callable that is running still counts as pending."""

    def __init__(self) -> None:
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
            entry = (time.monotonic() + seconds, next(self._order), call)
            heapq.heappush(self._heap, entry)
            self._wake.notify()

    @property
    def pending(self) -> int:
        """How many calls wait or run."""
        with self._wake:
            return len(self._heap) + self._running

    def close(self) -> None:
        """Drop what waits and end the thread."""
        with self._wake:
            self._closed = True
            self._heap.clear()
            self._wake.notify()
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
                wait = self._heap[0][0] - time.monotonic() if self._heap else None
                if wait is not None and wait <= 0:
                    self._running += 1
                    return heapq.heappop(self._heap)[2]
                self._wake.wait(wait)
            return None

"""What happened in a sandbox: CloudTrail records and what the functions wrote, as it came.

Listeners are told of each entry from the thread on which it arose.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from guardrail_sandbox.clock import RealClock

_LAST_LINES = 200


@dataclass(frozen=True, slots=True)
class Recorded:
    """A mutating EC2 call, successful or not; `by_guardrail` tells whose it was."""

    record: dict[str, Any]
    by_guardrail: bool
    at: datetime = field(default_factory=RealClock().now)

    @property
    def failed(self) -> bool:
        """Whether EC2 refused the call."""
        return "errorCode" in self.record

    @property
    def dry_run(self) -> bool:
        """Whether the call was only tried, which ends as a failed one."""
        return self.record.get("errorCode") == "Client.DryRunOperation"


@dataclass(frozen=True, slots=True)
class Logged:
    """A structured log line of a function (metrics are kept apart)."""

    function: str
    fields: dict[str, Any]
    at: datetime = field(default_factory=RealClock().now)


@dataclass(frozen=True, slots=True)
class Buried:
    """A message that went to a dead-letter queue."""

    queue: str
    body: dict[str, Any]
    attributes: dict[str, str]
    at: datetime = field(default_factory=RealClock().now)


Entry = Recorded | Logged | Buried
Listener = Callable[[Entry], None]


class Journal:
    """Keeps entries in order of arrival."""

    def __init__(
        self, listener: Listener | None = None, now: Callable[[], datetime] | None = None
    ) -> None:
        self._listener = listener
        self.now = now or RealClock().now
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._metrics: list[dict[str, Any]] = []
        self._lines: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=_LAST_LINES))

    def add(self, entry: Entry) -> None:
        """Keep an entry and tell the listener."""
        with self._lock:
            self._entries.append(entry)
        if self._listener is not None:
            self._listener(entry)

    def add_line(self, function: str, line: str) -> None:
        """Keep a line that a function wrote; a structured one becomes an entry."""
        with self._lock:
            self._lines[function].append(line)
        fields = _parsed(line)
        if fields is None:
            return
        if "_aws" in fields:
            with self._lock:
                self._metrics.append(fields)
        else:
            self.add(Logged(function, fields, self.now()))

    def recorded(self) -> list[Recorded]:
        """Return the CloudTrail records so far."""
        with self._lock:
            return [entry for entry in self._entries if isinstance(entry, Recorded)]

    def logged(self) -> list[Logged]:
        """Return the structured log lines so far."""
        with self._lock:
            return [entry for entry in self._entries if isinstance(entry, Logged)]

    def metrics(self) -> list[dict[str, Any]]:
        """Return the embedded metrics so far."""
        with self._lock:
            return list(self._metrics)

    def last_lines(self, count: int = 8) -> list[str]:
        """Return the last lines of each function, structured or not, for a report of a failure."""
        with self._lock:
            return [
                f"{function}: {line}"
                for function, lines in self._lines.items()
                for line in list(lines)[-count:]
            ]


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        parsed = json.loads(line)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None

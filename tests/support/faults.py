"""What goes wrong, and when: a clock that tests drive, failures, the end of a process."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from guardrail.errors import RetryableError


class Clock:
    """A clock that tests drive."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the time."""
        return self.time

    def advance(self, **duration: float) -> None:
        """Let time pass; takes what `timedelta` takes."""
        self.time += timedelta(**duration)


class Crash(BaseException):
    """The function's process ends here; nothing of it runs on."""


@dataclass
class Faults:
    """Make the call number `at` (from 0) fail before or after its effect."""

    at: int | None = None
    after_effect: bool = False
    error: BaseException = field(default_factory=lambda: RetryableError("throttled"))
    calls: int = 0

    def before(self) -> None:
        """Count a call; fail before its effect if it is the one."""
        self.calls += 1
        if self.calls - 1 == self.at and not self.after_effect:
            raise self.error

    def after(self) -> None:
        """Fail after the effect if this call is the one."""
        if self.calls - 1 == self.at and self.after_effect:
            raise self.error

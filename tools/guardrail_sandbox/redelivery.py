"""Delivery to a target again and again, as its retry policy says, and then to the queue.

Common to rules and schedules. AWS: EventBridge user guide, "How EventBridge retries delivering
events" (24 hours, 185 times, exponential back-off), EventBridge Scheduler API reference,
RetryPolicy (the same defaults). What no attempt can mend, a missing target or permission, is
given up at once. Inferred: the waits, which are not published; doubling up to eight minutes makes
185 attempts in 24 hours. There is no jitter here, so that a test sees the same each time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from guardrail_sandbox.clock import Clock
    from guardrail_sandbox.timers import Timers

Waits = Callable[[int], float]
"""Seconds before the retry with this number, counted from 1."""


def aws_waits(retry: int) -> float:
    """Return the waits as on AWS: doubling from a second, at most eight minutes."""
    return min(2.0 ** (retry - 1), 480.0)


def short_waits(retry: int) -> float:
    """Return waits for real time, in which nobody wants to wait: at most a second."""
    return min(0.1 * 2.0 ** (retry - 1), 1.0)


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """Why a target refused, and whether that may change by itself.

    The codes of rules are those of EventBridge's dead-letter messages (AWS: EventBridge user
    guide, "Using dead-letter queues to process undelivered events").
    """

    code: str
    message: str
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and for how long a delivery is tried again."""

    attempts: int = 185
    seconds: int = 86_400

    @classmethod
    def of(cls, properties: Mapping[str, Any] | None) -> RetryPolicy:
        """Read a RetryPolicy of the API; what it leaves out has the default."""
        given, default = properties or {}, cls()
        return cls(
            attempts=int(given.get("MaximumRetryAttempts", default.attempts)),
            seconds=int(given.get("MaximumEventAgeInSeconds", default.seconds)),
        )


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A delivery that failed for good; `exhausted` names the limit, None when not retried."""

    refused: Undeliverable
    retries: int
    exhausted: str | None

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes that rules and schedules give their dead-letter messages alike."""
        condition = {"EXHAUSTED_RETRY_CONDITION": self.exhausted} if self.exhausted else {}
        return {
            "ERROR_CODE": self.refused.code,
            "ERROR_MESSAGE": self.refused.message,
            "RETRY_ATTEMPTS": str(self.retries),
            **condition,
        }


class Redelivery:
    """Tries deliveries on the timer thread."""

    def __init__(self, timers: Timers, clock: Clock, waits: Waits = short_waits) -> None:
        self._timers = timers
        self._clock = clock
        self._waits = waits

    def deliver(
        self,
        attempt: Callable[[], Undeliverable | None],
        policy: RetryPolicy,
        give_up: Callable[[GivenUp], None],
    ) -> None:
        """Try now and as the policy says; `give_up` is told once when all was in vain."""
        began = self._clock.monotonic()

        def attempted(retries: int) -> None:
            refused = attempt()
            if refused is None:
                return None
            wait = self._waits(retries + 1)
            age = self._clock.monotonic() + wait - began
            if not refused.retryable:
                return give_up(GivenUp(refused, retries, None))
            if retries >= policy.attempts:
                return give_up(GivenUp(refused, retries, "MaximumRetryAttempts"))
            if age > policy.seconds:
                return give_up(GivenUp(refused, retries, "MaximumEventAgeInSeconds"))
            return self._timers.after(wait, lambda: attempted(retries + 1))

        attempted(0)

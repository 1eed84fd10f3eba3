"""How often a delivery is tried again, and when it is given up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from toy import eventually

from guardrail_sandbox.clock import DrivenClock
from guardrail_sandbox.redelivery import GivenUp, Redelivery, RetryPolicy, Undeliverable, aws_waits
from guardrail_sandbox.timers import Timers

THROTTLED = Undeliverable("THROTTLING", "slow down", retryable=True)
NOT_THERE = Undeliverable("NO_RESOURCE", "gone")


class Target:
    """Refuses until it has nothing left to refuse with."""

    def __init__(self, *refusals: Undeliverable) -> None:
        self.refusals = list(refusals)
        self.tried_at: list[float] = []
        self.given_up: list[GivenUp] = []
        self.clock = DrivenClock(datetime(2026, 3, 1, tzinfo=UTC))
        self.timers = Timers(self.clock)

    def attempt(self) -> Undeliverable | None:
        """Take one delivery or refuse it."""
        self.tried_at.append(self.clock.monotonic())
        return self.refusals.pop(0) if self.refusals else None

    def deliver(self, policy: RetryPolicy) -> None:
        """Let a delivery run its whole course."""
        Redelivery(self.timers, self.clock, aws_waits).deliver(
            self.attempt, policy, self.given_up.append
        )
        while (due := self.timers.next_due) is not None:
            self.clock.advance(due - self.clock.monotonic())
            assert eventually(lambda: self.timers.pending == 0)
        self.timers.close()


def test_a_target_that_takes_it_is_tried_once() -> None:
    """Nothing is given up."""
    target = Target()
    target.deliver(RetryPolicy())
    assert (target.tried_at, target.given_up) == ([0.0], [])


def test_a_throttled_delivery_is_tried_later_and_later() -> None:
    """The waits double from one second."""
    target = Target(THROTTLED, THROTTLED, THROTTLED)
    target.deliver(RetryPolicy())
    assert (target.tried_at, target.given_up) == ([0.0, 1.0, 3.0, 7.0], [])


def test_what_no_retry_can_mend_is_given_up_at_once() -> None:
    """A missing target or permission."""
    target = Target(NOT_THERE)
    target.deliver(RetryPolicy())
    assert target.given_up == [GivenUp(NOT_THERE, 0, None)]
    assert "EXHAUSTED_RETRY_CONDITION" not in target.given_up[0].attributes


@pytest.mark.parametrize("attempts", [0, 2])
def test_a_policy_limits_the_attempts(attempts: int) -> None:
    """The message says which limit it was and how many retries there were."""
    target = Target(*[THROTTLED] * 9)
    target.deliver(RetryPolicy(attempts=attempts))
    assert len(target.tried_at) == attempts + 1
    assert target.given_up[0].attributes == {
        "ERROR_CODE": "THROTTLING",
        "ERROR_MESSAGE": "slow down",
        "RETRY_ATTEMPTS": str(attempts),
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
    }


def test_a_policy_limits_the_age() -> None:
    """No retry begins later than that."""
    target = Target(*[THROTTLED] * 99)
    target.deliver(RetryPolicy(seconds=60))
    assert target.tried_at[-1] == 31.0
    assert target.given_up[0].exhausted == "MaximumEventAgeInSeconds"


def test_the_default_takes_about_a_day() -> None:
    """24 hours and 185 attempts belong together."""
    target = Target(*[THROTTLED] * 999)
    target.deliver(RetryPolicy())
    assert 23 * 3600 < target.tried_at[-1] <= 24 * 3600
    assert 180 <= len(target.tried_at) <= 186


def test_a_policy_is_read_as_the_api_writes_it() -> None:
    """What is left out has AWS's default."""
    assert RetryPolicy.of(None) == RetryPolicy(185, 86_400)
    assert RetryPolicy.of({"MaximumRetryAttempts": 3}) == RetryPolicy(3, 86_400)
    assert RetryPolicy.of({"MaximumEventAgeInSeconds": "60"}) == RetryPolicy(185, 60)

"""The two clocks, and that what waits goes by the one it is given."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from toy import eventually

from guardrail_sandbox.clock import DrivenClock, RealClock
from guardrail_sandbox.timers import Timers

START = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_driven_clock_stands_still() -> None:
    """Both views of it move by what it is advanced, and by nothing else."""
    clock = DrivenClock(START)
    assert (clock.now(), clock.monotonic()) == (START, 0.0)
    clock.advance(90)
    assert (clock.now(), clock.monotonic()) == (START + timedelta(seconds=90), 90.0)


def test_a_clock_does_not_go_back() -> None:
    """A negative step is a slip in a test."""
    with pytest.raises(ValueError, match="does not go back"):
        DrivenClock(START).advance(-1)


def test_only_the_past_comes_by_itself_on_a_driven_clock() -> None:
    """On the real one every moment does."""
    clock = DrivenClock(START)
    clock.advance(5)
    assert (clock.comes(5), clock.comes(6)) == (True, False)
    assert RealClock().comes(RealClock().monotonic() + 3600)


def test_a_wait_for_the_past_returns_at_once() -> None:
    """Nobody has to wake it."""
    condition, clock = threading.Condition(), DrivenClock(START)
    with condition:
        clock.wait(condition, 0.0)


def test_a_timer_fires_when_the_clock_is_driven_there() -> None:
    """An hour costs nothing, and one second less is too early."""
    clock, fired = DrivenClock(START), list[datetime]()
    timers = Timers(clock)
    timers.after(3600, lambda: fired.append(clock.now()))
    clock.advance(3599)
    assert (timers.pending, timers.next_due, fired) == (0, 3600.0, [])
    clock.advance(1)
    assert eventually(lambda: fired == [START + timedelta(hours=1)])
    timers.close()


def test_a_timer_for_now_needs_no_driving() -> None:
    """What is due at once is done at once, on a clock that stands still as well."""
    fired: list[str] = []
    timers = Timers(DrivenClock(START))
    timers.after(0, lambda: fired.append("now"))
    assert eventually(lambda: fired == ["now"])
    timers.close()


def test_timers_on_the_real_clock_wait_for_their_time() -> None:
    """What waits counts as pending there, because it will come."""
    timers = Timers()
    timers.after(3600, lambda: None)
    assert timers.pending == 1
    timers.close()

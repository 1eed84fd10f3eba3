"""When schedules fire."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from toy import eventually

from guardrail_sandbox.scheduler import Schedule, Scheduler


def schedule(expression: str, **changes: Any) -> Schedule:
    """Return an enabled schedule that goes after it fired."""
    fields: dict[str, Any] = {
        "group": "default",
        "name": "one",
        "expression": expression,
        "timezone": "UTC",
        "enabled": True,
        "delete_after": True,
        "version": 1.0,
        "target": {"Arn": "arn:toy", "Input": '{"a": 1}'},
    }
    return Schedule(**(fields | changes))


class Stored:
    """Schedules in a list."""

    def __init__(self, *schedules: Schedule) -> None:
        self.schedules = list(schedules)

    def all(self) -> Iterable[Schedule]:
        """Return every schedule."""
        return list(self.schedules)

    def delete(self, found: Schedule) -> bool:
        """Delete a schedule that is still the same."""
        if found not in self.schedules:
            return False
        self.schedules.remove(found)
        return True


def fired_by(stored: Stored, count: int) -> list[bytes]:
    """Run a scheduler until it fired this often and is quiet."""
    fired: list[bytes] = []
    scheduler = Scheduler(stored, lambda *given: fired.append(given[-1]))
    scheduler.start()
    assert eventually(lambda: len(fired) >= count)
    scheduler.close()
    return fired


def in_seconds(seconds: float) -> str:
    """Return a one-off expression."""
    return f"at({datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S})"


def test_a_due_one_off_fires_once_and_is_deleted() -> None:
    """Its input is the payload."""
    stored = Stored(schedule(in_seconds(-5)))
    assert fired_by(stored, 1) == [b'{"a": 1}']
    assert stored.schedules == []


def test_a_one_off_that_stays_does_not_fire_again() -> None:
    """Without ActionAfterCompletion the schedule remains and is done."""
    stored = Stored(
        schedule(in_seconds(-5), delete_after=False), schedule("rate(1 hour)", name="b")
    )
    assert len(fired_by(stored, 2)) == 2
    assert len(stored.schedules) == 2


@pytest.mark.parametrize(
    "waiting",
    [
        schedule(in_seconds(3600)),
        schedule(in_seconds(-5), enabled=False),
        schedule("cron(0 3 1 1 ? 2199)"),
    ],
    ids=["future", "disabled", "cron"],
)
def test_what_is_not_due_does_not_fire(waiting: Schedule) -> None:
    """Something else fires meanwhile, this does not."""
    stored = Stored(waiting, schedule(in_seconds(-5), name="other", target={"Arn": "other"}))
    assert fired_by(stored, 1) == [b"{}"]


def test_a_time_zone_is_honoured() -> None:
    """The same clock time is earlier in the east."""
    tokyo = schedule("at(2026-06-01T09:00:00)", timezone="Asia/Tokyo")
    assert tokyo.at == datetime(2026, 6, 1, 0, 0, tzinfo=UTC)


def test_pending_counts_what_has_not_fired() -> None:
    """A future one-off and a rate that has not run yet are in flight, a cron is not."""
    stored = Stored(
        schedule(in_seconds(3600)),
        schedule("rate(5 minutes)", name="b"),
        schedule("cron(0 3 * * ? *)", name="c"),
    )
    assert Scheduler(stored, lambda *_: None).pending == 2


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [("rate(1 minute)", 60), ("rate(2 hours)", 7200), ("rate(3 days)", 259_200), ("cron(x)", None)],
)
def test_rates_are_read(expression: str, seconds: int | None) -> None:
    """Minutes, hours and days, in both numbers."""
    assert schedule(expression).every_seconds == seconds

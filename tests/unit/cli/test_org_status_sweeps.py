"""When status says that a stack does not sweep."""

from __future__ import annotations

from datetime import timedelta

import pytest

from guardrail_cli.org.periods import patience
from support.told_stacks import Account, plain, row

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def test_a_young_stack_has_not_swept_yet() -> None:
    """Its schedule was made with it, or changed with its last update."""
    account = Account(swept=None, changed=timedelta(minutes=5))
    for found in (row(account, "CURRENT", "SUCCEEDED"), plain(account)):
        assert (found.fine, found.late, found.note) == (True, "", "it has not swept yet")
        assert "it has not swept yet" in found.line()


@pytest.mark.parametrize("changed", [timedelta(hours=25), None])
def test_a_stack_that_never_swept_for_too_long_is_told(changed: timedelta | None) -> None:
    """Counted from its last update, or from when it was made."""
    found = row(Account(swept=None, changed=changed), "CURRENT", "SUCCEEDED")
    assert not found.fine
    assert "no sweep for over a day: see its schedule and the function Sweep" in found.line()


@pytest.mark.parametrize(
    ("schedule", "swept", "told"),
    [
        ("rate(1 hour)", 23 * HOUR, ""),
        ("rate(1 hour)", 25 * HOUR, "over a day:"),
        ("rate(2 days)", 3 * DAY, ""),
        ("rate(2 days)", 5 * DAY, "over 4 days:"),
        ("rate(18 hours)", 37 * HOUR, "over 36 hours:"),
        ("cron(0 3 * * ? *)", 25 * HOUR, ""),
        ("cron(0 3 * * ? *)", 49 * HOUR, "over 2 days:"),
    ],
)
def test_a_stack_may_be_late_by_two_periods(schedule: str, swept: timedelta, told: str) -> None:
    """And by a day at least, as its alarm counts."""
    found = row(Account(swept=swept, schedule=schedule), "CURRENT", "SUCCEEDED")
    assert found.fine == (not told)
    assert told in found.late


@pytest.mark.parametrize(
    ("schedule", "limit"),
    [
        ("", DAY),
        ("rate(1 minute)", DAY),
        ("rate(13 hours)", 26 * HOUR),
        ("rate(1 day)", 2 * DAY),
        ("rate(99999999999999999999 days)", 2 * 10**8 * DAY),
        ("cron(0 * * * ? *)", DAY),
        ("cron(0 0/6 * * ? *)", DAY),
        ("cron(0 3,15 * * ? *)", DAY),
        ("cron(0 3 * * ? *)", 2 * DAY),
        ("cron(0 3 ? * MON-FRI *)", 14 * DAY),
        ("cron(0 3 ? * MON#1 *)", 62 * DAY),
        ("cron(0 3 ? * 6L *)", 62 * DAY),
        ("cron(0 3 1 * ? *)", 62 * DAY),
        ("cron(0 3 1 1,7 ? *)", 732 * DAY),
    ],
)
def test_a_period_is_that_of_the_schedule(schedule: str, limit: timedelta) -> None:
    """A cron expression counts by the widest of what it names, and is not computed."""
    assert patience(schedule) == limit

"""When cron expressions of EventBridge Scheduler fire."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from guardrail_sandbox.cron import Cron

FROM = datetime(2026, 1, 1, tzinfo=UTC)
"""A Thursday."""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(0 3 * * ? *)", "2026-01-01T03:00"),
        ("cron(0/15 * * * ? *)", "2026-01-01T00:15"),
        ("cron(5,35 14 * * ? *)", "2026-01-01T14:05"),
        ("cron(0 10 ? * MON-FRI *)", "2026-01-01T10:00"),
        ("cron(0 10 ? * 2 *)", "2026-01-05T10:00"),
        ("cron(0 10 ? * SAT-SUN *)", "2026-01-03T10:00"),
        ("cron(0 0 1 * ? *)", "2026-02-01T00:00"),
        ("cron(0 0 L * ? *)", "2026-01-31T00:00"),
        ("cron(0 0 3W * ? *)", "2026-01-02T00:00"),
        ("cron(0 0 1W FEB ? *)", "2026-02-02T00:00"),
        ("cron(0 0 LW JAN ? *)", "2026-01-30T00:00"),
        ("cron(0 0 ? * 6#3 *)", "2026-01-16T00:00"),
        ("cron(0 0 ? * FRIL *)", "2026-01-30T00:00"),
        ("cron(0 0 ? * L *)", "2026-01-03T00:00"),
        ("cron(0 12 29 2 ? *)", "2028-02-29T12:00"),
        ("cron(0 0 1 6 ? 2027)", "2027-06-01T00:00"),
    ],
)
def test_the_next_time_is_found(expression: str, expected: str) -> None:
    """Fields, names, steps and the letters L, W and # mean what the user guide says."""
    found = Cron.parse(expression).next_after(FROM)
    assert found is not None
    assert found.strftime("%Y-%m-%dT%H:%M") == expected


def test_the_next_time_is_later_than_the_last() -> None:
    """A schedule does not fire twice for the same minute."""
    daily = Cron.parse("cron(0 3 * * ? *)")
    first = daily.next_after(FROM)
    assert first is not None
    assert daily.next_after(first) == datetime(2026, 1, 2, 3, tzinfo=UTC)


def test_times_are_those_of_the_zone() -> None:
    """Nine o'clock in Tokyo is midnight in UTC."""
    found = Cron.parse("cron(0 9 * * ? *)", "Asia/Tokyo").next_after(FROM)
    assert found == datetime(2026, 1, 2, tzinfo=UTC)


def test_a_year_that_is_over_never_comes() -> None:
    """There is no next time then."""
    assert Cron.parse("cron(0 0 1 1 ? 2025)").next_after(FROM) is None


@pytest.mark.parametrize(
    "expression",
    [
        "cron(0 3 * * *)",
        "rate(1 day)",
        "cron(0 3 * * * *)",
        "cron(61 3 * * ? *)",
        "cron(a 3 * * ? *)",
    ],
)
def test_what_is_no_cron_expression_is_said(expression: str) -> None:
    """Too few fields, both day fields, numbers out of range, words."""
    with pytest.raises(ValueError, match=r".+"):
        Cron.parse(expression)

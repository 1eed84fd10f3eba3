"""How long a stack may go without a sweep, from its parameter `SweepSchedule`.

When a cron expression is due is not computed: it counts by the longest of what it names.
"""

from __future__ import annotations

import re
from datetime import timedelta

DAY = timedelta(days=1)
_LONGEST = 10**8
"""The template takes any number of digits, and Python counts up to 10**9 days."""

_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": DAY}


def patience(schedule: str) -> timedelta:
    """Return after how long without a sweep somebody has to look: two periods, a day at least."""
    return max(DAY, 2 * _period(schedule))


def _period(schedule: str) -> timedelta:
    if rate := re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", schedule):
        return min(int(rate[1]), _LONGEST) * _UNITS[rate[2]]
    if cron := re.fullmatch(r"cron\((.+)\)", schedule):
        return _of_cron(cron[1].split())
    return timedelta()


def _of_cron(fields: list[str]) -> timedelta:
    """Return a day, a week, a month or a year: whichever the narrowest of the fields comes in.

    The fields are minutes, hours, day of month, month, day of week, and year. Source: Amazon
    EventBridge Scheduler user guide, "Schedule types in EventBridge Scheduler".
    """
    _, hours, days, months, weekdays, *_ = [*fields, *"******"]
    if months != "*":
        return 366 * DAY
    if days not in {"*", "?"} or "#" in weekdays or "L" in weekdays:
        return 31 * DAY
    if weekdays not in {"*", "?"}:
        return 7 * DAY
    return DAY if hours.isdigit() else DAY / 2

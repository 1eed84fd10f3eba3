"""AWS's cron expressions: six fields, `minutes hours day-of-month month day-of-week year`.

AWS: EventBridge Scheduler user guide, "Schedule types", "Cron-based schedules": days of the
week count from 1 (Sunday), one of the two day fields is `?`, and days know `L`, `W` and `#`.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXPRESSION = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_MONTHS = {name.upper(): n for n, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name.upper(): (n + 1) % 7 + 1 for n, name in enumerate(calendar.day_abbr)}
_LOOK_AHEAD_DAYS = 366 * 8
"""Far enough for a 29 February; what is later than that does not happen here."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression; moments are found in `zone`."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    day_of_month: str
    months: frozenset[int]
    day_of_week: str
    years: frozenset[int]
    zone: ZoneInfo

    @classmethod
    def parse(cls, expression: str, timezone: str = "UTC") -> Cron:
        """Read an expression; raise ValueError when it is none."""
        match = _EXPRESSION.fullmatch(expression.strip())
        if match is None:
            raise ValueError(f"not a cron expression of six fields: {expression}")
        minutes, hours, day, month, weekday, year = match.groups()
        if "?" not in {day, weekday}:
            raise ValueError(f"one of the two day fields must be `?`: {expression}")
        return cls(
            minutes=tuple(sorted(_numbers(minutes, 0, 59))),
            hours=tuple(sorted(_numbers(hours, 0, 23))),
            day_of_month=day,
            months=frozenset(_numbers(month, 1, 12, _MONTHS)),
            day_of_week=weekday,
            years=frozenset(_numbers(year, 1970, 2199)),
            zone=ZoneInfo(timezone),
        )

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first matching minute after `moment`, in UTC; None when there is none soon."""
        local = moment.astimezone(self.zone)
        for offset in range(_LOOK_AHEAD_DAYS):
            day = local.date() + timedelta(days=offset)
            if not self._on(day):
                continue
            for found in self._times(day):
                if found > moment:
                    return found
        return None

    def _times(self, day: date) -> Iterator[datetime]:
        for hour in self.hours:
            for minute in self.minutes:
                local = datetime.combine(day, time(hour, minute), self.zone)
                yield local.astimezone(UTC)

    def _on(self, day: date) -> bool:
        if day.year not in self.years or day.month not in self.months:
            return False
        if self.day_of_month != "?":
            return _is_day_of_month(day, self.day_of_month)
        return _is_day_of_week(day, self.day_of_week)


def _is_day_of_month(day: date, field: str) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    if field == "L":
        return day.day == last
    if field.endswith("W"):
        wanted = last if field == "LW" else int(field[:-1])
        return day == _nearest_weekday(day.replace(day=min(wanted, last)), last)
    return day.day in _numbers(field, 1, 31)


def _nearest_weekday(day: date, last: int) -> date:
    """Return the working day nearest to a date, without leaving its month."""
    if day.weekday() == calendar.SATURDAY:
        return day + timedelta(days=-1 if day.day > 1 else 2)
    if day.weekday() == calendar.SUNDAY:
        return day + timedelta(days=1 if day.day < last else -2)
    return day


def _is_day_of_week(day: date, field: str) -> bool:
    number = day.isoweekday() % 7 + 1
    if "#" in field:
        wanted, _, occurrence = field.partition("#")
        return number == _number(wanted, _DAYS) and (day.day - 1) // 7 + 1 == int(occurrence)
    if field == "L":
        return number == _DAYS["SAT"]
    if field.endswith("L"):
        last = calendar.monthrange(day.year, day.month)[1]
        return number == _number(field[:-1], _DAYS) and day.day + 7 > last
    return number in _numbers(field, 1, 7, _DAYS)


def _numbers(field: str, low: int, high: int, names: dict[str, int] | None = None) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, last = _span(span, low, high, names or {}, open_end=bool(step))
        if not low <= first <= high or not low <= last <= high:
            raise ValueError(f"{part} is outside of {low} to {high}")
        every = int(step) if step else 1
        # A range may run over the end: FRI-MON.
        width = (last - first) % (high - low + 1)
        found.update(low + (first - low + n) % (high - low + 1) for n in range(0, width + 1, every))
    return found


def _span(
    span: str, low: int, high: int, names: dict[str, int], *, open_end: bool
) -> tuple[int, int]:
    if span in {"*", "?"}:
        return low, high
    first, separator, last = span.partition("-")
    if separator:
        return _number(first, names), _number(last, names)
    return _number(first, names), high if open_end else _number(first, names)


def _number(text: str, names: dict[str, int]) -> int:
    return names[text.upper()] if text.upper() in names else int(text)

"""When permissions are tried, and that a sweep which does not try reports what is known."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from guardrail.core.trials import Trial, Write, own_hour
from guardrail.errors import RetryableError
from guardrail.permissions import Permissions, Try

MIDNIGHT = datetime(2026, 11, 26, tzinfo=UTC)
HOUR = timedelta(hours=1)
OWN = 5
DENIED = "the role may not modify vpce-1"
NOT_SEEN = "the role's permissions cannot be looked at: throttled"


@dataclass
class Stack:
    """A stack that sweeps; `answers` are EC2's to each write, `tried` the moments of its trials."""

    answers: dict[Write, str | None] = field(
        default_factory=lambda: dict[Write, str | None]({Write.MODIFY: "", Write.CREATE: ""})
    )
    now: datetime = MIDNIGHT
    broken: bool = False
    known: Trial | None = None
    swept: datetime | None = None
    tried: list[datetime] = field(default_factory=list)

    def sweep(self, at: datetime) -> list[str]:
        """Sweep; return what is missing."""
        self.now = at
        permissions = Permissions(self._possible, OWN, lambda: self.now)
        self.known = permissions.looked_at(self.known, self.swept)
        self.swept = at
        return self.known.missing if self.known else []

    def sweep_every(self, period: timedelta, days: int) -> None:
        """Sweep so long, from midnight on."""
        for number in range(days * timedelta(days=1) // period):
            self.sweep(MIDNIGHT + number * period)

    def _possible(self) -> dict[Write, Try]:
        return {write: self._try_of(write) for write in self.answers}

    def _try_of(self, write: Write) -> Try:
        def tried() -> str | None:
            if self.now not in self.tried:
                self.tried.append(self.now)
            if self.broken:
                raise RetryableError("throttled")
            return self.answers[write]

        return tried


def test_the_hour_of_an_account_is_always_the_same_and_they_are_spread() -> None:
    """Written out, since another hash would move every stack; a thousand accounts fill the day."""
    assert own_hour("111122223333", "eu-west-1") == 6
    assert own_hour("111122223333", "us-east-1") == 23
    hours = Counter(own_hour(f"{number:012}", "eu-west-1") for number in range(1000))
    assert set(hours) == set(range(24))
    assert max(hours.values()) < 2 * 1000 / 24


def test_hourly_sweeps_try_once_a_day_in_the_hour_of_the_account() -> None:
    """The first sweep tries at once; from then on it is that hour, however all were deployed."""
    stack = Stack()
    stack.sweep_every(HOUR, days=4)
    hours = [(moment - MIDNIGHT) // HOUR for moment in stack.tried]
    assert hours == [0, OWN, 24 + OWN, 48 + OWN, 72 + OWN]


def test_sweeps_that_come_late_and_early_try_about_once_a_day() -> None:
    """The window of the schedule may put two into one hour, and none into another."""
    stack = Stack()
    for number in range(24 * 20):
        stack.sweep(MIDNIGHT + number * HOUR + number * 37 % 60 * timedelta(minutes=1))
    gaps = [b - a for a, b in zip(stack.tried, stack.tried[1:], strict=False)]
    assert len(stack.tried) <= 22
    assert max(gaps) < 26 * HOUR


@pytest.mark.parametrize(
    ("period", "most"), [(3 * HOUR, 2), (8 * HOUR, 2), (24 * HOUR, 1), (36 * HOUR, 1)]
)
def test_rare_sweeps_try_once_a_day_too(period: timedelta, most: int) -> None:
    """Or in each sweep, whether or not one ever comes in the hour of the account."""
    stack = Stack()
    stack.sweep_every(period, days=12)
    gaps = [b - a for a, b in zip(stack.tried, stack.tried[1:], strict=False)]
    assert max(gaps) <= max(24 * HOUR, period)
    assert len(stack.tried) <= most * 12


def test_a_daily_sweep_that_comes_early_tries_as_well() -> None:
    """The window of the schedule moves it by minutes."""
    stack = Stack()
    for day in range(4):
        stack.sweep(MIDNIGHT + day * 24 * HOUR - day * timedelta(minutes=10))
    assert len(stack.tried) == 4


def test_what_is_denied_is_tried_and_told_by_every_sweep_until_it_is_mended() -> None:
    """A mended permission clears within the next sweep."""
    stack = Stack({Write.MODIFY: DENIED, Write.CREATE: ""})
    assert [stack.sweep(MIDNIGHT + n * HOUR) for n in range(3)] == [[DENIED]] * 3
    stack.answers[Write.MODIFY] = ""
    assert stack.sweep(MIDNIGHT + 3 * HOUR) == []
    stack.sweep(MIDNIGHT + 4 * HOUR)
    assert len(stack.tried) == 4


def test_an_answer_that_tells_nothing_keeps_a_denial_and_is_asked_for_again() -> None:
    """A throttled dry run is no permission, neither given nor taken."""
    stack = Stack({Write.MODIFY: DENIED, Write.CREATE: None})
    stack.sweep(MIDNIGHT)
    stack.answers = {Write.MODIFY: None, Write.CREATE: ""}
    assert stack.sweep(MIDNIGHT + HOUR) == [DENIED]
    stack.answers = {Write.MODIFY: "", Write.CREATE: None}
    assert stack.sweep(MIDNIGHT + 2 * HOUR) == []
    stack.sweep(MIDNIGHT + 3 * HOUR)
    assert len(stack.tried) == 4


def test_an_old_permission_does_not_count_when_ec2_does_not_answer_any_more() -> None:
    """What was allowed yesterday is not known today."""
    stack = Stack()
    stack.sweep(MIDNIGHT)
    stack.answers = {Write.MODIFY: None, Write.CREATE: None}
    stack.sweep(MIDNIGHT + 24 * HOUR)
    assert stack.known == Trial(MIDNIGHT + 24 * HOUR, {})


def test_what_could_not_be_looked_at_is_told_beside_what_is_known() -> None:
    """And looked at again by the next sweep."""
    stack = Stack({Write.MODIFY: DENIED}, broken=True)
    assert stack.sweep(MIDNIGHT) == [NOT_SEEN]
    stack.broken = False
    assert stack.sweep(MIDNIGHT + HOUR) == [DENIED]
    stack.broken = True
    assert stack.sweep(MIDNIGHT + 2 * HOUR) == [DENIED, NOT_SEEN]
    stack.broken = False
    stack.answers = {Write.MODIFY: ""}
    assert stack.sweep(MIDNIGHT + 3 * HOUR) == []


def test_the_first_endpoint_is_tried_when_it_is_there() -> None:
    """A trial without it told nothing about modifying."""
    stack = Stack({Write.CREATE: ""})
    stack.sweep(MIDNIGHT)
    stack.answers = {Write.CREATE: "", Write.MODIFY: DENIED}
    assert stack.sweep(MIDNIGHT + HOUR) == [DENIED]


def test_where_nothing_can_be_tried_what_is_known_holds_for_a_day() -> None:
    """A sweep that failed to look sees no endpoint; without any, none is needed."""
    stack = Stack({Write.MODIFY: DENIED})
    stack.sweep(MIDNIGHT)
    stack.answers = {}
    told = [bool(stack.sweep(MIDNIGHT + n * HOUR)) for n in range(1, 25)]
    assert told == [True] * 23 + [False]

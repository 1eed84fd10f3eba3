"""Taking out what deleted stacks left: endpoints first, and their groups when those are gone.

Every round looks at what is there and does the next step. So nothing has to be remembered, and an
interrupted command goes on with its first round.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from guardrail_cli.org.model import Place
from guardrail_cli.org.operations import Screen

ROUND_SECONDS, FIRST_SECONDS = 10.0, 2.0
"""Between two rounds at most, and after the first: deleting an endpoint takes minutes on AWS."""

STILL = 60
"""Rounds without any change after which it is given up: ten minutes."""


@dataclass(frozen=True, slots=True)
class Left:
    """What stacks made and left in one account and region: ids, or why that is not known.

    The first three are what is to be taken out; `going_ids` are endpoints that are being deleted.
    `unproven_ids` are tagged, and no table says that a stack made them, be it that one cannot be
    read (`doubt`). They are to be taken out only if they stand among the others, too. A problem
    that is `passing` may be gone in the next round: a throttle, or a group that its endpoint has
    not let go of yet.
    """

    account: str
    region: str
    endpoint_ids: tuple[str, ...] = ()
    going_ids: tuple[str, ...] = ()
    group_ids: tuple[str, ...] = ()
    unproven_ids: tuple[str, ...] = ()
    doubt: str = ""
    problem: str = ""
    passing: bool = False

    @property
    def place(self) -> Place:
        """Account and region."""
        return self.account, self.region

    @property
    def ids(self) -> tuple[str, ...]:
        """All that is to be taken out."""
        return *self.endpoint_ids, *self.going_ids, *self.group_ids

    @property
    def done(self) -> bool:
        """Whether it is known that nothing is to be taken out."""
        return not self.ids and not self.problem

    @property
    def nothing(self) -> bool:
        """Whether it is known that nothing is left."""
        return self.done and not self.unproven_ids

    @property
    def unproven(self) -> str:
        """What is not proven, and why if that is known; empty if there is nothing of that."""
        why = f" ({self.doubt})" if self.doubt else ""
        listed = ", ".join(self.unproven_ids)
        return listed and f"not proven to be made by this guardrail: {listed}{why}"

    def line(self) -> str:
        """Return it for a person."""
        told = (self.problem or ", ".join(self.ids), self.unproven)
        return f"{self.account} {self.region}: {'; '.join(filter(None, told)) or 'nothing'}"


Take = Callable[[list[Place]], Iterable[Left]]
"""Does the next step in each place; yields what was there before, and what went wrong with it."""


def take_out(
    places: Iterable[Place],
    take: Take,
    screen: Screen,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[Place, str]:
    """Take out everything in those places; return where that failed, why.

    What stays because nothing says that a stack made it is told, and is no failure.
    """
    pending, still, pause = sorted(set(places)), 0, FIRST_SECONDS
    failed: dict[Place, str] = {}
    before: Mapping[Place, Left] = {}
    while pending:
        seen = {left.place: left for left in take(pending)}
        failed |= {p: one.problem for p, one in seen.items() if one.problem and not one.passing}
        now = {p: one for p, one in seen.items() if not one.done and p not in failed}
        for one in seen.values():
            if one.done and one.unproven_ids:
                screen.say(f"left alone: {one.line()}")
        still = still + 1 if now == before else 0
        if still >= STILL:
            return failed | {place: _given_up(left) for place, left in now.items()}
        if now and not still:
            screen.say(f"taking out {counted(now.values())} in {len(now)} accounts and regions")
        before, pending = now, sorted(now)
        if pending:
            sleep(min(pause, ROUND_SECONDS))
            pause += FIRST_SECONDS
    return failed


def counted(left: Iterable[Left]) -> str:
    """Return how many endpoints and groups are to be taken out."""
    found = list(left)
    endpoints = sum(len(one.endpoint_ids) + len(one.going_ids) for one in found)
    groups = sum(len(one.group_ids) for one in found)
    return f"{endpoints} endpoints and {groups} security groups"


def _given_up(left: Left) -> str:
    return left.problem or f"still there after {STILL * ROUND_SECONDS / 60:.0f} minutes: " + (
        ", ".join(left.ids)
    )

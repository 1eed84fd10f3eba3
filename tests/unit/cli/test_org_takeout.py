"""Taking out what deleted stacks left: order, what passes, what does not, and when it gives up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from guardrail_cli.org.model import Place
from guardrail_cli.org.takeout import STILL, Left, take_out
from support.stack_sets import Said

ONE, TWO = ("000000000001", "us-east-1"), ("000000000002", "eu-west-1")


@dataclass
class Estate:
    """Accounts and regions in which an endpoint takes some rounds to go, and holds its group."""

    left: dict[Place, Left]
    rounds: int = 2
    refusing: dict[Place, str] = field(default_factory=dict)
    busy: dict[Place, int] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    said: Said = field(default_factory=Said)
    _going: dict[Place, int] = field(default_factory=dict)

    def run(self, *places: Place) -> dict[Place, str]:
        """Take out what is there."""
        return take_out(places, self.take, self.said, self.slept.append)

    def take(self, places: list[Place]) -> Iterator[Left]:
        """Do a step in each place, as AWS would let one."""
        for place in places:
            before = self.left.get(place, Left(*place))
            if place in self.refusing:
                yield replace(before, problem=self.refusing[place])
            elif not before.endpoint_ids and self.busy.get(place):
                self.busy[place] -= 1
                yield replace(before, problem="DependencyViolation", passing=True)
            else:
                yield before
                self.left[place] = self._after(before)

    def _after(self, before: Left) -> Left:
        self.deleted.extend(before.endpoint_ids)
        if before.endpoint_ids:
            self._going[before.place] = self.rounds
            return replace(before, endpoint_ids=(), going_ids=before.endpoint_ids)
        if before.going_ids:
            self._going[before.place] -= 1
            gone = not self._going[before.place]
            return replace(before, going_ids=() if gone else before.going_ids)
        self.deleted.extend(before.group_ids)
        return replace(before, group_ids=())


def made(place: Place, number: int) -> Left:
    """Return an endpoint and its group."""
    return Left(*place, (f"vpce-{number}",), group_ids=(f"sg-{number}",))


def test_endpoints_go_first_and_their_groups_when_they_are_gone() -> None:
    """Everywhere at once: nobody waits for another account's endpoint."""
    estate = Estate({ONE: made(ONE, 1), TWO: made(TWO, 2)})
    assert estate.run(ONE, TWO, ONE) == {}
    assert estate.deleted == ["vpce-1", "vpce-2", "sg-1", "sg-2"]
    assert estate.slept == [2.0, 4.0, 6.0, 8.0], "two rounds for the endpoints to go, and the last"
    assert estate.said.lines[0] == (
        "taking out 2 endpoints and 2 security groups in 2 accounts and regions"
    )


def test_a_second_time_there_is_nothing_to_do() -> None:
    """One look, and nobody waits."""
    estate = Estate({})
    assert estate.run(ONE, TWO) == {}
    assert (estate.deleted, estate.slept, estate.said.lines) == ([], [], [])


def test_what_is_refused_is_told_and_the_rest_taken_out() -> None:
    """It is not tried again in this run."""
    estate = Estate({ONE: made(ONE, 1), TWO: made(TWO, 2)}, refusing={ONE: "AccessDenied"})
    assert estate.run(ONE, TWO) == {ONE: "AccessDenied"}
    assert estate.deleted == ["vpce-2", "sg-2"]


def test_a_group_that_is_still_held_is_tried_again() -> None:
    """The interface of an endpoint may outlive it for a moment."""
    estate = Estate({ONE: made(ONE, 1)}, busy={ONE: 3})
    assert estate.run(ONE) == {}
    assert estate.deleted == ["vpce-1", "sg-1"]


def test_what_no_table_proves_is_told_and_not_waited_for() -> None:
    """The rest of the place is taken out as ever."""
    estate = Estate({ONE: replace(made(ONE, 1), unproven_ids=("vpce-9",))})
    assert estate.run(ONE) == {}
    assert estate.deleted == ["vpce-1", "sg-1"]
    told = f"{ONE[0]} {ONE[1]}: not proven to be made by this guardrail: vpce-9"
    assert estate.said.lines[-1] == f"left alone: {told}"


@pytest.mark.parametrize(
    ("estate", "told"),
    [
        (Estate({ONE: made(ONE, 1)}, rounds=10_000), "still there after 10 minutes: vpce-1, sg-1"),
        (Estate({ONE: made(ONE, 1)}, busy={ONE: 10_000}), "DependencyViolation"),
    ],
)
def test_what_does_not_move_for_ten_minutes_is_given_up(estate: Estate, told: str) -> None:
    """With what it waits for; the other place is done."""
    estate.left[TWO] = Left(*TWO, group_ids=("sg-2",))
    assert estate.run(ONE, TWO) == {ONE: told}
    assert STILL <= len(estate.slept) <= STILL + 5
    assert "sg-2" in estate.deleted

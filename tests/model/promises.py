"""What must hold after every sequence."""

from __future__ import annotations

from collections.abc import Iterator

from model.desired import Fault
from model.owner import Blocked
from model.play import Played
from model.yields import DAY, YIELD

SPARE_WRITES = 2
"""How many endpoint writes a sequence may take beyond the least possible."""


def broken(played: Played) -> Iterator[str]:
    """Yield what a sequence left that should not be."""
    found = [*played.misdeeds, *played.faults, *_too_many_writes(played)]
    yield from map(str, found)


def broken_with_perfect_delivery(disturbed: Played, perfect: Played) -> Iterator[str]:
    """Yield what is wrong though every event came at once, and what disturbances cost in writes."""
    yield from broken(perfect)
    found = [*_in_the_way(perfect), *_cost_of_delivery(disturbed, perfect)]
    yield from map(str, found)


def _too_many_writes(played: Played) -> Iterator[Fault]:
    if len(played.wasted) > SPARE_WRITES:
        wasted = "; ".join(f"{w.function}'s {w.action} at {w.at:.0f} s" for w in played.wasted)
        text = f"{len(played.wasted)} of {played.spent} endpoint writes too many: {wasted}"
        yield Fault("writes", "all", text)


def _cost_of_delivery(disturbed: Played, perfect: Played) -> Iterator[Fault]:
    """Compare the writes where the owner's calls had the same results in both runs."""
    more = disturbed.spent - perfect.spent
    if disturbed.history == perfect.history and more > SPARE_WRITES:
        text = f"{disturbed.spent} endpoint writes; {perfect.spent} with perfect delivery"
        yield Fault("delivery", "all", text)


def _in_the_way(perfect: Played) -> Iterator[Fault]:
    """Yield where only the guardrail kept a tool of the owner's from ending well.

    Not if the guardrail had given way within a day before, for a refused call or for a deletion, or
    the owner did other things meanwhile.
    """
    for blocked in perfect.blocked:
        if not _is_excused(perfect, blocked):
            yield Fault(blocked.code, blocked.vpc_id, "the owner's tool gives up because of ours")


def _is_excused(perfect: Played, blocked: Blocked) -> bool:
    own = [t for t in perfect.touches if t.vpc_id == blocked.vpc_id]
    refused = any(t.code and blocked.begun - DAY <= t.at < blocked.begun for t in own)
    allowed = ("delete_",) if blocked.code == "teardown" else ("create_vpc_endpoint",)
    other = any(t.at > blocked.begun and not t.action.startswith(allowed) for t in own)
    return refused or other or (blocked.code == "teardown" and _has_yielded(perfect, blocked))


def _has_yielded(perfect: Played, blocked: Blocked) -> bool:
    """Whether a deletion had begun the one yield of the day, and that was over."""
    ago = (blocked.begun - d.at for d in perfect.deletions if d.vpc_id == blocked.vpc_id)
    return any(YIELD < since <= DAY for since in ago)

"""What must hold after every sequence, and what of it does not yet: the one place to edit.

Emptying `ACTS_TO_COME` and `PROMISES_TO_COME` turns everything on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from model.play import Played

SPARE_WRITES = 2
"""How many endpoint writes a sequence may take beyond the least possible."""

ACTS_TO_COME = frozenset(
    {
        "destroy",
        "drop-subnet",
        "drop-vpc",
        "fill",
        "insist",
        "of-aws",
        "untag",
        "zone",
    }
)
"""Acts of owners that the guardrail does not live up to yet."""

PROMISES_TO_COME = frozenset({"beside-own", "duplicate", "leftover", "writes"})
"""Codes of what it does not promise yet."""


def broken(played: Played, without: Collection[str] = ()) -> Iterator[str]:
    """Yield what a sequence left that should not be; promises in `without` are not asked for."""
    for fault in (*played.misdeeds, *played.faults):
        if fault.code not in without:
            yield str(fault)
    if len(played.wasted) > SPARE_WRITES and "writes" not in without:
        wasted = "; ".join(f"{w.function}'s {w.action} at {w.at:.0f} s" for w in played.wasted)
        yield f"[writes] {len(played.wasted)} of {played.spent} endpoint writes too many: {wasted}"

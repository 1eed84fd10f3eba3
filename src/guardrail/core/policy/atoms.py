"""Typed keys cut at the values that the policies mention: numbers, dates, addresses, booleans.

Between two neighbouring break points no condition can tell values apart, so one atom stands for
all of them. Bit 0 is the missing key where the key may be missing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cmp_to_key
from typing import TYPE_CHECKING, NamedTuple, cast

from guardrail.core.policy.document import Block, Comparison, Condition, Family, Ratio, Value
from guardrail.core.policy.sample_value import address_text, between, date_text, number_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# Keys that AWS documents as Boolean: a request holds true, false or nothing else.
BOOLEAN_KEYS = frozenset(
    {
        "aws:multifactorauthpresent",
        "aws:principalisawsservice",
        "aws:securetransport",
        "aws:viaawsservice",
    }
)


def _compared(one: Ratio, two: Ratio) -> int:
    return one[0] * two[1] - two[0] * one[1]


_IN_ORDER = cmp_to_key(_compared)


class Atoms(NamedTuple):
    """The atoms of one typed key: sample values and the mask of each comparison."""

    samples: tuple[str, ...]
    mask: Callable[[Comparison, Value], int]


def atoms(family: Family, key: str, conditions: Iterable[Condition]) -> Atoms:
    """Return the atoms that tell all values in `conditions` on `key` apart."""
    values = [value for condition in conditions for value in condition.values]
    match family:
        case Family.NUMBER:
            return _ratios(cast("list[Ratio]", values), number_text)
        case Family.DATE:
            return _ratios(cast("list[Ratio]", values), date_text)
        case Family.ADDRESS:
            return _addresses(cast("list[Block]", values))
        case Family.BOOLEAN:
            return _listed((True, False), ("true", "false"), closed=key in BOOLEAN_KEYS)
        case _:
            distinct = tuple(sorted(set(cast("list[str]", values))))
            return _listed(distinct, distinct, closed=False)


def _listed(values: tuple[Value, ...], texts: tuple[str, ...], *, closed: bool) -> Atoms:
    bits = {value: 1 << position for position, value in enumerate(values)}
    other = () if closed else ("b3RoZXI=" if "b3RoZXI=" not in texts else "b3RoZXIx",)
    return Atoms(texts + other, lambda _, value: bits[value])


def _ratios(values: list[Ratio], text: Callable[[Ratio], str]) -> Atoms:
    """Return a gap before, between and after the points, and each point itself."""
    points = sorted(set(values), key=_IN_ORDER)
    samples: list[str] = [text(between(None, points[0] if points else None))]
    for position, point in enumerate(points):
        following = points[position + 1] if position + 1 < len(points) else None
        samples += [text(point), text(between(point, following))]
    full = (1 << len(samples)) - 1
    places = {point: 2 * position + 1 for position, point in enumerate(points)}

    def mask(comparison: Comparison, value: Value) -> int:
        place = places[cast("Ratio", value)]
        equal = 1 << place
        below = equal - 1
        match comparison:
            case Comparison.LESS:
                return below
            case Comparison.LESS_OR_EQUAL:
                return below | equal
            case Comparison.GREATER:
                return full & ~(below | equal)
            case Comparison.GREATER_OR_EQUAL:
                return full & ~below
            case _:
                return equal

    return Atoms(tuple(samples), mask)


def _addresses(blocks: list[Block]) -> Atoms:
    """Return the stretches between block borders, version 4 and 6 apart."""
    starts = {(4, 0), (6, 0)}
    for version, first, last in blocks:
        starts.add((version, first))
        if last + 1 < 1 << (32 if version == 4 else 128):
            starts.add((version, last + 1))
    ordered = sorted(starts)

    def mask(_: Comparison, value: Value) -> int:
        version, first, last = cast("Block", value)
        low = bisect_left(ordered, (version, first))
        high = bisect_right(ordered, (version, last))
        return (1 << high) - (1 << low)

    return Atoms(tuple(address_text(*start) for start in ordered), mask)

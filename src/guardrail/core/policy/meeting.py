"""Where the value of a policy variable can run into something that tells values apart.

A fresh value stands for all others as long as each text that a variable is in, and each other text
that the same request must match, are either apart for all values or the one inside the other for
all values. Anything else is a meeting; a value at the meeting point is worth trying.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from guardrail.core.policy.document import (
    Comparison,
    Quantifier,
    Statement,
    Text,
    Variable,
    Wild,
)
from guardrail.core.policy.pattern import Pattern, apart, covers, glob
from guardrail.core.policy.text_values import Fill, filled, loosened, symbols

if TYPE_CHECKING:
    from collections.abc import Iterator

    from guardrail.core.policy.search import StringSearch

Found = tuple[tuple[str, str], ...]


class _Wanted(NamedTuple):
    """Texts of which a request may have to match one: who asks, where, and how they are read."""

    owner: tuple[str, int]
    dimension: str
    texts: tuple[Text, ...]
    ignore_case: bool
    segmented: bool


def meetings(sides: tuple[tuple[Statement, ...], ...], search: StringSearch) -> Iterator[Found]:
    """Each meeting, with values of variables at the meeting point (possibly none)."""
    wanted = [
        one
        for side, statements in enumerate(sides)
        for statement in statements
        for one in _wanted(statement, baseline=side == 1)
    ]
    with_variables = {
        one.dimension for one in wanted if any(_has_variable(text) for text in one.texts)
    }
    fill, _ = symbols()
    seen: set[tuple[Text, Text]] = set()
    for first in wanted:
        search.spend(len(wanted))
        if first.dimension not in with_variables:
            continue
        for second in wanted:
            if second.dimension != first.dimension or not _joint(first, second):
                continue
            search.spend(len(first.texts) * len(second.texts))
            for text in first.texts:
                for other in second.texts:
                    if _has_variable(text) and (text, other) not in seen:
                        seen.add((text, other))
                        search.spend(8)
                        if not _settled(text, first, other, second, fill):
                            yield _at_meeting(text, first, other, second, search)


def _wanted(statement: Statement, *, baseline: bool) -> Iterator[_Wanted]:
    """Yield what a request within, or outside, the statement may have to match."""
    positive = statement.allow is not baseline
    owner = ("AB"[baseline], statement.index) if positive else ("-", 0)
    if statement.not_resources is not positive:
        for segmented in (False, True):
            yield _Wanted(
                owner, "resource", statement.resources, ignore_case=False, segmented=segmented
            )
    for condition in statement.conditions:
        # A set of values can satisfy and fail an operator at once.
        either = condition.quantifier is not Quantifier.NONE
        texts = tuple(value for value in condition.values if isinstance(value, tuple))
        if condition.operator.family == "string" and (
            either or condition.operator.negated is not positive
        ):
            comparison = condition.operator.comparison
            yield _Wanted(
                owner,
                condition.key,
                texts,  # type: ignore[arg-type]
                comparison is Comparison.EQUAL_IGNORING_CASE,
                comparison is Comparison.ARN,
            )


def _has_variable(text: Text) -> bool:
    return any(isinstance(part, Variable) for part in text)


def _joint(first: _Wanted, second: _Wanted) -> bool:
    """Whether one request may have to match both."""
    if first is second or first.segmented is not second.segmented:
        return first is not second and first.dimension != "resource"
    return first.owner[0] != second.owner[0] or first.owner == second.owner


def _settled(text: Text, first: _Wanted, other: Text, second: _Wanted, fill: Fill) -> bool:
    if text == other and first.ignore_case == second.ignore_case:
        return True
    apart_for_all = apart(_loose(text, first), _loose(other, second))
    inside = covers(_compiled(filled(other, fill), second), _compiled(filled(text, fill), first))
    return apart_for_all or inside


def _compiled(text: Text | None, wanted: _Wanted) -> Pattern:
    return glob(text or (), ignore_case=wanted.ignore_case, segmented=wanted.segmented)


def _loose(text: Text, wanted: _Wanted) -> Pattern:
    return _compiled(loosened(text), wanted)


def _at_meeting(
    text: Text, first: _Wanted, other: Text, second: _Wanted, search: StringSearch
) -> Found:
    groups = frozenset({(_loose(text, first),), (_loose(other, second),)})
    member = search.find(groups, frozenset())
    if member is None:
        return ()
    pieces = "".join(_piece(part) for part in text)
    match = re.fullmatch(pieces, member, re.DOTALL | re.IGNORECASE) if len(text) < 6 else None
    keys = [part.key for part in text if isinstance(part, Variable)]
    return tuple(zip(keys, match.groups(), strict=True)) if match else ()


def _piece(part: object) -> str:
    if isinstance(part, Variable):
        return "(.*?)"
    return (
        {Wild.MANY: ".*?", Wild.ONE: "."}[part] if isinstance(part, Wild) else re.escape(str(part))
    )

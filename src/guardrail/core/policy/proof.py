"""Policy variables without trying values: what holds whatever they hold.

Each variable is missing, or is of one of the shapes that conditions compare its key with, or holds
something else. What is not known is a symbol, of which only this is used, that equal symbols are
equal texts. That two symbols differ, or that a symbol differs from a literal, is never assumed.
"""

from __future__ import annotations

from itertools import count, product
from typing import TYPE_CHECKING, NamedTuple

from guardrail.core.policy.document import Comparison, Variable, Wild
from guardrail.core.policy.domain import Strings
from guardrail.core.policy.pattern import glob
from guardrail.core.policy.text_values import (
    Assignment,
    Fills,
    partly_known,
    strings_of,
    symbol,
    symbols,
    texts_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from guardrail.core.policy.document import Statement, Text

_MOST = 128


class Case(NamedTuple):
    """What is known of the variables: some values, and literals on the keys of the others."""

    values: Assignment
    known: Mapping[str, tuple[Strings, ...]]
    fills: Fills


def variable_keys(texts: Iterable[Text]) -> list[str]:
    """Return the keys of all variables in the texts, sorted."""
    return sorted({part.key for text in texts for part in text if isinstance(part, Variable)})


def proof_cases(
    sides: tuple[tuple[Statement, ...], ...], callers: Mapping[str, tuple[str, ...]]
) -> list[Case]:
    """Return cases that together are all that can be; `callers` are values that callers carry."""
    statements = [statement for side in sides for statement in side]
    keys = variable_keys(text for statement in statements for text in texts_of(statement))
    named = {key: _named(key, statements, callers.get(key, ())) for key in keys}
    for shapes in (named, dict.fromkeys(keys, ())):
        size = 1
        for key in keys:
            size *= 2 + len(shapes[key])
        if size <= _MOST:
            choices = [(_ANY, None, *shapes[key]) for key in keys]
            return [_case(keys, row, shapes) for row in product(*choices)]
    return [Case({}, {}, symbols())]


_ANY: Text = (Wild.MANY,)


def _named(key: str, statements: list[Statement], carried: tuple[str, ...]) -> tuple[Text, ...]:
    """Return the shapes that conditions on the key compare it with: texts, with `*` or without."""
    found: dict[Text, None] = {(value,): None for value in carried}
    for statement in statements:
        for condition in statement.conditions:
            ignoring = condition.operator.comparison is Comparison.EQUAL_IGNORING_CASE
            if condition.key == key and not ignoring:
                for text in strings_of(condition):
                    if all(type(part) is str or part is Wild.MANY for part in text):
                        found[text] = None
    found.pop(_ANY, None)
    return tuple(found)


def _case(
    keys: list[str], row: tuple[Text | None, ...], named: Mapping[str, tuple[Text, ...]]
) -> Case:
    """Return the case of one shape for each key, with a symbol for each `*`; none is missing."""
    values: Assignment = {}
    unknown: dict[str, Text] = {}
    known: dict[str, tuple[Strings, ...]] = {}
    numbers = count()
    for key, shape in zip(keys, row, strict=True):
        if shape is None:
            values[key] = None
            continue
        unknown[key] = tuple(symbol(next(numbers)) if part is Wild.MANY else part for part in shape)
        others = tuple(glob(other) for other in named[key]) if shape is _ANY else ()
        known[key] = (
            Strings(missing=False, inside=True, group=(glob(unknown[key]),)),
            Strings(missing=False, inside=False, group=others),
        )
    return Case(values, known, partly_known(values, unknown))

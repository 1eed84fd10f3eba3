"""Texts with something put in for their policy variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from guardrail.core.policy.document import (
    Condition,
    Family,
    Part,
    Statement,
    Text,
    Variable,
    Wild,
)
from guardrail.core.policy.pattern import SYMBOLS
from guardrail.core.policy.problems import OverBudgetError

Assignment = dict[str, str | None]
Fill = Callable[[Variable], Part | Text | None]
# What to put in where more must match, and where less must.
Fills = tuple[Fill, Fill]


def filled(text: Text, fill: Fill) -> Text | None:
    """Return the text with every variable replaced; none when one of them stands for nothing."""
    if all(not isinstance(part, Variable) for part in text):
        return text
    parts: list[Part] = []
    for part in text:
        value = fill(part) if isinstance(part, Variable) else part
        if value is None:
            return None
        if isinstance(value, tuple) and not isinstance(value, Variable):
            parts += value
        else:
            parts.append(value)
    return tuple(parts)


def assigned(values: Assignment) -> Fills:
    """Return the value that a request gives a variable, else its default."""

    def fill(variable: Variable) -> str | None:
        value = values.get(variable.key)
        return variable.default if value is None else value

    return fill, fill


def symbols() -> Fills:
    """Return a symbol of its own for each variable, which only `*` and the same variable match."""
    seen: dict[Variable, str] = {}

    def fill(variable: Variable) -> Part:
        return seen.setdefault(variable, symbol(len(seen)))

    return fill, fill


def symbol(number: int) -> str:
    """Return one of the symbols; raises `OverBudgetError` when there are no more."""
    if number >= len(SYMBOLS):
        raise OverBudgetError
    return chr(SYMBOLS[number])


def partly_known(values: Assignment, unknown: Mapping[str, Text]) -> Fills:
    """Return the known values or defaults, and texts with symbols for keys that have a value."""

    def fill(variable: Variable) -> Part | Text | None:
        if variable.key in unknown:
            return unknown[variable.key]
        value = values.get(variable.key)
        return variable.default if value is None else value

    return fill, fill


def texts_of(statement: Statement) -> list[Text]:
    """Return all texts of a statement in which a variable may stand."""
    values = [value for one in statement.conditions for value in strings_of(one)]
    return [*statement.resources, *values]


def strings_of(condition: Condition) -> tuple[Text, ...]:
    """Return the texts of a string condition; none of a typed one."""
    if condition.operator.family is not Family.STRING:
        return ()
    return condition.values  # type: ignore[return-value]


def has_variable(statement: Statement) -> bool:
    """Whether a policy variable occurs in the statement."""
    return any(isinstance(part, Variable) for text in texts_of(statement) for part in text)


def loosened(text: Text) -> Text:
    """Return the text with `*` for every variable."""
    return tuple(Wild.MANY if isinstance(part, Variable) else part for part in text)

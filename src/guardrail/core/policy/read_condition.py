"""The Condition element."""

from __future__ import annotations

from typing import Any

from guardrail.core.policy.document import (
    Comparison,
    Condition,
    Family,
    Operator,
    Quantifier,
    Value,
)
from guardrail.core.policy.operators import find_operator
from guardrail.core.policy.problems import at, malformed, unsupported
from guardrail.core.policy.read_json import Number
from guardrail.core.policy.read_text import has_arn_fields, read_text
from guardrail.core.policy.read_value import read_value


def read_conditions(raw: Any, pointer: str, *, variables: bool) -> tuple[Condition, ...]:  # noqa: ANN401 - any JSON
    """Return the conditions of a statement; all of them must hold."""
    if not isinstance(raw, dict):
        raise malformed("a condition block is an object", pointer)
    found: list[Condition] = []
    unknown: str | None = None
    for name, keys in raw.items():
        place = at(pointer, name)
        if not isinstance(keys, dict):
            raise malformed("an operator holds an object of condition keys", place)
        values = {key: _values(value, at(place, key)) for key, value in keys.items()}
        known = find_operator(name)
        if known is None:
            unknown = unknown or name
        else:
            found += _conditions(known, values, place, variables=variables)
    if unknown is not None:
        raise unsupported(f"{unknown!r} is no documented operator", at(pointer, unknown))
    return tuple(found)


def _values(raw: Any, pointer: str) -> list[str]:  # noqa: ANN401 - any JSON
    values = raw if isinstance(raw, list) else [raw]
    return [_scalar(value, pointer) for value in values]


def _scalar(raw: Any, pointer: str) -> str:  # noqa: ANN401 - any JSON
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if not isinstance(raw, str):
        raise malformed("a condition value is a string, a number or a boolean", pointer)
    return raw


def _conditions(
    known: tuple[Operator, Quantifier, bool],
    keys: dict[str, list[str]],
    pointer: str,
    *,
    variables: bool,
) -> list[Condition]:
    operator, quantifier, if_exists = known
    found: list[Condition] = []
    for name, raw in keys.items():
        place = at(pointer, name)
        key = _key(name, place)
        if any(condition.key == key for condition in found):
            raise unsupported("one key is written twice under one operator", place)
        if not raw:
            _check_empty(operator, quantifier, place, if_exists=if_exists)
        values = tuple(_value(value, operator, place, variables=variables) for value in raw)
        found.append(Condition(operator, quantifier, if_exists, key, name, values, place))
    return found


def _key(name: str, pointer: str) -> str:
    prefix, colon, rest = name.partition(":")
    if not (prefix and colon and rest) or name != name.strip() or not name.isprintable():
        raise malformed(f"{name!r} is no condition key", pointer)
    if "${" in name or not name.isascii():
        raise unsupported("a condition key with a variable or outside ASCII", pointer)
    return name.lower()


def _check_empty(
    operator: Operator, quantifier: Quantifier, pointer: str, *, if_exists: bool
) -> None:
    """Empty lists have a documented meaning with a set operator or `IfExists` only."""
    documented = quantifier is not Quantifier.NONE or if_exists
    if not documented or operator.negated or operator.family is Family.NULL:
        raise unsupported("an empty list of values under this operator", pointer)


def _value(raw: str, operator: Operator, pointer: str, *, variables: bool) -> Value:
    family, comparison, _ = operator
    if family is not Family.STRING:
        if variables and "${" in raw:
            raise unsupported(f"a policy variable as a {family} value", pointer)
        return read_value(raw, family, pointer)
    if isinstance(raw, Number) and not raw.lstrip("-").isdigit():
        raise unsupported("a fractional JSON number as a string", pointer)
    if comparison is Comparison.EQUAL_IGNORING_CASE and not raw.isascii():
        raise unsupported("letter case outside ASCII", pointer)
    wildcards = comparison in {Comparison.LIKE, Comparison.ARN}
    text = read_text(raw, pointer, wildcards=wildcards, variables=variables)
    if comparison is Comparison.ARN and not has_arn_fields(text):
        raise unsupported(f"{raw!r} is no ARN of six fields", pointer)
    return text

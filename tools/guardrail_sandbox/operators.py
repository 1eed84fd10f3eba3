"""The comparison operators of event patterns, each as a judge of a field's values.

A judge gets the scalars that the event has under the field (none when it is absent) and tells
whether one of them fits. AWS: EventBridge user guide, "Comparison operators for use in event
patterns": the operators, what they take, and that numbers outside of five billion are refused.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guardrail_sandbox.untyped import Json

Judge = Callable[[list["Json"]], bool]
_Fits = Callable[["Json"], bool]

_LARGEST = 5_000_000_000
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class InvalidPatternError(ValueError):
    """EventBridge refuses the pattern; the text says why."""


def judge_of(item: Json) -> Judge:
    """Return the judge that one item of a pattern's array stands for."""
    if isinstance(item, dict):
        name, argument = _single(item)
        if name == "exists":
            return _exists(argument)
        make = _OPERATORS.get(name)
        if make is None:
            raise InvalidPatternError(f"unrecognized match type {name}")
        return _some(make(argument))
    if isinstance(item, list):
        raise InvalidPatternError("an array inside of an array of values")
    return _some(_equals(item))


def _single(item: dict[str, Json]) -> tuple[str, Json]:
    if len(item) != 1:
        raise InvalidPatternError("only one key is allowed in a match expression")
    return next(iter(item.items()))


def _some(fits: _Fits) -> Judge:
    return lambda values: any(map(fits, values))


def _exists(wanted: Json) -> Judge:
    if not isinstance(wanted, bool):
        raise InvalidPatternError("exists takes true or false")
    return lambda values: bool(values) is wanted


def _equals(wanted: Json) -> _Fits:
    # As text: true is not 1, "1" is not 1, and 300 is not 300.0 for EventBridge.
    text = json.dumps(wanted)
    return lambda value: json.dumps(value) == text


def _prefix(argument: Json) -> _Fits:
    if isinstance(argument, dict):
        lowered = _text(_only(argument, "prefix", "equals-ignore-case")).lower()
        return lambda value: isinstance(value, str) and value.lower().startswith(lowered)
    text = _text(argument)
    return lambda value: isinstance(value, str) and value.startswith(text)


def _suffix(argument: Json) -> _Fits:
    if isinstance(argument, dict):
        lowered = _text(_only(argument, "suffix", "equals-ignore-case")).lower()
        return lambda value: isinstance(value, str) and value.lower().endswith(lowered)
    text = _text(argument)
    return lambda value: isinstance(value, str) and value.endswith(text)


def _ignoring_case(argument: Json) -> _Fits:
    lowered = _text(argument).lower()
    return lambda value: isinstance(value, str) and value.lower() == lowered


def _wildcard(argument: Json) -> _Fits:
    text = _text(argument)
    if "**" in text.replace("\\*", ""):
        raise InvalidPatternError("consecutive wildcard characters")
    parts = re.split(r"(\\\\|\\\*|\*)", text)
    literal = {"*": ".*", "\\*": re.escape("*"), "\\\\": re.escape("\\")}
    wanted = re.compile("".join(literal.get(p) or re.escape(p) for p in parts), re.DOTALL)
    return lambda value: isinstance(value, str) and wanted.fullmatch(value) is not None


def _numeric(argument: Json) -> _Fits:
    if not isinstance(argument, list) or len(argument) not in {2, 4}:
        raise InvalidPatternError("numeric takes one or two comparisons")
    pairs = list(zip(argument[::2], argument[1::2], strict=True))
    for sign, limit in pairs:
        if sign not in _COMPARISONS:
            raise InvalidPatternError(f"unrecognized numeric comparison {sign}")
        if not _is_number(limit) or abs(limit) > _LARGEST:
            raise InvalidPatternError(f"{limit} is no number within five billion")
    return lambda value: _is_number(value) and all(_COMPARISONS[s](value, n) for s, n in pairs)


def _cidr(argument: Json) -> _Fits:
    try:
        block = ip_network(_text(argument), strict=False)
    except ValueError as error:
        raise InvalidPatternError(f"{argument} is no block of addresses") from error
    return lambda value: isinstance(value, str) and _is_within(value, block)


def _is_within(value: str, block: Json) -> bool:
    try:
        address = ip_address(value)
    except ValueError:
        return False
    return address.version == block.version and address in block


def _anything_but(argument: Json) -> _Fits:
    if isinstance(argument, dict):
        name, inner = _single(argument)
        make = _INVERTIBLE.get(name)
        if make is None:
            raise InvalidPatternError(f"anything-but does not take {name}")
        refused = [make(item) for item in _listed(inner)]
    else:
        refused = [_equals(_text_or_number(item)) for item in _listed(argument)]
    return lambda value: not any(fits(value) for fits in refused)


def _listed(argument: Json) -> list[Json]:
    if argument == []:
        raise InvalidPatternError("empty arrays are not allowed")
    return argument if isinstance(argument, list) else [argument]


def _only(argument: dict[str, Json], outer: str, name: str) -> Json:
    found, inner = _single(argument)
    if found != name:
        raise InvalidPatternError(f"{outer} does not take {found}")
    return inner


def _text(argument: Json) -> str:
    if not isinstance(argument, str):
        raise InvalidPatternError(f"{json.dumps(argument)} is no string")
    return argument


def _text_or_number(item: Json) -> Json:
    if not isinstance(item, str) and not _is_number(item):
        raise InvalidPatternError("anything-but takes strings and numbers")
    return item


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_INVERTIBLE: dict[str, Callable[[Json], _Fits]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignoring_case,
    "wildcard": _wildcard,
}
_OPERATORS: dict[str, Callable[[Json], _Fits]] = {
    **_INVERTIBLE,
    "numeric": _numeric,
    "cidr": _cidr,
    "anything-but": _anything_but,
}

"""Event patterns of EventBridge: which events a rule matches, and which patterns are refused.

moto's matcher takes true for 1, mixes up the elements of an array of objects and lets operators
through that do not exist, so rules are matched here.

AWS: EventBridge user guide, "Creating Amazon EventBridge event patterns" and "Comparison
operators for use in event patterns". Inferred: `anything-but` matches an array when one element
differs, and an empty array counts as absent.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from guardrail_sandbox.operators import InvalidPatternError, Judge, judge_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from guardrail_sandbox.untyped import Json

__all__ = ["InvalidPatternError", "check", "matches", "read"]


def read(text: str) -> Json:
    """Parse and check a pattern; raise `InvalidPatternError` with the reason."""
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise InvalidPatternError(f"it is not JSON: {error}") from error
    check(pattern)
    return pattern


def check(pattern: Json) -> None:
    """Raise `InvalidPatternError` when EventBridge would refuse the pattern."""
    if not isinstance(pattern, dict):
        raise InvalidPatternError("it is not an object")
    if not pattern:
        raise InvalidPatternError("empty objects are not allowed")
    for name, value in pattern.items():
        if name == "$or":
            _check_alternatives(value)
        elif isinstance(value, dict):
            check(value)
        else:
            _judges(name, value)


def matches(pattern: Mapping[str, Json], event: Json) -> bool:
    """Tell whether an event matches a pattern that `check` lets pass."""
    if isinstance(event, list) and event:
        # Fields under an array belong together: one element has to match all of them.
        return any(matches(pattern, element) for element in event)
    fields = event if isinstance(event, dict) else {}
    return all(_field_matches(name, wanted, fields) for name, wanted in pattern.items())


def _field_matches(name: str, wanted: Json, fields: Mapping[str, Json]) -> bool:
    if name == "$or":
        return any(matches(alternative, fields) for alternative in wanted)
    found = fields.get(name, [])
    if isinstance(wanted, dict):
        return matches(wanted, found)
    values = list(_leaves(found))
    return any(judge(values) for judge in _judges(name, wanted))


def _leaves(value: Json) -> Iterator[Json]:
    """Yield the scalars of a field; an object is no leaf, so it has none."""
    if isinstance(value, list):
        for element in value:
            yield from _leaves(element)
    elif not isinstance(value, dict):
        yield value


def _judges(name: str, wanted: Json) -> list[Judge]:
    if not isinstance(wanted, list):
        raise InvalidPatternError(f'"{name}" must be an object or an array')
    if not wanted:
        raise InvalidPatternError(f'"{name}" is an empty array')
    return [judge_of(item) for item in wanted]


def _check_alternatives(value: Json) -> None:
    if not isinstance(value, list) or len(value) < 2:
        raise InvalidPatternError('"$or" takes an array of at least two objects')
    for alternative in value:
        check(alternative)

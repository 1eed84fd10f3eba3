"""Which values a template's parameter takes, before CloudFormation is asked.

Source: AWS CloudFormation user guide, "CloudFormation template Parameters syntax": pattern and
allowed values of a CommaDelimitedList hold for each of its items, whose spaces do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

# CloudFormation takes fractions, too; the functions read whole numbers and would not start.
_WHOLE = re.compile(r"-?[0-9]+")

Declared = Mapping[str, Any]
"""A parameter as a template declares it."""


def refused(declared: Declared, value: str) -> str | None:
    """Return the item of `value` that the parameter does not take; None when it takes all."""
    return next((one for one in _items(declared, value) if not _takes(declared, one)), None)


def takes(declared: Declared) -> str:
    """Return what the parameter takes, for a person."""
    if described := declared.get("ConstraintDescription"):
        return str(described)
    if allowed := declared.get("AllowedValues"):
        return " or ".join(str(one) for one in allowed)
    if declared.get("Type") == "Number":
        return f"a whole number{_limits(declared)}"
    return f"what matches {declared.get('AllowedPattern')}"


def _items(declared: Declared, value: str) -> Iterator[str]:
    if declared.get("Type") != "CommaDelimitedList":
        yield value
        return
    yield from (part.strip() for part in value.split(","))


def _takes(declared: Declared, item: str) -> bool:
    allowed = [str(one) for one in declared.get("AllowedValues", ())]
    if allowed and item not in allowed:
        return False
    if declared.get("Type") == "Number":
        return bool(_WHOLE.fullmatch(item)) and _within(declared, int(item))
    return bool(re.fullmatch(str(declared.get("AllowedPattern", "(?s).*")), item))


def _within(declared: Declared, number: int) -> bool:
    least, most = declared.get("MinValue", number), declared.get("MaxValue", number)
    return bool(float(least) <= number <= float(most))


def _limits(declared: Declared) -> str:
    least, most = declared.get("MinValue"), declared.get("MaxValue")
    if least is None:
        return "" if most is None else f" up to {most}"
    return f" from {least}" + ("" if most is None else f" to {most}")

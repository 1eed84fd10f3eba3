"""Every documented condition operator, by its name without set prefix and `IfExists`."""

from __future__ import annotations

from guardrail.core.policy.document import Comparison, Family, Operator, Quantifier


def _ordered(prefix: str, family: Family) -> dict[str, Operator]:
    return {
        f"{prefix}Equals": Operator(family, Comparison.EQUAL, negated=False),
        f"{prefix}NotEquals": Operator(family, Comparison.EQUAL, negated=True),
        f"{prefix}LessThan": Operator(family, Comparison.LESS, negated=False),
        f"{prefix}LessThanEquals": Operator(family, Comparison.LESS_OR_EQUAL, negated=False),
        f"{prefix}GreaterThan": Operator(family, Comparison.GREATER, negated=False),
        f"{prefix}GreaterThanEquals": Operator(family, Comparison.GREATER_OR_EQUAL, negated=False),
    }


def _either(
    name: str, opposite: str, family: Family, comparison: Comparison
) -> dict[str, Operator]:
    return {
        name: Operator(family, comparison, negated=False),
        opposite: Operator(family, comparison, negated=True),
    }


OPERATORS: dict[str, Operator] = {
    **_either("StringEquals", "StringNotEquals", Family.STRING, Comparison.EQUAL),
    **_either(
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        Family.STRING,
        Comparison.EQUAL_IGNORING_CASE,
    ),
    **_either("StringLike", "StringNotLike", Family.STRING, Comparison.LIKE),
    **_either("ArnEquals", "ArnNotEquals", Family.STRING, Comparison.ARN),
    **_either("ArnLike", "ArnNotLike", Family.STRING, Comparison.ARN),
    **_ordered("Numeric", Family.NUMBER),
    **_ordered("Date", Family.DATE),
    **_either("IpAddress", "NotIpAddress", Family.ADDRESS, Comparison.WITHIN),
    "Bool": Operator(Family.BOOLEAN, Comparison.EQUAL, negated=False),
    "BinaryEquals": Operator(Family.BINARY, Comparison.EQUAL, negated=False),
    "Null": Operator(Family.NULL, Comparison.EQUAL, negated=False),
}


def find_operator(name: str) -> tuple[Operator, Quantifier, bool] | None:
    """Return the operator, its set prefix and whether it ends in `IfExists`, if documented."""
    prefix, colon, rest = name.rpartition(":")
    base = rest.removesuffix("IfExists")
    operator = OPERATORS.get(base)
    if operator is None or prefix not in {"", "ForAllValues", "ForAnyValue"}:
        return None
    if colon and not prefix:
        return None
    if_exists = base != rest
    if if_exists and operator.family is Family.NULL:
        return None
    return operator, Quantifier(prefix), if_exists

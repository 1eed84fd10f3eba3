"""The plain evaluator: is one concrete request allowed? Written to be read, not to be fast.

It shares nothing with the decision engine but the parsed document, so that neither can hide an
error of the other: every witness passes through here before anyone sees it.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, assert_never, cast

from guardrail.core.policy.document import (
    Comparison,
    Condition,
    Family,
    Named,
    Policy,
    PrincipalKind,
    Quantifier,
    Statement,
    Text,
    Value,
    Variable,
    Wild,
)
from guardrail.core.policy.read_value import binary, block, moment, number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from guardrail.core.policy.document import Block, Ratio
    from guardrail.core.policy.verdict import Witness

Values = tuple[str, ...]
Token = str | Wild


class Decision(StrEnum):
    """What the policy says about a request."""

    ALLOWED = "allowed"
    DENIED = "explicitly denied"
    NOT_ALLOWED = "not allowed"


class Evaluation(NamedTuple):
    """The decision and the statement that made it, if one did."""

    decision: Decision
    statement: int | None


class Request:
    """One request; `segmented` keeps the wildcards of the first five ARN fields in their field."""

    def __init__(self, witness: Witness, *, segmented: bool = False) -> None:
        self.principal = witness.principal
        self.action = witness.action.lower()
        self.resource = witness.resource
        self.segmented = segmented
        self.context: dict[str, Values] = {
            key.lower(): (value,) if isinstance(value, str) else tuple(value)
            for key, value in witness.context.items()
        }


def evaluate(policy: Policy, request: Request) -> Evaluation:
    """Decide one request: an explicit Deny wins, then any Allow, else nothing is allowed."""
    met = [statement for statement in policy.statements if _applies(statement, request)]
    for statement in met:
        if not statement.allow:
            return Evaluation(Decision.DENIED, statement.index)
    if met:
        return Evaluation(Decision.ALLOWED, met[0].index)
    return Evaluation(Decision.NOT_ALLOWED, None)


def _applies(statement: Statement, request: Request) -> bool:
    principal = any(_is_caller(entry, request) for entry in statement.principals)
    action = any(_like(text, request.action, request) for text in statement.actions)
    resource = any(_resource(text, request.resource, request) for text in statement.resources)
    return (
        principal is not statement.not_principals
        and action is not statement.not_actions
        and resource is not statement.not_resources
        and all(_holds(condition, request) for condition in statement.conditions)
    )


def _is_caller(entry: Named, request: Request) -> bool:
    caller = request.principal
    match entry.kind:
        case PrincipalKind.EVERYONE:
            return True
        case PrincipalKind.ACCOUNT:
            return _in_account(entry, caller)
        case PrincipalKind.IDENTITY:
            return caller == entry.value or _has_role(entry, request)
        case (
            PrincipalKind.SESSION
            | PrincipalKind.SERVICE
            | PrincipalKind.FEDERATED
            | PrincipalKind.CANONICAL
            | PrincipalKind.UNIQUE_ID
        ):
            return caller == entry.value
        case _:
            assert_never(entry.kind)


def _in_account(entry: Named, caller: str) -> bool:
    fields = caller.split(":", 5)
    if len(fields) < 6 or fields[2] not in {"iam", "sts"}:
        return False
    kind = fields[5].split("/")[0]
    known = kind in {"root", "user", "role", "assumed-role", "federated-user"}
    return known and fields[4] == entry.account and entry.partition in {"", fields[1]}


def _has_role(entry: Named, request: Request) -> bool:
    """Whether the caller is a session of the role, as its ARN in the request tells."""
    match = re.fullmatch(r"arn:([^:]+):sts::([0-9]{12}):assumed-role/([^/]+)/.+", request.principal)
    if not match or match.groups() != (entry.partition, entry.account, entry.role):
        return False
    pathless = f"arn:{entry.partition}:iam::{entry.account}:role/{entry.role}"
    return entry.value in (request.context.get("aws:principalarn") or (pathless,))


def _holds(condition: Condition, request: Request) -> bool:
    values = request.context.get(condition.key, ())
    if condition.operator.family is Family.NULL:
        if condition.quantifier is not Quantifier.NONE:
            return condition.quantifier is Quantifier.ALL
        return (not values) in condition.values
    if not values:
        if condition.if_exists or condition.quantifier is Quantifier.ALL:
            return True
        return condition.quantifier is Quantifier.NONE and condition.operator.negated
    results = [_satisfies(condition, value, request) for value in values]
    if condition.quantifier is Quantifier.ANY:
        return any(results)
    if condition.quantifier is Quantifier.NONE and len(results) > 1:
        raise ValueError(f"{condition.name} has several values under an operator for one")
    return all(results)


def _satisfies(condition: Condition, given: str, request: Request) -> bool:
    family, comparison, negated = condition.operator
    found = any(_compares(family, comparison, value, given, request) for value in condition.values)
    return found is not negated


def _compares(
    family: Family, comparison: Comparison, value: Value, given: str, request: Request
) -> bool:
    match family:
        case Family.STRING:
            return _compares_text(comparison, cast("Text", value), given, request)
        case Family.NUMBER:
            return _ordered(comparison, number(given), value)
        case Family.DATE:
            return _ordered(comparison, moment(given), value)
        case Family.ADDRESS:
            return _within(given, value)
        case Family.BOOLEAN:
            return given.lower() == str(value).lower()
        case Family.BINARY:
            return binary(given) == value
        case Family.NULL:
            return False
        case _:
            assert_never(family)


def _ordered(comparison: Comparison, given: Ratio | None, value: Value) -> bool:
    if given is None:
        return False
    numerator, denominator = cast("Ratio", value)
    left, right = given[0] * denominator, numerator * given[1]
    match comparison:
        case Comparison.LESS:
            return left < right
        case Comparison.LESS_OR_EQUAL:
            return left <= right
        case Comparison.GREATER:
            return left > right
        case Comparison.GREATER_OR_EQUAL:
            return left >= right
        case _:
            return left == right


def _within(given: str, value: Value) -> bool:
    address = block(given)
    version, first, last = cast("Block", value)
    return (
        address is not None
        and address.version == version
        and first <= address.first <= address.last <= last
    )


def _compares_text(comparison: Comparison, text: Text, given: str, request: Request) -> bool:
    match comparison:
        case Comparison.ARN:
            return _by_field(text, given, request)
        case Comparison.EQUAL_IGNORING_CASE:
            return _like(text, given, request, ignore_case=True)
        case _:
            return _like(text, given, request)


def _resource(text: Text, given: str, request: Request) -> bool:
    return _by_field(text, given, request) if request.segmented else _like(text, given, request)


def _like(text: Text, given: str, request: Request, *, ignore_case: bool = False) -> bool:
    tokens = _tokens(text, request.context)
    if tokens is None:
        return False
    if ignore_case:
        given = given.lower()
        tokens = [token.lower() if isinstance(token, str) else token for token in tokens]
    return _glob(tokens, given)


def _by_field(text: Text, given: str, request: Request) -> bool:
    """Up to five leading fields on their own, the rest as one; a short text has fewer."""
    tokens = _tokens(text, request.context)
    if tokens is None:
        return False
    fields: list[list[Token]] = [[]]
    for item in tokens:
        if item == ":" and len(fields) < 6:
            fields.append([])
        else:
            fields[-1].append(item)
    parts = given.split(":", len(fields) - 1)
    return len(parts) == len(fields) and all(map(_glob, fields, parts))


def _tokens(text: Text, context: Mapping[str, Values]) -> list[Token] | None:
    """Single characters and wildcards; none when a variable has no value."""
    tokens: list[Token] = []
    for part in text:
        if isinstance(part, Variable):
            value = context.get(part.key, ())
            if len(value) > 1 or (not value and part.default is None):
                return None
            tokens += value[0] if value else str(part.default)
        elif isinstance(part, Wild):
            tokens.append(part)
        else:
            tokens += part
    return tokens


def _glob(tokens: list[Token], given: str) -> bool:
    """Match with two pointers: on a mismatch only the last `*` takes one character more."""
    here = there = 0
    star, resume = -1, 0
    while there < len(given):
        token = tokens[here] if here < len(tokens) else None
        if token is Wild.MANY:
            star, resume = here, there
            here += 1
        elif token is Wild.ONE or token == given[there]:
            here, there = here + 1, there + 1
        elif star >= 0:
            resume += 1
            here, there = star + 1, resume
        else:
            return False
    return all(token is Wild.MANY for token in tokens[here:])

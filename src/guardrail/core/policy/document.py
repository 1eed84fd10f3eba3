"""A policy as read: what both the decision engine and the plain evaluator start from.

Nothing here is simplified or expanded; the values are what the author wrote, typed and checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import NamedTuple


class Wild(Enum):
    """A wildcard inside a text: `*` or `?`."""

    MANY = "*"
    ONE = "?"


class Variable(NamedTuple):
    """A policy variable `${key}` or `${key, 'default'}`; the key is in lower case."""

    key: str
    default: str | None = None


Part = str | Wild | Variable
Text = tuple[Part, ...]


class Family(StrEnum):
    """The kind of values that an operator compares; one key may be used with one family only."""

    STRING = "string"
    NUMBER = "number"
    DATE = "date"
    ADDRESS = "address"
    BOOLEAN = "boolean"
    BINARY = "binary"
    NULL = "null"


class Comparison(StrEnum):
    """How an operator compares a value of the request with a value of the policy."""

    EQUAL = "equal"
    EQUAL_IGNORING_CASE = "equal-ignoring-case"
    LIKE = "like"
    ARN = "arn"
    LESS = "less"
    LESS_OR_EQUAL = "less-or-equal"
    GREATER = "greater"
    GREATER_OR_EQUAL = "greater-or-equal"
    WITHIN = "within"


class Quantifier(StrEnum):
    """The set operator before the colon, or none."""

    NONE = ""
    ALL = "ForAllValues"
    ANY = "ForAnyValue"


class Operator(NamedTuple):
    """An operator without its set prefix and `IfExists` suffix."""

    family: Family
    comparison: Comparison
    negated: bool


class Block(NamedTuple):
    """A range of IP addresses: version 4 or 6, first and last address as numbers."""

    version: int
    first: int
    last: int


# Numbers and dates are exact ratios (numerator, denominator); dates count seconds.
Ratio = tuple[int, int]
Value = Text | Ratio | Block | bool | str


class PrincipalKind(StrEnum):
    """What a principal entry names."""

    EVERYONE = "everyone"
    ACCOUNT = "account"
    IDENTITY = "identity"
    SESSION = "session"
    SERVICE = "service"
    FEDERATED = "federated"
    CANONICAL = "canonical"
    UNIQUE_ID = "unique-id"


class Named(NamedTuple):
    """One principal entry; `partition` is empty for a bare account id, `role` is a name."""

    kind: PrincipalKind
    value: str = ""
    partition: str = ""
    account: str = ""
    role: str = ""


class Condition(NamedTuple):
    """One operator applied to one key; `key` is in lower case, `name` as written."""

    operator: Operator
    quantifier: Quantifier
    if_exists: bool
    key: str
    name: str
    values: tuple[Value, ...]
    pointer: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; the `not_` flags mean that the list names what is left out."""

    index: int
    pointer: str
    allow: bool
    principals: tuple[Named, ...]
    not_principals: bool
    actions: tuple[Text, ...]
    not_actions: bool
    resources: tuple[Text, ...]
    not_resources: bool
    conditions: tuple[Condition, ...]
    sid: str | None


class Policy(NamedTuple):
    """A whole policy document."""

    statements: tuple[Statement, ...]
    variables: bool

"""The stricter rules that EC2 applies when an endpoint policy is written.

A policy can be sound IAM and still be refused by ModifyVpcEndpoint. The rules are documented with
the endpoints (VPC guide, "Control access to VPC endpoints using endpoint policies").
"""

from __future__ import annotations

import re

from guardrail.core.policy.document import (
    Comparison,
    Condition,
    Family,
    Policy,
    Statement,
    Text,
    Variable,
    Wild,
)
from guardrail.core.policy.parse import UnreadableError, parse
from guardrail.core.policy.problems import at
from guardrail.core.policy.read_text import FIELDS
from guardrail.core.policy.verdict import PolicyCode, PolicyReason

LEAST_LITERAL = 6

# Global keys whose values AWS generates: no wildcards and no numeric operators on them.
GENERATED = frozenset(
    {
        "aws:ec2instancesourcevpc",
        "aws:principalaccount",
        "aws:principalorgid",
        "aws:resourceaccount",
        "aws:resourceorgid",
        "aws:sourceaccount",
        "aws:sourceorgid",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
    }
)
_ACCOUNT = re.compile(r"[0-9]{12}")


def check_endpoint_rules(text: str) -> tuple[PolicyReason, ...]:
    """Return what EC2 would refuse in the document; empty when nothing is known against it."""
    try:
        policy = parse(text)
    except UnreadableError as error:
        return error.reasons
    return _broken_rules(policy)


def _broken_rules(policy: Policy) -> tuple[PolicyReason, ...]:
    found: list[PolicyReason] = []
    for statement in policy.statements:
        found += [
            PolicyReason(PolicyCode.MALFORMED, message, statement.index, pointer)
            for message, pointer in (*_resource_rules(statement), *_condition_rules(statement))
        ]
    return tuple(found)


def _resource_rules(statement: Statement) -> list[tuple[str, str]]:
    name = "NotResource" if statement.not_resources else "Resource"
    pointer = at(statement.pointer, name)
    return [
        ("the account in an ARN is an id or a wildcard, not a mix", pointer)
        for text in statement.resources
        if _mixed_account(text)
    ]


def _condition_rules(statement: Statement) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for condition in statement.conditions:
        family, comparison, _ = condition.operator
        generated = condition.key in GENERATED
        if generated and family is Family.NUMBER:
            found.append((f"a numeric operator on {condition.name}", condition.pointer))
        if comparison is Comparison.LIKE:
            found += _like_rules(condition, generated=generated)
        # EC2 may read an ARN wherever a key holds one, whatever the operator.
        names_arns = comparison is Comparison.ARN or condition.key.endswith("arn")
        if names_arns and any(map(_mixed_account, _texts(condition))):
            message = "the account in an ARN is an id or a wildcard, not a mix"
            found.append((message, condition.pointer))
    return found


def _like_rules(condition: Condition, *, generated: bool) -> list[tuple[str, str]]:
    wild = [text for text in _texts(condition) if any(isinstance(part, Wild) for part in text)]
    if wild and generated:
        return [(f"a wildcard in {condition.name}, an id that AWS generates", condition.pointer)]
    message = f"a wildcard with fewer than {LEAST_LITERAL} characters on either side"
    return [(message, condition.pointer) for text in wild if not _anchored(text)]


def _texts(condition: Condition) -> list[Text]:
    return [value for value in condition.values if isinstance(value, tuple)]  # type: ignore[misc]


def _anchored(text: Text) -> bool:
    """Whether each wildcard has enough literal characters before or after it."""
    return all(
        any(_long(text[near]) for near in (place - 1, place + 1) if 0 <= near < len(text))
        for place, part in enumerate(text)
        if isinstance(part, Wild)
    )


def _long(part: object) -> bool:
    return type(part) is str and len(part) >= LEAST_LITERAL


def _mixed_account(text: Text) -> bool:
    """Whether the fifth field of an ARN is neither an id nor one wildcard nor empty."""
    fields: list[list[object]] = [[]]
    for part in text:
        if isinstance(part, Wild | Variable):
            fields[-1].append(part)
            continue
        first, *others = part.split(":")
        fields[-1] += [first] if first else []
        fields += [[other] if other else [] for other in others]
    if len(fields) < FIELDS:
        return False
    account = fields[4]
    if len(account) == 1 and type(account[0]) is str:
        return account[0] != "aws" and not _ACCOUNT.fullmatch(account[0])
    return len(account) > 1

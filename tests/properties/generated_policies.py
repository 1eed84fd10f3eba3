"""Random pairs of policies for the differential tests: a seed gives the same pair everywhere.

Half of the baselines are the candidate with a few edits, so that containment is near the border.
"""

from __future__ import annotations

import copy
import json
import random
from typing import Any

ACCOUNT = "123456789012"
OTHER = "999988887777"
MACHINE = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:"

PRINCIPALS: list[Any] = [
    "*",
    {"AWS": ACCOUNT},
    {"AWS": [ACCOUNT, OTHER]},
    {"AWS": f"arn:aws:iam::{ACCOUNT}:user/MyUser"},
    {"AWS": f"arn:aws:iam::{ACCOUNT}:role/App"},
    {"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/App/one"},
    {"AWS": ACCOUNT, "Service": "events.amazonaws.com"},
]
ACTIONS = [
    "*",
    "states:*",
    "states:Start*",
    "states:*Execution",
    "states:St?p*",
    "states:Delete*",
    "states:D*",
    "states:StartExecution",
    "states:*Exec*",
    "s3:*",
    "*Execution",
]
RESOURCES = [
    "*",
    MACHINE + "*",
    MACHINE + "a*",
    MACHINE + "*b",
    MACHINE + "a*b",
    MACHINE + "ab",
    MACHINE + "a?b*",
    "arn:aws:states:us-*:*:stateMachine:?b",
    f"arn:aws:states:*:{ACCOUNT}:*",
    f"arn:aws:states:*:{ACCOUNT}:stateMachine:a-*",
    "arn:aws:states:*",
    "arn:*",
]
STRINGS = {
    "aws:PrincipalOrgID": ["o-abc1234567", "o-zzz9999999", "o-*", "o-a*", "*"],
    "aws:SourceVpc": ["vpc-1", "vpc-2", "vpc-*"],
    "aws:PrincipalTag/team": ["a", "b", "ab", "A", "a*", "*b", "?", "??", ""],
}
STRING_OPERATORS = [
    "StringEquals",
    "StringNotEquals",
    "StringLike",
    "StringNotLike",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
]
ARNS = [
    "arn:aws:*:*:*:*",
    f"arn:aws:states:*:{ACCOUNT}:stateMachine:app-*",
    MACHINE + "app-1",
    MACHINE + "?pp-*",
]


def generated_pair(seed: int, *, sets: bool = True, variables: bool = True) -> tuple[str, str]:
    """Return candidate and baseline as JSON texts."""
    choice = random.Random(seed)  # noqa: S311 - reproducible, not secret
    candidate = [_statement(choice, sets=sets) for _ in range(choice.randint(1, 4))]
    if choice.random() < 0.5:
        baseline = [_edited(one, choice, sets=sets) for one in copy.deepcopy(candidate)]
        choice.shuffle(baseline)
        if choice.random() < 0.3:
            baseline.append(_statement(choice, sets=sets))
        if choice.random() < 0.5:
            candidate, baseline = baseline, candidate
    else:
        baseline = [_statement(choice, sets=sets) for _ in range(choice.randint(1, 4))]
    if variables and choice.random() < 0.25:
        for statements in (candidate, baseline):
            _put_variable(choice.choice(statements), choice)
    return _document(candidate), _document(baseline)


def _document(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _some(choice: random.Random, values: list[str]) -> Any:
    picked = choice.sample(values, choice.randint(1, 2))
    return picked[0] if len(picked) == 1 and choice.random() < 0.5 else picked


def _statement(choice: random.Random, *, sets: bool) -> dict[str, Any]:
    principal = choice.choice(PRINCIPALS)
    inverted = principal != "*" and choice.random() < 0.1
    statement: dict[str, Any] = {
        "Effect": "Allow" if choice.random() < 0.7 else "Deny",
        "NotPrincipal" if inverted else "Principal": principal,
        "NotAction" if choice.random() < 0.15 else "Action": _some(choice, ACTIONS),
        "NotResource" if choice.random() < 0.15 else "Resource": _some(choice, RESOURCES),
    }
    if choice.random() < 0.65:
        statement["Condition"] = _conditions(choice, sets=sets)
    return statement


def _conditions(choice: random.Random, *, sets: bool) -> dict[str, Any]:
    block: dict[str, Any] = {}
    for _ in range(choice.randint(1, 2)):
        operator, key, values = _condition(choice, sets=sets)
        block.setdefault(operator, {})[key] = values
    return block


def _condition(choice: random.Random, *, sets: bool) -> tuple[str, str, Any]:
    if_exists = "IfExists" if choice.random() < 0.2 else ""
    kind = choice.randrange(9 if sets else 7)
    if kind < 3:
        key = choice.choice(list(STRINGS))
        return choice.choice(STRING_OPERATORS) + if_exists, key, _some(choice, STRINGS[key])
    if kind == 3:
        operator = choice.choice(["IpAddress", "NotIpAddress"])
        values = ["10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0", "::/0", "10.1.2.3"]
        return operator + if_exists, "aws:SourceIp", _some(choice, values)
    if kind == 4:
        signs = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan"]
        operator = f"Numeric{choice.choice([*signs, 'GreaterThanEquals'])}"
        return operator + if_exists, "aws:MultiFactorAuthAge", _some(choice, ["5", "7", "10"])
    if kind == 5:
        operator = choice.choice(["Bool", "Null"])
        key = "aws:SecureTransport" if operator == "Bool" else choice.choice(list(STRINGS))
        value = choice.choice(["true", "false"])
        return operator + (if_exists if operator == "Bool" else ""), key, value
    if kind == 6:
        operator = choice.choice(["ArnLike", "ArnNotLike", "ArnEquals"])
        return operator + if_exists, "aws:SourceArn", _some(choice, ARNS)
    quantifier = choice.choice(["ForAllValues", "ForAnyValue"])
    operator = f"{quantifier}:{choice.choice(STRING_OPERATORS)}{if_exists}"
    return operator, "aws:TagKeys", _some(choice, ["a", "b", "ab", "a*", "*b", "A"])


def _edited(statement: dict[str, Any], choice: random.Random, *, sets: bool) -> dict[str, Any]:
    edit = choice.randrange(7)
    if edit == 0:
        statement.pop("Condition", None)
    elif edit == 1:
        operator, key, values = _condition(choice, sets=sets)
        statement.setdefault("Condition", {}).setdefault(operator, {})[key] = values
    elif edit == 2 and "Resource" in statement:
        statement["Resource"] = choice.choice(RESOURCES)
    elif edit == 3 and "Action" in statement:
        statement["Action"] = choice.choice(ACTIONS)
    elif edit == 4 and "Principal" in statement:
        statement["Principal"] = choice.choice(PRINCIPALS)
    return statement


def _put_variable(statement: dict[str, Any], choice: random.Random) -> None:
    if choice.random() < 0.5 and "Resource" in statement:
        tail = choice.choice(["${aws:username}", "a${aws:username}", "${aws:username}-*"])
        statement["Resource"] = MACHINE + tail
    else:
        value = choice.choice(["${aws:PrincipalTag/team}", "x-${aws:PrincipalTag/team, 'none'}"])
        condition = statement.setdefault("Condition", {})
        operator = choice.choice(["StringEquals", "StringNotEquals", "StringLike"])
        condition.setdefault(operator, {})["aws:ResourceTag/team"] = value

"""Callers and the keys that follow from them: requests as AWS would really send them."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from independent_evaluator import allowed

from guardrail.core.policy import Outcome, decide

MINE, THEIRS = "123456789012", "999988887777"
ROLE = f"arn:aws:iam::{MINE}:role/App"
USER = f"arn:aws:iam::{MINE}:user/Ana"
SESSION = f"arn:aws:sts::{MINE}:assumed-role/App/one"
OTHER_SESSION = f"arn:aws:sts::{MINE}:assumed-role/App/two"
OUTSIDE = "arn:aws:iam::121212121212:user/q"

PRINCIPALS: list[Any] = [
    "*",
    {"AWS": MINE},
    {"AWS": [MINE, THEIRS]},
    {"AWS": USER},
    {"AWS": ROLE},
    {"AWS": SESSION},
    {"AWS": MINE, "Service": "events.amazonaws.com"},
]
VALUES = {
    "aws:PrincipalAccount": [MINE, THEIRS, "1*", "*", "anonymous"],
    "aws:PrincipalArn": [ROLE, USER, f"arn:aws:iam::{MINE}:*", "arn:aws:iam::*:role/*"],
}
OPERATORS = ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"]

# The caller, and what a request of it carries as ARN and as account.
CALLERS: list[tuple[str, str | None, str | None]] = [
    (USER, USER, MINE),
    (ROLE, ROLE, MINE),
    (SESSION, ROLE, MINE),
    (OTHER_SESSION, ROLE, MINE),
    (f"arn:aws:iam::{MINE}:role/Z", f"arn:aws:iam::{MINE}:role/Z", MINE),
    (f"arn:aws:iam::{MINE}:root", f"arn:aws:iam::{MINE}:root", MINE),
    (f"arn:aws:iam::{THEIRS}:role/App", f"arn:aws:iam::{THEIRS}:role/App", THEIRS),
    (OUTSIDE, OUTSIDE, "121212121212"),
    ("anonymous", None, None),
    ("anonymous", None, "anonymous"),
    ("events.amazonaws.com", None, None),
    ("events.amazonaws.com", None, MINE),
    ("events.amazonaws.com", ROLE, MINE),
]


def statement(choice: random.Random) -> dict[str, Any]:
    """Return a statement about callers only."""
    principal = choice.choice(PRINCIPALS)
    name = "NotPrincipal" if principal != "*" and choice.random() < 0.15 else "Principal"
    found: dict[str, Any] = {
        "Effect": "Allow" if choice.random() < 0.65 else "Deny",
        name: principal,
        "Action": "states:*",
        "Resource": "*",
    }
    for _ in range(choice.randrange(3)):
        key = choice.choice(list(VALUES))
        operator = choice.choice(OPERATORS) + choice.choice(["", "", "IfExists"])
        picked = choice.sample(VALUES[key], choice.randint(1, 2))
        found.setdefault("Condition", {}).setdefault(operator, {})[key] = picked
    return found


def request_of(caller: tuple[str, str | None, str | None]) -> dict[str, Any]:
    """Return the request that such a caller sends."""
    name, arn, account = caller
    carried = {"aws:PrincipalArn": arn, "aws:PrincipalAccount": account}
    return {
        "principal": name,
        "action": "states:StartExecution",
        "resource": "arn:aws:states:us-east-1:123456789012:stateMachine:x",
        "context": {key: value for key, value in carried.items() if value is not None},
    }


@pytest.mark.parametrize("block", range(10))
def test_no_real_caller_contradicts_a_verdict(block: int) -> None:
    """Contained holds for every kind of caller; witnesses pass the candidate alone."""
    for seed in range(block * 100, block * 100 + 100):
        choice = random.Random(seed)  # noqa: S311 - reproducible
        policies = [
            {"Statement": [statement(choice) for _ in range(choice.randint(1, 3))]}
            for _ in range(2)
        ]
        verdict = decide(json.dumps(policies[0]), json.dumps(policies[1]))
        assert verdict.outcome in {Outcome.CONTAINED, Outcome.BROADER}
        requests = [request_of(caller) for caller in CALLERS]
        beyond = [
            one for one in requests if allowed(policies[0], one) and not allowed(policies[1], one)
        ]
        if verdict.witness is None:
            assert beyond == [], policies
        else:
            witness = {
                "principal": verdict.witness.principal,
                "action": verdict.witness.action,
                "resource": verdict.witness.resource,
                "context": dict(verdict.witness.context),
            }
            assert allowed(policies[0], witness), policies
            assert not allowed(policies[1], witness), policies

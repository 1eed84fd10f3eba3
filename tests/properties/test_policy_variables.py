"""Policy variables under odd values: whatever they hold, `contained` stands."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest
from independent_evaluator import allowed

from guardrail.core.policy import Outcome, decide

PLACE = "arn:aws:states:us-east-1:123456789012:stateMachine:"
TEXTS = ["a", "b", "ab", "", "a-b", "${v:u}", "${v:w}", "${v:u, 'a'}", "a${v:u}", "${v:u}b"]
GLOBS = [*TEXTS, "*", "a*", "*b", "?", "a?*", "${v:u}*", "a-${v:w}", "*${v:u}*", "?${v:u}", "${*}"]
ARNS = [
    "arn:aws:s3:::${v:u}",
    "arn:aws:s3:::*",
    "arn:aws:s3:::a*",
    "arn:aws:*:::a",
    "arn:aws:s3:::b",
]
KEYS = ["v:u", "v:w", "v:tag"]
VALUES = ["", "a", "b", "A", "AB", "ab", "a-b", "q", "a:b", ":", "/", "*", "a-q", "qb"]


def pick(choice: random.Random, texts: list[str]) -> list[str]:
    """Return one or two of the texts."""
    return choice.sample(texts, choice.randint(1, 2))


def condition(choice: random.Random) -> tuple[str, str, list[str]]:
    """Return an operator, a key and values."""
    negated = choice.choice(["", "", "Not"])
    if_exists = choice.choice(["", "", "IfExists"])
    kind = choice.randrange(6)
    if kind == 0:
        return "Null", choice.choice(KEYS), [choice.choice(["true", "false"])]
    if kind == 1:
        return f"Arn{negated}Like{if_exists}", "v:arn", pick(choice, ARNS)
    if kind == 2:
        return f"String{negated}Like{if_exists}", "v:arn", pick(choice, ARNS)
    name, texts = choice.choice([("Equals", TEXTS), ("Like", GLOBS), ("EqualsIgnoreCase", TEXTS)])
    return f"String{negated}{name}{if_exists}", choice.choice(KEYS), pick(choice, texts)


def statement(choice: random.Random) -> dict[str, Any]:
    """Return a statement about resources and conditions."""
    name = "NotResource" if choice.random() < 0.15 else "Resource"
    places = [PLACE + text for text in pick(choice, GLOBS)]
    found: dict[str, Any] = {
        "Effect": "Allow" if choice.random() < 0.65 else "Deny",
        "Principal": "*",
        "Action": "states:*",
        name: places if choice.random() < 0.5 else "*",
    }
    for _ in range(choice.randrange(3)):
        operator, key, values = condition(choice)
        found.setdefault("Condition", {}).setdefault(operator, {})[key] = values
    return found


def pair(choice: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return two policies that have statements in common."""
    shared = [statement(choice) for _ in range(choice.randint(1, 3))]
    policies = []
    for _ in range(2):
        own = [statement(choice) for _ in range(choice.randrange(2))]
        kept = [one for one in shared if choice.random() < 0.8]
        statements = [json.loads(json.dumps(one)) for one in (kept + own or shared)]
        if choice.random() < 0.3:
            choice.choice(statements).pop("Condition", None)
        choice.shuffle(statements)
        policies.append({"Version": "2012-10-17", "Statement": statements})
    return policies[0], policies[1]


def spelled(choice: random.Random, text: str, context: dict[str, str]) -> str:
    """Return a text of a policy with values for its variables and wildcards."""

    def value(match: re.Match[str]) -> str:
        name, _, default = match.group(1).partition(",")
        return context.get(name) or default.strip(" '") or (name if len(name) == 1 else "")

    filled = re.sub(r"\$\{([^}]*)\}", value, text)
    return "".join(
        choice.choice(VALUES) if one == "*" else choice.choice("abq:") if one == "?" else one
        for one in filled
    )


def requests(choice: random.Random, policies: Any) -> list[dict[str, Any]]:
    """Return requests with values that the policies mention, and odd ones."""
    strings = sorted(set(re.findall(r'"([^"]*)"', json.dumps(policies))))
    places = [one for one in strings if one.startswith(PLACE)] or ["*"]
    found = []
    for _ in range(60):
        context = {key: choice.choice(VALUES) for key in KEYS if choice.random() < 0.8}
        tagged = choice.choice([text for text in strings if "arn:" not in text])
        if choice.random() < 0.5:
            context["v:tag"] = spelled(choice, tagged, context)
        if choice.random() < 0.8:
            context["v:arn"] = spelled(choice, choice.choice(ARNS), context)
        resource = spelled(choice, choice.choice(places), context) or "q"
        found.append(
            {
                "principal": "arn:aws:iam::121212121212:user/q",
                "action": "states:StartExecution",
                "resource": resource,
                "context": context,
            }
        )
    return found


def contradiction(policies: tuple[dict[str, Any], dict[str, Any]], request: dict[str, Any]) -> bool:
    """Whether the candidate allows the request and the baseline does not, in some reading."""
    return any(
        allowed(policies[0], request, segmented=segmented)
        and not allowed(policies[1], request, segmented=segmented)
        for segmented in (False, True)
    )


@pytest.mark.parametrize("block", range(10))
def test_no_value_of_a_variable_contradicts_a_verdict(block: int) -> None:
    """Contained holds for empty, short and odd values; witnesses pass the candidate alone."""
    for seed in range(block * 60, block * 60 + 60):
        choice = random.Random(seed)  # noqa: S311 - reproducible
        policies = pair(choice)
        verdict = decide(json.dumps(policies[0]), json.dumps(policies[1]))
        if verdict.outcome is Outcome.CONTAINED:
            for request in requests(choice, policies):
                assert not contradiction(policies, request), (policies, request)
        elif verdict.witness is not None:
            witness = {
                "principal": verdict.witness.principal,
                "action": verdict.witness.action,
                "resource": verdict.witness.resource,
                "context": dict(verdict.witness.context),
            }
            assert contradiction(policies, witness), (policies, witness)


@pytest.mark.parametrize("seed", range(60))
def test_a_policy_with_variables_is_contained_in_itself(seed: int) -> None:
    """Reflexive, whatever order the statements stand in."""
    choice = random.Random(seed)  # noqa: S311 - reproducible
    policy, _ = pair(choice)
    turned = {**policy, "Statement": policy["Statement"][::-1]}
    verdict = decide(json.dumps(policy), json.dumps(turned))
    assert verdict.outcome is Outcome.CONTAINED, policy

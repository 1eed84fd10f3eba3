"""Hostile policies cost bounded work: the verdict is undecided, and soon."""

from __future__ import annotations

import json
import sys
from types import FrameType
from typing import Any

import pytest

from guardrail.core.policy import Outcome, Verdict, decide

MOST_CALLS = 8_000_000
"""Half a second to a second of an ordinary machine; counted, since a machine may be anything."""


def counted(candidate: str, baseline: str) -> tuple[Verdict, int]:
    """Return the verdict and how many functions were called for it, those in C included."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        del frame, argument
        calls += event in {"call", "c_call"}

    decide.cache_clear()
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        verdict = decide(candidate, baseline, service=None)
    finally:
        sys.setprofile(before)
    return verdict, calls


def policy(*resources: str, **more: Any) -> str:
    """Return a policy with one Allow for each resource."""
    statements = [
        {"Effect": "Allow", "Principal": "*", "Action": "states:*", "Resource": one, **more}
        for one in resources
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def keyed(count: int) -> tuple[str, str]:
    """Return a disjunction over many keys, on both sides, that is hard to compare."""

    def statement(effect: str, values: dict[str, str]) -> dict[str, Any]:
        condition = {"StringEquals": values}
        return {
            "Effect": effect,
            "Principal": "*",
            "Action": "states:*",
            "Resource": "*",
            "Condition": condition,
        }

    pairs = [
        statement("Allow", {f"t:k{i}": f"v{j}", f"t:k{(i + j) % count}": "v1"})
        for i in range(count)
        for j in range(1, 5)
    ]
    everything = {"Effect": "Allow", "Principal": "*", "Action": "states:*", "Resource": "*"}
    return json.dumps({"Statement": everything}), json.dumps({"Statement": pairs})


def pigeons(count: int) -> tuple[str, str]:
    """Return everything against statements that cover it as the pigeonhole principle does."""

    def statement(operator: str, keys: list[str]) -> dict[str, Any]:
        condition = {operator: dict.fromkeys(keys, "1")}
        return {**EVERYTHING, "Condition": condition}

    holes = range(count - 1)
    homeless = [statement("StringNotEquals", [f"t:{i}-{j}" for j in holes]) for i in range(count)]
    crowded = [
        statement("StringEquals", [f"t:{i}-{j}", f"t:{k}-{j}"])
        for j in holes
        for i in range(count)
        for k in range(i)
    ]
    return json.dumps({"Statement": EVERYTHING}), json.dumps({"Statement": homeless + crowded})


def window(width: int) -> tuple[str, str]:
    """Return an empty candidate whose emptiness takes two to the width states to see."""
    deny = {"Effect": "Deny", "Principal": "*", "Action": "*", "NotResource": "*b" + "?" * width}
    allow = {**EVERYTHING, "Resource": "*a" + "?" * width}
    nothing = {**EVERYTHING, "Effect": "Deny"}
    return json.dumps({"Statement": [allow, deny]}), json.dumps({"Statement": nothing})


def listed(operator: str, count: int, form: str) -> str:
    """Return one Allow with a long list of values under one key."""
    values = [form.format(number // 250, number % 250) for number in range(count)]
    statement = {**EVERYTHING, "Condition": {operator: {"t:key": values}}}
    return json.dumps({"Statement": statement}, separators=(",", ":"))


def variables(form: str, numbers: range) -> str:
    """Return one Allow for a tag that is one of many variables."""
    condition = {"StringEquals": {"a:tag": [form.format(number) for number in numbers]}}
    return policy("*", Condition=condition)


EVERYTHING = {"Effect": "Allow", "Principal": "*", "Action": "states:*", "Resource": "*"}
HOSTILE_OUTCOMES = {
    "pigeons": Outcome.CONTAINED,
    "many addresses": Outcome.CONTAINED,
    "an unterminated string": Outcome.MALFORMED,
}
HOSTILE = {
    "many stars": (policy("*" + "a*" * 3000), policy("*" + "a*" * 3001)),
    "stars and question marks": (
        policy("*a" + "?" * 40),
        policy(*("*" + "?" * i + "a" + "?" * (40 - i) + "b*" for i in range(30))),
    ),
    "overlapping windows": (
        policy("*a" + "?" * 24 + "*"),
        policy(*(f"*{x}" + "?" * 23 + f"{y}*" for x in "abc" for y in "abc")),
    ),
    "no shared end": (
        policy("*a" + "?" * 30),
        policy(*("*" + x + "?" * i for i, x in enumerate("bcdefghijk", start=20)), "*a?*" + "b*"),
    ),
    "many regions": (
        policy(*(f"arn:aws:states:*:*:stateMachine:*{i}*" for i in range(60))),
        policy(*(f"arn:aws:states:*:*:stateMachine:*{i}*x*" for i in range(60))),
    ),
    "many keys": keyed(12),
    "pigeons": pigeons(7),
    "windows": window(40),
    "many addresses": (
        listed("IpAddress", 900, "10.{0}.{1}.0/25"),
        listed("IpAddress", 900, "10.{0}.{1}.0/24"),
    ),
    "many patterns": (
        policy(*([[f"a*{i}*" for i in range(1500)]])),  # type: ignore[arg-type]
        policy(*([[f"a*{i}?" for i in range(1500)]])),  # type: ignore[arg-type]
    ),
    "many values": (
        listed("StringLike", 1200, "a*{0}-{1}*"),
        listed("StringNotLike", 1200, "*a{1}-{0}*"),
    ),
    "many variables": (
        policy("arn:aws:states:*:*:stateMachine:" + "".join(f"${{t:k{i}}}" for i in range(12))),
        policy("arn:aws:states:*:*:stateMachine:" + "".join(f"${{t:k{i}}}?" for i in range(12))),
    ),
    "one variable many times": (
        policy("arn:aws:states:a:1:" + "?*${a:v}" * 2200),
        policy("arn:aws:states:a:1:" + "?*${a:v}?" * 2000),
    ),
    "a thousand variables": (
        variables("${{a:{0}}}", range(1000)),
        variables("${{a:{0}}}", range(1, 1000)),
    ),
    "an unterminated string": ('{"a":' + "[]" * 20 + '"' + '\\"' * 10_200, policy("*")),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_policy_is_judged_with_bounded_work(name: str) -> None:
    """Each gets its verdict, or undecided, within the work allowed."""
    candidate, baseline = HOSTILE[name]
    verdict, calls = counted(candidate, baseline)
    assert calls < MOST_CALLS
    assert verdict.outcome in {HOSTILE_OUTCOMES.get(name, Outcome.BROADER), Outcome.UNDECIDED}


def test_identical_text_is_answered_from_memory() -> None:
    """The second decision on the same texts is the same object."""
    candidate, baseline = HOSTILE["many stars"]
    first = decide(candidate, baseline)
    assert decide(candidate, baseline) is first

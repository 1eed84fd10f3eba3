"""Whatever the text, there is a verdict: never an exception, never without bound."""

from __future__ import annotations

import json
import random

import pytest
from generated_policies import generated_pair
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.core.policy import Outcome, decide

BASELINE = (
    '{"Version":"2012-10-17","Statement":'
    '{"Effect":"Allow","Principal":"*","Action":"states:*","Resource":"*"}}'
)
MANY = settings(max_examples=200, deadline=None, derandomize=True, database=None)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
SPICE = [
    "",
    "\ufeff",
    "\x00",
    "\\ud800",
    "\ud800",
    "${",
    "${aws:username}",
    "*" * 50,
    "?" * 50,
    "9" * 400,
    "[" * 500,
    '{"a":' * 500,
    "1e999999",
    "NaN",
    '"Effect":"Allow",',
    "😀",
]


@MANY
@given(JSON)
def test_any_json_is_judged(document: object) -> None:
    """JSON that is no policy is malformed."""
    assert decide(json.dumps(document), BASELINE).outcome is Outcome.MALFORMED


@MANY
@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    """Text that is no JSON object is malformed."""
    assert decide(text, BASELINE).outcome is Outcome.MALFORMED


@MANY
@given(st.integers(min_value=0, max_value=100_000_000))
def test_a_mutated_policy_is_judged(seed: int) -> None:
    """A policy with pieces cut out, doubled or spiced gets a verdict with its reason."""
    choice = random.Random(seed)  # noqa: S311 - reproducible
    text = generated_pair(seed)[0]
    for _ in range(choice.randint(1, 4)):
        start = choice.randrange(len(text) + 1)
        end = min(len(text), start + choice.randrange(12))
        text = text[:start] + choice.choice([*SPICE, text[start:end] * 2]) + text[end:]
    verdict = decide(text, BASELINE)
    assert verdict.outcome is Outcome.CONTAINED or verdict.reasons


@pytest.mark.parametrize("depth", [10, 1000, 10_000])
def test_deep_nesting_is_malformed(depth: int) -> None:
    """Nesting without end is refused before it can exhaust the stack."""
    assert decide("[" * depth + "]" * depth, BASELINE).outcome is Outcome.MALFORMED

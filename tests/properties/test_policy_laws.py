"""Laws of containment that hold for all policies."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

from generated_policies import generated_pair
from hypothesis import given, settings
from hypothesis import strategies as st
from independent_evaluator import allowed

from guardrail.core.policy import Outcome, Verdict, decide

SEEDS = st.integers(min_value=0, max_value=10_000_000)
FEW = settings(max_examples=60, deadline=None, derandomize=True, database=None)


def verdict(candidate: Any, baseline: Any) -> Verdict:
    """Judge two documents."""
    return decide(json.dumps(candidate), json.dumps(baseline), service=None)


def pair(seed: int) -> tuple[Any, Any]:
    """Return two generated documents."""
    candidate, baseline = generated_pair(seed)
    return json.loads(candidate), json.loads(baseline)


@FEW
@given(SEEDS)
def test_a_policy_contains_itself(seed: int) -> None:
    """Containment is reflexive."""
    candidate, _ = pair(seed)
    assert verdict(candidate, candidate).outcome is Outcome.CONTAINED


@FEW
@given(SEEDS, SEEDS)
def test_containment_is_transitive(seed: int, other: int) -> None:
    """What is within something within a third is within the third."""
    first, second = pair(seed)
    third = {**second, "Statement": second["Statement"] + pair(other)[0]["Statement"][:1]}
    if verdict(first, second).contained and verdict(second, third).contained:
        assert verdict(first, third).outcome is not Outcome.BROADER


@FEW
@given(SEEDS)
def test_order_duplicates_and_names_do_not_matter(seed: int) -> None:
    """The same statements in another order, twice, with names, mean the same."""
    candidate, baseline = pair(seed)
    shuffled = copy.deepcopy(candidate)
    random.Random(seed).shuffle(shuffled["Statement"])  # noqa: S311 - reproducible
    shuffled["Statement"].append(copy.deepcopy(shuffled["Statement"][0]))
    for number, statement in enumerate(shuffled["Statement"]):
        statement["Sid"] = f"S{number}"
    assert verdict(shuffled, baseline).outcome is verdict(candidate, baseline).outcome


@FEW
@given(SEEDS, SEEDS)
def test_a_further_deny_never_makes_a_policy_broader(seed: int, other: int) -> None:
    """Adding a Deny to a contained policy leaves it contained."""
    candidate, baseline = pair(seed)
    if verdict(candidate, baseline).contained:
        extra = {**pair(other)[0]["Statement"][0], "Effect": "Deny"}
        narrower = {**candidate, "Statement": [*candidate["Statement"], extra]}
        assert verdict(narrower, baseline).outcome is not Outcome.BROADER


@FEW
@given(SEEDS)
def test_removing_an_allow_never_makes_a_policy_broader(seed: int) -> None:
    """Leaving an Allow out of a contained policy leaves it contained."""
    candidate, baseline = pair(seed)
    allows = [one for one in candidate["Statement"] if one["Effect"] == "Allow"]
    if len(candidate["Statement"]) > 1 and allows and verdict(candidate, baseline).contained:
        rest = [one for one in candidate["Statement"] if one is not allows[0]]
        narrower = {**candidate, "Statement": rest}
        assert verdict(narrower, baseline).outcome is not Outcome.BROADER


@FEW
@given(SEEDS)
def test_splitting_an_allow_changes_nothing(seed: int) -> None:
    """One statement with two actions means the same as two statements with one each."""
    candidate, baseline = pair(seed)
    pieces: list[Any] = []
    for one in candidate["Statement"]:
        actions = one.get("Action")
        split = one["Effect"] == "Allow" and isinstance(actions, list)
        pieces += [{**one, "Action": action} for action in actions] if split else [one]
    divided = {**candidate, "Statement": pieces}
    assert verdict(divided, baseline).outcome is verdict(candidate, baseline).outcome


@FEW
@given(SEEDS)
def test_contained_both_ways_means_equal_on_every_sampled_request(seed: int) -> None:
    """Two policies within each other allow the same witnesses of others."""
    candidate, baseline = pair(seed)
    if not (verdict(candidate, baseline).contained and verdict(baseline, candidate).contained):
        return
    for other in range(seed, seed + 20):
        witness = verdict(*pair(other)).witness
        if witness is not None:
            request = {
                "principal": witness.principal,
                "action": witness.action,
                "resource": witness.resource,
                "context": dict(witness.context),
            }
            assert allowed(candidate, request) is allowed(baseline, request)

"""Symbols, which stand for what a policy variable holds: nothing but equality is known of them."""

from __future__ import annotations

import json

from guardrail.core.policy import Outcome, decide
from guardrail.core.policy.document import Text, Variable, Wild
from guardrail.core.policy.pattern import Pattern, apart, covers, glob
from guardrail.core.policy.search import Budget, StringSearch
from guardrail.core.policy.text_values import filled, symbols

FILL, _ = symbols()
NAME, TEAM = Variable("aws:username"), Variable("aws:principaltag/team")


def pattern(*parts: str | Wild | Variable, ignore_case: bool = False) -> Pattern:
    """Return a pattern with a symbol for each variable."""
    text: Text = filled(parts, FILL) or ()
    return glob(text, ignore_case=ignore_case)


def test_a_symbol_is_inside_a_star_and_itself_only() -> None:
    """A value may be of any length, so neither literals nor `?` cover it."""
    assert covers(pattern("x-", Wild.MANY), pattern("x-", NAME))
    assert covers(pattern("x-", NAME, Wild.MANY), pattern("x-", NAME))
    assert not covers(pattern("x-", Wild.ONE, Wild.MANY), pattern("x-", NAME))
    assert not covers(pattern("x-", TEAM), pattern("x-", NAME))
    assert not covers(pattern("x-", NAME), pattern("x-bob"))


def test_a_symbol_is_apart_from_nothing_that_it_could_be() -> None:
    """Only what surrounds a symbol can set two patterns apart."""
    assert not apart(pattern(NAME), pattern("bob"))
    assert not apart(pattern(NAME), pattern(TEAM))
    assert not apart(pattern("x-", NAME), pattern("x-bob"))
    assert apart(pattern("x-", NAME), pattern("y-bob"))


def test_letter_case_of_a_value_is_unknown_too() -> None:
    """The value itself is among its spellings, but not the other way round."""
    assert covers(pattern(NAME, ignore_case=True), pattern(NAME))
    assert not covers(pattern(NAME), pattern(NAME, ignore_case=True))


def test_a_search_says_none_only_when_no_value_helps() -> None:
    """With symbols, an intersection counts as empty only if it is for all values."""
    search = StringSearch(Budget(10_000))
    some = frozenset({(pattern(NAME),), (pattern("bob"),)})
    none = frozenset({(pattern("x-", NAME),), (pattern("y-", Wild.MANY),)})
    assert search.find(some, frozenset()) is not None
    assert search.find(frozenset({(pattern("bob"),)}), frozenset({pattern(NAME)})) is not None
    assert search.find(none, frozenset()) is None
    assert search.find(frozenset({(pattern(NAME),)}), frozenset({pattern(NAME)})) is None


def test_every_variable_has_a_symbol_of_its_own() -> None:
    """However many there are, two variables are never taken for one."""
    fill, _ = symbols()
    assert len({fill(Variable(f"a:v{number}")) for number in range(2000)}) == 2000


def test_the_witness_against_a_baseline_with_an_organisation_is_an_ordinary_request() -> None:
    """A missing key is told rather than an odd resource."""
    allow = {"Effect": "Allow", "Principal": "*", "Action": "states:*", "Resource": "*"}
    member = {"StringEquals": {"aws:PrincipalOrgID": "o-abc1234567"}}
    granted = [
        {**allow, "Resource": "arn:aws:states:*:*:*", "Condition": member},
        {**allow, "Action": "states:List*", "Condition": member},
    ]
    verdict = decide(json.dumps({"Statement": allow}), json.dumps({"Statement": granted}))
    assert verdict.outcome is Outcome.BROADER
    assert verdict.witness is not None
    assert verdict.witness.resource.startswith("arn:aws:states:us-east-1:111111111111:")
    assert verdict.witness.context == {}

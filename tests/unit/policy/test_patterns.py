"""Patterns as automata, and the search over several of them."""

from __future__ import annotations

import itertools
import re

import pytest

from guardrail.core.policy.pattern import apart, covers, glob
from guardrail.core.policy.problems import OverBudgetError
from guardrail.core.policy.read_text import read_text
from guardrail.core.policy.search import Budget, StringSearch

PATTERNS = [
    "*",
    "a",
    "a*",
    "*a",
    "a?b",
    "*a*",
    "a*b",
    "?",
    "??",
    "?*",
    "*ab*",
    "ab",
    "",
    "*:b",
    "a:*",
]
STRINGS = ["".join(one) for size in range(5) for one in itertools.product("ab:", repeat=size)]


def compiled(raw: str, *, segmented: bool = False) -> object:
    """Return the pattern of a plain text."""
    return glob(read_text(raw, "", wildcards=True, variables=False), segmented=segmented)


def expected(raw: str, text: str) -> bool:
    """Match by a regular expression, as an oracle."""
    regex = re.escape(raw).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(regex, text) is not None


@pytest.mark.parametrize("raw", PATTERNS)
def test_a_pattern_matches_what_its_regular_expression_matches(raw: str) -> None:
    """On all short strings the automaton and the regular expression agree."""
    pattern = compiled(raw)
    assert [pattern.matches(text) for text in STRINGS] == [  # type: ignore[attr-defined]
        expected(raw, text) for text in STRINGS
    ]


@pytest.mark.parametrize(("first", "second"), list(itertools.product(PATTERNS, repeat=2)))
def test_the_quick_tests_never_err(first: str, second: str) -> None:
    """Covering and being apart are only claimed where they hold."""
    one, two = compiled(first), compiled(second)
    both = [text for text in STRINGS if expected(first, text) and expected(second, text)]
    if covers(one, two):  # type: ignore[arg-type]
        assert both == [text for text in STRINGS if expected(second, text)]
    if apart(one, two):  # type: ignore[arg-type]
        assert both == []


@pytest.mark.parametrize(("first", "second"), list(itertools.product(PATTERNS, repeat=2)))
def test_the_search_finds_a_string_exactly_where_there_is_one(first: str, second: str) -> None:
    """A string in one pattern and not in another is found if and only if it exists."""
    search = StringSearch(Budget(100_000))
    found = search.find(
        frozenset({(compiled(first),)}),  # type: ignore[arg-type]
        frozenset({compiled(second)}),  # type: ignore[arg-type]
    )
    exists = any(expected(first, text) and not expected(second, text) for text in STRINGS)
    assert (found is not None) is exists or (found is not None and len(found) > 4)
    if found is not None:
        assert expected(first, found)
        assert not expected(second, found)


@pytest.mark.parametrize(
    ("raw", "text", "matches"),
    [
        ("arn:aws:states:*:1:x", "arn:aws:states:eu:1:x", True),
        ("arn:aws:states:*:1:x", "arn:aws:states:eu:2:1:x", False),
        ("arn:aws:states:eu:1:x*", "arn:aws:states:eu:1:x:y:z", True),
        ("arn:aws:states:e?:1:x", "arn:aws:states:e::1:x", False),
        ("arn:aws:*", "arn:aws:states:eu:1:x", True),
        ("*", "anything:at:all", True),
    ],
)
def test_a_segmented_pattern_keeps_wildcards_in_their_field(
    raw: str, text: str, *, matches: bool
) -> None:
    """In the second reading only the last field's wildcards cross colons."""
    pattern = compiled(raw, segmented=True)
    assert pattern.matches(text) is matches  # type: ignore[attr-defined]


def test_letter_case_can_be_ignored() -> None:
    """A pattern that ignores case matches every spelling."""
    pattern = glob(("Ops-1",), ignore_case=True)
    assert pattern.matches("oPS-1")
    assert not pattern.matches("ops-2")


def test_a_search_stops_when_its_budget_is_spent() -> None:
    """A question with exponentially many states ends in an error, not in a long wait."""
    search = StringSearch(Budget(1000))
    ends = ["*a" + "?" * 30, "*b" + "?" * 30]
    groups = frozenset((compiled(raw),) for raw in ends)
    with pytest.raises(OverBudgetError):
        search.find(groups, frozenset())  # type: ignore[arg-type]


def test_hints_come_first() -> None:
    """A telling value is preferred to an invented one."""
    search = StringSearch(Budget(1000))
    anything = frozenset({(compiled("*"),)})
    assert search.find(anything, frozenset(), ("telling",)) == "telling"  # type: ignore[arg-type]

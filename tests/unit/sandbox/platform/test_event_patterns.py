"""Which events a pattern matches, operator by operator, and which patterns are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from guardrail_sandbox.patterns import InvalidPatternError, check, matches, read

PEOPLE = {"people": [{"first": "Ann", "last": "Doe"}, {"first": "Jo", "last": "Ray"}]}

MATCHES: list[tuple[str, Any, Any]] = [
    ("a value", {"a": ["x"]}, {"a": "x"}),
    ("one of several values", {"a": ["x", "y"]}, {"a": "y"}),
    ("fields that are not asked for", {"a": ["x"]}, {"a": "x", "b": 1}),
    ("nested fields", {"a": {"b": [1]}}, {"a": {"b": 1, "c": 2}}),
    ("null", {"a": [None]}, {"a": None}),
    ("an empty string", {"a": [""]}, {"a": ""}),
    ("true", {"a": [True]}, {"a": True}),
    ("an element of an array", {"a": ["x"]}, {"a": ["w", "x"]}),
    ("an element of an array in an array", {"a": ["x"]}, {"a": [["w"], ["x"]]}),
    ("one element that has all fields", {"people": {"first": ["Jo"], "last": ["Ray"]}}, PEOPLE),
    ("prefix", {"a": [{"prefix": "vpc-"}]}, {"a": "vpc-1"}),
    ("prefix in any case", {"a": [{"prefix": {"equals-ignore-case": "VPC"}}]}, {"a": "vpc-1"}),
    ("suffix", {"a": [{"suffix": ".png"}]}, {"a": "b.png"}),
    ("suffix in any case", {"a": [{"suffix": {"equals-ignore-case": ".PNG"}}]}, {"a": "b.png"}),
    ("equals-ignore-case", {"a": [{"equals-ignore-case": "Alice"}]}, {"a": "aLICE"}),
    ("wildcard in the middle", {"a": [{"wildcard": "dir/*/file"}]}, {"a": "dir/x/y/file"}),
    ("wildcard for nothing", {"a": [{"wildcard": "ab*"}]}, {"a": "ab"}),
    ("a star that is meant", {"a": [{"wildcard": "a\\*b*"}]}, {"a": "a*bc"}),
    ("a backslash that is meant", {"a": [{"wildcard": "a\\\\*"}]}, {"a": "a\\b"}),
    ("anything-but a string", {"a": [{"anything-but": "x"}]}, {"a": "y"}),
    ("anything-but numbers", {"a": [{"anything-but": [1, 2]}]}, {"a": 3}),
    ("anything-but, another type", {"a": [{"anything-but": [1]}]}, {"a": "1"}),
    ("anything-but a prefix", {"a": [{"anything-but": {"prefix": "x"}}]}, {"a": "yx"}),
    ("anything-but prefixes", {"a": [{"anything-but": {"prefix": ["x", "z"]}}]}, {"a": "yx"}),
    ("anything-but a suffix", {"a": [{"anything-but": {"suffix": "x"}}]}, {"a": "xy"}),
    ("anything-but a wildcard", {"a": [{"anything-but": {"wildcard": "*/lib/*"}}]}, {"a": "bin"}),
    ("anything-but any case", {"a": [{"anything-but": {"equals-ignore-case": "x"}}]}, {"a": "y"}),
    ("anything-but, one element differs", {"a": [{"anything-but": "x"}]}, {"a": ["x", "y"]}),
    ("numeric equal", {"a": [{"numeric": ["=", 5]}]}, {"a": 5.0}),
    ("numeric range", {"a": [{"numeric": [">", 0, "<=", 5]}]}, {"a": 5}),
    ("numeric below", {"a": [{"numeric": ["<", 10]}]}, {"a": -3.8}),
    ("cidr", {"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "10.0.0.255"}),
    ("cidr of version 6", {"a": [{"cidr": "2001:db8::/32"}]}, {"a": "2001:db8::1"}),
    ("exists", {"a": [{"exists": True}]}, {"a": None}),
    ("exists not", {"a": [{"exists": False}]}, {"b": 1}),
    ("exists not, below what is absent", {"a": {"b": [{"exists": False}]}}, {}),
    ("exists not, as an object is no leaf", {"a": [{"exists": False}]}, {"a": {"b": 1}}),
    ("exists not, in an empty array", {"a": [{"exists": False}]}, {"a": []}),
    ("one of two alternatives", {"$or": [{"a": [1]}, {"b": [2]}]}, {"a": 0, "b": 2}),
    (
        "alternatives below",
        {"d": {"$or": [{"a": [1]}, {"b": [2]}], "c": [3]}},
        {"d": {"a": 1, "c": 3}},
    ),
    ("operators and values mixed", {"a": ["x", {"prefix": "y"}, 5]}, {"a": 5}),
]

DIFFERS: list[tuple[str, Any, Any]] = [
    ("another value", {"a": ["x"]}, {"a": "xy"}),
    ("another case", {"a": ["x"]}, {"a": "X"}),
    ("an absent field", {"a": ["x"]}, {"b": "x"}),
    ("one field of two", {"a": ["x"], "b": ["y"]}, {"a": "x", "b": "z"}),
    ("true for one", {"a": [1]}, {"a": True}),
    ("one for true", {"a": [True]}, {"a": 1}),
    ("false for zero", {"a": [0]}, {"a": False}),
    ("false for null", {"a": [None]}, {"a": False}),
    ("text for a number", {"a": [1]}, {"a": "1"}),
    ("text for true", {"a": [True]}, {"a": "true"}),
    ("another spelling of a number", {"a": [300]}, {"a": 300.0}),
    ("fields of two elements", {"people": {"first": ["Jo"], "last": ["Doe"]}}, PEOPLE),
    ("an object for a value", {"a": ["x"]}, {"a": {"x": "x"}}),
    ("a value for an object", {"a": {"b": ["x"]}}, {"a": "b"}),
    ("prefix of a number", {"a": [{"prefix": "1"}]}, {"a": 12}),
    ("prefix in another case", {"a": [{"prefix": "VPC"}]}, {"a": "vpc-1"}),
    ("wildcard that is too short", {"a": [{"wildcard": "ab*c"}]}, {"a": "ab"}),
    ("a dot that is meant", {"a": [{"wildcard": "a.c*"}]}, {"a": "abc"}),
    ("anything-but what it is", {"a": [{"anything-but": ["x", "y"]}]}, {"a": "y"}),
    ("anything-but of what is absent", {"a": [{"anything-but": "x"}]}, {}),
    (
        "anything-but one prefix",
        {"a": [{"anything-but": {"prefix": ["x", "y"]}}]},
        {"a": "yx"},
    ),
    ("numeric of text", {"a": [{"numeric": ["=", 5]}]}, {"a": "5"}),
    ("numeric of true", {"a": [{"numeric": ["=", 1]}]}, {"a": True}),
    ("numeric at the open end", {"a": [{"numeric": [">", 0, "<", 5]}]}, {"a": 5}),
    ("cidr outside", {"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "10.0.1.0"}),
    ("cidr of what is no address", {"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "here"}),
    ("exists, of an object", {"a": [{"exists": True}]}, {"a": {"b": 1}}),
    ("exists not, but null", {"a": [{"exists": False}]}, {"a": None}),
    ("neither alternative", {"$or": [{"a": [1]}, {"b": [2]}]}, {"a": 2, "b": 1}),
    ("an alternative without the rest", {"$or": [{"a": [1]}, {"b": [2]}], "c": [3]}, {"a": 1}),
    ("the empty event", {"a": ["x"]}, {}),
]

REFUSED: list[tuple[str, Any]] = [
    ("no object", ["a"]),
    ("the empty pattern", {}),
    ("an empty object below", {"a": {}}),
    ("a bare value", {"a": "x"}),
    ("an empty array", {"a": []}),
    ("an array in an array", {"a": [["x"]]}),
    ("an operator that does not exist", {"a": [{"contains": "x"}]}),
    ("two operators in one", {"a": [{"prefix": "x", "suffix": "y"}]}),
    ("prefix of a number", {"a": [{"prefix": 1}]}),
    ("prefix of something else", {"a": [{"prefix": {"wildcard": "x"}}]}),
    ("exists of text", {"a": [{"exists": "true"}]}),
    ("exists of a number", {"a": [{"exists": 1}]}),
    ("numeric of one item", {"a": [{"numeric": ["="]}]}),
    ("numeric with an unknown sign", {"a": [{"numeric": ["!=", 5]}]}),
    ("numeric of text", {"a": [{"numeric": ["=", "5"]}]}),
    ("numeric beyond five billion", {"a": [{"numeric": ["<", 5_000_000_001]}]}),
    ("anything-but true", {"a": [{"anything-but": [True]}]}),
    ("anything-but nothing", {"a": [{"anything-but": []}]}),
    ("anything-but numeric", {"a": [{"anything-but": {"numeric": ["=", 1]}}]}),
    ("two stars", {"a": [{"wildcard": "a**b"}]}),
    ("a block that is none", {"a": [{"cidr": "10.0.0.0/99"}]}),
    ("one alternative", {"$or": [{"a": [1]}]}),
    ("alternatives that are no objects", {"$or": ["a", "b"]}),
]


def names(cases: list[Any]) -> list[str]:
    """Return what each case is called."""
    return [case[0] for case in cases]


@pytest.mark.parametrize(("_name", "pattern", "event"), MATCHES, ids=names(MATCHES))
def test_a_pattern_matches(_name: str, pattern: Any, event: Any) -> None:
    """What the user guide says that it matches."""
    check(pattern)
    assert matches(pattern, event)


@pytest.mark.parametrize(("_name", "pattern", "event"), DIFFERS, ids=names(DIFFERS))
def test_a_pattern_does_not_match(_name: str, pattern: Any, event: Any) -> None:
    """What looks alike and is not."""
    check(pattern)
    assert not matches(pattern, event)


@pytest.mark.parametrize(("_name", "pattern"), REFUSED, ids=names(REFUSED))
def test_a_pattern_is_refused(_name: str, pattern: Any) -> None:
    """What EventBridge does not take, a rule here does not get."""
    with pytest.raises(InvalidPatternError):
        read(json.dumps(pattern))


def test_text_that_is_no_json_is_refused() -> None:
    """The reason names what is wrong."""
    with pytest.raises(InvalidPatternError, match="not JSON"):
        read("{")

"""Which resources of a template come first."""

from __future__ import annotations

from typing import Any

import pytest

from guardrail_sandbox.stacks.order import in_order, references


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"A": {"Ref": "X"}}, {"X"}),
        ({"A": [{"B": {"Fn::GetAtt": ["X", "Id"]}}]}, {"X"}),
        ({"A": {"Fn::GetAtt": "X.Id"}}, {"X"}),
        ({"A": {"Fn::Sub": "${X}-${Y.Id}-${!Z}"}}, {"X", "Y"}),
        ({"A": {"Fn::Sub": ["${B}", {"B": {"Ref": "X"}}]}}, {"B", "X"}),
        ({"A": {"Fn::If": ["C", {"Ref": "X"}, {"Ref": "Y"}]}}, {"X", "Y"}),
        ({"A": "X"}, set()),
    ],
)
def test_references_are_found_in_every_function(properties: Any, expected: set[str]) -> None:
    """Names of parameters and variables may be among them."""
    assert references({"Properties": properties}) == expected


def test_what_is_depended_on_comes_first() -> None:
    """By reference or by DependsOn; parameters have no place in the order."""
    resources = {
        "Last": {"DependsOn": "Middle"},
        "Middle": {"DependsOn": ["First"], "Properties": {"A": {"Ref": "Parameter"}}},
        "First": {},
    }
    assert in_order(resources) == ["First", "Middle", "Last"]

"""Who hears of what and may do what, as the template and the handlers say: nothing is repeated."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from importlib import import_module
from typing import Any

from guardrail.core.actions import ActionKind
from guardrail_sandbox import patterns
from template.stack_template import template


def listeners(event: dict[str, Any]) -> list[str]:
    """Return the functions whose rules match an event, once for each rule."""
    return [
        name for pattern, names in _rules() if patterns.matches(pattern, event) for name in names
    ]


@cache
def allowed(function: str) -> Collection[ActionKind]:
    """Return what a function may do: its handler module says so."""
    module, _, _ = str(template().properties(function)["Handler"]).rpartition(".")
    found: Collection[ActionKind] = import_module(module).ALLOWED
    return found


@cache
def _rules() -> list[tuple[dict[str, Any], list[str]]]:
    return [
        (rule["EventPattern"], [target["Arn"]["Fn::GetAtt"][0] for target in rule["Targets"]])
        for _, rule in template().of_type("AWS::Events::Rule")
        if "EventPattern" in rule
    ]

"""Requests at the boundaries of two policies, to be tried one by one."""

from __future__ import annotations

import json
import random
import re
from typing import Any

from independent_evaluator import allowed

SAMPLES = 250
_CALLERS = [
    "arn:aws:iam::123456789012:user/MyUser",
    "arn:aws:iam::123456789012:role/App",
    "arn:aws:sts::123456789012:assumed-role/App/one",
    "arn:aws:sts::123456789012:assumed-role/App/two",
    "arn:aws:iam::123456789012:role/Another",
    "arn:aws:iam::999988887777:user/Them",
    "arn:aws:iam::111111111111:role/Outside",
    "events.amazonaws.com",
    "anonymous",
]
_TYPED = {
    "aws:SourceIp": ["10.1.2.3", "10.1.0.1", "10.200.0.1", "8.8.8.8", "2001:db8::1"],
    "aws:MultiFactorAuthAge": ["4", "5", "6", "7", "8.5", "10", "11"],
    "aws:SecureTransport": ["true", "false"],
}


def counterexample(
    candidate: str, baseline: str, *, service: str | None, seed: int
) -> dict[str, Any] | None:
    """Return a request that only the candidate allows, under either reading, if one is sampled."""
    policies = json.loads(candidate), json.loads(baseline)
    choice = random.Random(seed)  # noqa: S311 - reproducible, not secret
    dimensions = _dimensions(policies, service)
    for _ in range(SAMPLES):
        request = _request(dimensions, choice)
        for segmented in (False, True):
            if allowed(policies[0], request, segmented=segmented) and not allowed(
                policies[1], request, segmented=segmented
            ):
                return request
    return None


def _request(dimensions: dict[str, list[Any]], choice: random.Random) -> dict[str, Any]:
    picked = {name: choice.choice(values) for name, values in dimensions.items()}
    request = {name: picked.pop(name) for name in ("principal", "action", "resource")}
    request["context"] = {key: value for key, value in picked.items() if value is not None}
    return request


def _dimensions(policies: tuple[Any, Any], service: str | None) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {"principal": _CALLERS, "action": [], "resource": ["x", "arn:x"]}
    found["aws:username"] = [None, "b", "secret"]
    for policy in policies:
        for statement in policy["Statement"]:
            for name in ("Action", "NotAction"):
                found["action"] += _actions(statement.get(name, []), service)
            for name in ("Resource", "NotResource"):
                found["resource"] += _filled(statement.get(name, []))
            for operator, keys in statement.get("Condition", {}).items():
                for key, values in keys.items():
                    found.setdefault(key, [None])
                    if operator != "Null":
                        found[key] += _values(key, values)
    return found


def _actions(patterns: Any, service: str | None) -> list[str]:
    texts = [one.lower() for one in _filled(patterns)] + [f"{service or 'iam'}:startexecution"]
    shape = rf"{service}:[a-z0-9]+" if service else "[a-z0-9-]+:[a-z0-9]+"
    return [text for text in texts if re.fullmatch(shape, text)]


def _values(key: str, values: Any) -> list[Any]:
    if key in _TYPED:
        return _TYPED[key]
    texts = _filled(values)
    if key == "aws:TagKeys":
        return [[one] for one in texts] + [[one, other] for one in texts for other in ["a", "zz"]]
    return texts


def _filled(patterns: Any) -> list[str]:
    """Each pattern with its wildcards filled, and something just beside it."""
    found: list[str] = []
    for pattern in patterns if isinstance(patterns, list) else [patterns]:
        for many in ("", "x", "a:b", "ab"):
            text = re.sub(r"\$\{[^}]*\}", "b", pattern).replace("?", "a").replace("*", many)
            found += [text, text + "b", text.swapcase() if many == "x" else text]
    return [text for text in found if text]

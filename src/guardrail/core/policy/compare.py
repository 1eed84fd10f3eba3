"""The first decision procedure: a policy is contained when it means the same as the baseline.

Normalised comparison: order, scalar or list, case of actions, `"*"` or `{"AWS": "*"}`, account
id or root ARN, and Sid make no difference. Anything else is undecided.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from guardrail.core.policy.verdict import Outcome, PolicyCode, PolicyReason, Verdict

_OPEN = '{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}]}'


@lru_cache(maxsize=1024)
def decide(candidate: str, baseline: str) -> Verdict:
    """Return whether `candidate` (JSON text) means the same as `baseline` (JSON text)."""
    try:
        given = _normal(json.loads(candidate))
    except (ValueError, TypeError, AttributeError, RecursionError):
        message = "the policy is not a readable policy document"
        return Verdict(Outcome.MALFORMED, (PolicyReason(PolicyCode.MALFORMED, message),))
    if given == _normal(json.loads(baseline)):
        return Verdict(Outcome.CONTAINED)
    is_open = given == _normal(json.loads(_OPEN))
    message = (
        "the policy is the default that lets everyone do everything"
        if is_open
        else "the policy differs from the baseline"
    )
    return Verdict(Outcome.UNDECIDED, (PolicyReason(PolicyCode.UNDECIDED, message),))


def fallback(candidate: str, baseline: str) -> str:
    """Return what to write in place of `candidate`: the baseline."""
    del candidate
    return baseline


def _normal(document: Any) -> Any:
    statements = document["Statement"] if "Statement" in document else []
    listed = statements if isinstance(statements, list) else [statements]
    return document.get("Version", "2008-10-17"), sorted(json.dumps(_statement(s)) for s in listed)


def _statement(statement: dict[str, Any]) -> Any:
    return sorted((k, _element(k, v)) for k, v in statement.items() if k != "Sid")


def _element(name: str, value: Any) -> Any:
    if name in {"Principal", "NotPrincipal"}:
        return {"AWS": ["*"]} if value == "*" else {k: _values(v) for k, v in value.items()}
    if name in {"Action", "NotAction"}:
        return [action.lower() for action in _values(value)]
    if isinstance(value, dict):
        return {
            op.lower(): {k.lower(): _values(v) for k, v in sorted(keys.items())}
            for op, keys in sorted(value.items())
        }
    return _values(value)


def _values(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return sorted(_account(str(item)) for item in listed)


def _account(text: str) -> str:
    parts = text.split(":")
    return parts[4] if len(parts) == 6 and parts[5] == "root" else text

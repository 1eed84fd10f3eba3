"""What to write instead of a policy that is not contained."""

from __future__ import annotations

import json
from typing import Any

from guardrail.core.policy.decide import decide
from guardrail.core.policy.endpoint_rules import check_endpoint_rules
from guardrail.core.policy.parse import UnreadableError, parse
from guardrail.core.policy.problems import DocumentError
from guardrail.core.policy.read_json import MAX_CHARACTERS, read_object


def fallback(candidate: str, baseline: str, *, service: str | None = "states") -> str:
    """Return the policy to write, minified and always contained in `baseline`.

    The candidate's own Deny statements are kept when the whole parses, fits and means the same
    under the baseline's version; else the baseline stands alone. Raises `ValueError` for a
    baseline that is malformed or cannot be judged.
    """
    plain = baseline_alone(baseline)
    if not decide(plain, baseline, service=service).contained:
        raise ValueError("the baseline is not decided to be within itself")
    for text in _with_denies(candidate, baseline):
        legal = len(text) <= MAX_CHARACTERS and not check_endpoint_rules(text)
        if legal and decide(text, baseline, service=service).contained:
            return text
    return plain


def baseline_alone(baseline: str) -> str:
    """Return the baseline as it is written: minified, with nothing of anybody else's."""
    return _minified(read_object(baseline))


def _with_denies(candidate: str, baseline: str) -> list[str]:
    """Return the baseline with the candidate's Denies, if any can be carried over."""
    within = read_object(baseline)
    try:
        parse(candidate)
        theirs = read_object(candidate)
    except (UnreadableError, DocumentError):
        return []
    denies = [_unnamed(entry) for entry in _statements(theirs) if entry["Effect"] == "Deny"]
    own = _statements(within)
    new = [deny for deny in denies if deny not in own]
    same_version = theirs.get("Version", "2008-10-17") == within.get("Version", "2008-10-17")
    if not new or not (same_version or "${" not in json.dumps(new, ensure_ascii=False)):
        return []
    return [_minified({**within, "Statement": [*own, *new]})]


def _statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    raw = document["Statement"]
    return raw if isinstance(raw, list) else [raw]


def _unnamed(statement: dict[str, Any]) -> dict[str, Any]:
    """Return the statement without its Sid, which must be unique in a policy."""
    return {name: value for name, value in statement.items() if name != "Sid"}


def _minified(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))

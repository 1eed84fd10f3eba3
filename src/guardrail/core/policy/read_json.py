"""Strict JSON: one object, no duplicate keys, bounded size and depth, nothing but text inside.

Numbers stay as written (`Number`), so that no digit is lost and a huge one costs nothing.
"""

from __future__ import annotations

import json
import re
from typing import Any

from guardrail.core.policy.problems import at, malformed

MAX_CHARACTERS = 20_480
MAX_DEPTH = 16
_MAX_DIGITS = 64
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ue000-\uf8ff\ufffe\uffff]")


class Number(str):
    """A JSON number, kept as the text it was written as."""

    __slots__ = ()


class _Constant(str):
    """`NaN`, `Infinity` or `-Infinity`: no JSON, though Python reads them."""

    __slots__ = ()


def read_object(text: str) -> dict[str, Any]:
    """Return the JSON object that `text` holds; raises `DocumentError` on anything else."""
    if len(text) > MAX_CHARACTERS:
        raise malformed(f"the document has {len(text)} characters, {MAX_CHARACTERS} at most", "")
    _check_depth(text)
    repeated: list[tuple[dict[str, Any], str]] = []
    try:
        document = json.loads(
            text,
            object_pairs_hook=lambda pairs: _unique(pairs, repeated),
            parse_int=Number,
            parse_float=Number,
            parse_constant=_Constant,
        )
    except (ValueError, RecursionError) as error:
        raise malformed(f"the document is not JSON: {error}", "") from error
    for owner, key in repeated:
        place = _find(document, owner, "")
        raise malformed(f"the key {key!r} occurs twice in one object", at(place, key))
    _check_leaves(document, "")
    if not isinstance(document, dict):
        raise malformed("a policy is a JSON object", "")
    return document


def _unique(
    pairs: list[tuple[str, Any]], repeated: list[tuple[dict[str, Any], str]]
) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        repeated.append((result, next(key for key in keys if keys.count(key) > 1)))
    return result


def _check_depth(text: str) -> None:
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return
    depth = 0
    for match in _STRUCTURE.finditer(text):
        mark = match.group()
        if mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
        if depth > MAX_DEPTH:
            raise malformed(f"the document is nested deeper than {MAX_DEPTH} levels", "")


def _find(node: Any, wanted: dict[str, Any], pointer: str) -> str:  # noqa: ANN401 - any JSON
    """Return the pointer of one object inside a document, or nothing when it was overwritten."""
    if node is wanted:
        return pointer
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for step, child in items:
        if isinstance(child, dict | list):
            found = _find(child, wanted, at(pointer, step))
            if found or child is wanted:
                return found
    return ""


def _check_leaves(node: Any, pointer: str) -> None:  # noqa: ANN401 - any JSON
    if isinstance(node, dict):
        for key, child in node.items():
            _check_text(key, at(pointer, key))
            _check_leaves(child, at(pointer, key))
    elif isinstance(node, list):
        for position, child in enumerate(node):
            _check_leaves(child, at(pointer, position))
    elif isinstance(node, str):
        _check_text(node, pointer)


def _check_text(text: str, pointer: str) -> None:
    if isinstance(text, _Constant):
        raise malformed(f"{text} is no JSON number", pointer)
    if isinstance(text, Number) and len(text) > _MAX_DIGITS:
        raise malformed("the number is too long", pointer)
    if not text.isprintable() and _FORBIDDEN.search(text):
        raise malformed("a string holds a control, surrogate or private character", pointer)

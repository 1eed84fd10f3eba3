"""Texts with wildcards and policy variables, as they occur in resources and conditions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from guardrail.core.policy.document import Variable, Wild
from guardrail.core.policy.problems import unsupported

if TYPE_CHECKING:
    from guardrail.core.policy.document import Part, Text

# Anything that opens a variable is caught, so that a broken one is refused and not read as text.
_VARIABLE = re.compile(r"\$\{([^'}]*)(?:'([^']*)'\s*)?(\}|$|')")
_KEY = re.compile(r"[^\s,'{}$*?:][^,'{}$*?:]*:[^,'{}$*?]*[^\s,'{}$*?]")
_WILDCARD = re.compile(r"[*?]")

# The fields of an ARN, separated by colons; the last may hold more of them.
FIELDS = 6

# Keys whose values never hold a colon, and so cannot blur the fields of an ARN.
ONE_FIELD_KEYS = frozenset(
    {
        "aws:principalaccount",
        "aws:principalorgid",
        "aws:requestedregion",
        "aws:resourceaccount",
        "aws:resourceorgid",
        "aws:sourceaccount",
        "aws:username",
    }
)


def read_text(raw: str, pointer: str, *, wildcards: bool, variables: bool) -> Text:
    """Return the parts of `raw`; without `variables` (Version 2008-10-17) `${…}` is plain text."""
    if not variables or "${" not in raw:
        return tuple(_plain(raw, wildcards=wildcards))
    parts: list[Part] = []
    end = 0
    for match in _VARIABLE.finditer(raw):
        parts += _plain(raw[end : match.start()], wildcards=wildcards)
        parts.append(_variable(match, pointer))
        end = match.end()
    parts += _plain(raw[end:], wildcards=wildcards)
    return tuple(parts)


def has_arn_fields(text: Text) -> bool:
    """Whether the text has the six fields of an ARN, whatever its variables hold."""
    colons = 0
    for part in text:
        if isinstance(part, Variable):
            if colons < FIELDS - 1 and part.key not in ONE_FIELD_KEYS:
                return False
        elif isinstance(part, str):
            colons += part.count(":")
    return colons >= FIELDS - 1


def variables_in_tail(text: Text) -> bool:
    """Whether all variables come after the fifth colon, where AWS allows them in a resource."""
    colons = 0
    for part in text:
        if isinstance(part, str):
            colons += part.count(":")
        elif isinstance(part, Variable) and colons < FIELDS - 1:
            return False
    return True


def _plain(raw: str, *, wildcards: bool) -> list[Part]:
    if not raw:
        return []
    if not wildcards:
        return [raw]
    parts: list[Part] = []
    end = 0
    for match in _WILDCARD.finditer(raw):
        if match.start() > end:
            parts.append(raw[end : match.start()])
        parts.append(Wild(match.group()))
        end = match.end()
    if end < len(raw):
        parts.append(raw[end:])
    return parts


def _variable(match: re.Match[str], pointer: str) -> Part:
    name, default, close = match.groups()
    if close != "}":
        raise unsupported("a policy variable is not closed", pointer)
    if default is None:
        if name in {"*", "?", "$"}:
            return str(name)
        key = name
    else:
        key, comma, rest = name.rpartition(",")
        if not comma or rest.strip() or _WILDCARD.search(default) or "${" in default:
            raise unsupported("the default value of a policy variable cannot be read", pointer)
    if not _KEY.fullmatch(key):
        raise unsupported(f"{match.group()} is no policy variable", pointer)
    return Variable(key.lower(), default)

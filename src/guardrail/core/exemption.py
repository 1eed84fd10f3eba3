"""Exemptions: a tag value that names an end date and a reason, or exempts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Exemption:
    """Until when (inclusive) and why somebody is left alone."""

    until: date
    reason: str


def find_exemption(tags: Mapping[str, str], key: str, today: date) -> Exemption | None:
    """Return the exemption that `tags` carry under `key` today, or None.

    The value reads `until=<ISO date>; reason=<text>`. An empty key (the default), a missing
    date or reason, and a date that has passed exempt nothing.
    """
    if not key or key not in tags:
        return None
    parts = dict(_pairs(tags[key]))
    try:
        until = date.fromisoformat(parts.get("until", ""))
    except ValueError:
        return None
    reason = parts.get("reason", "")
    return Exemption(until, reason) if reason and until >= today else None


def is_void(tags: Mapping[str, str], key: str) -> bool:
    """Whether the tag is there at all; where it exempts nothing, its owner should hear of it."""
    return bool(key) and key in tags


def _pairs(text: str) -> list[tuple[str, str]]:
    split = (part.partition("=") for part in text.split(";"))
    return [(name.strip().lower(), value.strip()) for name, _, value in split]

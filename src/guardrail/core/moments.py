"""Moments as texts that sort by time: names of records, and fields of events."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(moment: datetime) -> str:
    """Return the moment in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")

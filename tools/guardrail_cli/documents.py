"""Policy files and the baseline they are judged against."""

from __future__ import annotations

import sys
from pathlib import Path

# The organisation's baseline names no account, but rendering asks for one.
_ANY_ACCOUNT = "000000000000"


class UsageError(Exception):
    """The command cannot start: a file cannot be read, or an option is missing."""


def document_text(path: str) -> str:
    """Return the text of a file or, for `-`, of standard input; `UsageError` when unreadable."""
    try:
        raw = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return raw.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error


def baseline_text(path: str | None, *, account: str, organization_id: str) -> str:
    """Return the baseline from a file, or the one that ships, rendered."""
    if path is not None:
        return document_text(path)
    if not account and not organization_id:
        raise UsageError("the default baseline needs --account or --organization-id")
    from guardrail.baseline import render_baseline

    try:
        return render_baseline(
            account=account or _ANY_ACCOUNT, organization_id=organization_id, partition="aws"
        )
    except ValueError as error:
        raise UsageError(str(error)) from error

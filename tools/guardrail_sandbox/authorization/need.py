"""What a call needs: one permission, as IAM sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Context = Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Need:
    """An action on a resource (`*` where the action has none), with its condition keys."""

    action: str
    resource: str = "*"
    context: Context = field(default_factory=dict)

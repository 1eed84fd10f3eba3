"""On a schedule, every VPC of the region: finds what no event told of.

Events are best effort and may be lost, so this is the retry of last resort. Its first run takes
the inventory if no event did.
"""

from __future__ import annotations

from typing import Any

from guardrail.core.actions import ActionKind
from handlers import bootstrap

ALLOWED = frozenset(ActionKind)


def handler(event: object, context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's own class
    """Reconcile every VPC; the event is not looked at."""
    return bootstrap.sweep(event, context, ALLOWED)

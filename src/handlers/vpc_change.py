"""A VPC changed, or has settled after its changes: it gets its endpoint, complete.

Invoked by the rules on CreateVpc, CreateSubnet, ModifyVpcAttribute and their kin, on security
groups, tags and endpoints that come and go, and by the one-off schedules that end the settling.
"""

from __future__ import annotations

from typing import Any

from guardrail.core.actions import REMOVALS, ActionKind
from handlers import bootstrap

ALLOWED = frozenset(ActionKind) - REMOVALS - {ActionKind.WRITE_POLICY}
"""Policies are left to EndpointChange, which hears of each write at the same time: two functions
that close one endpoint at once would spend two of the account's four endpoint writes. It takes
nothing away."""


def handler(event: object, context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's own class
    """Reconcile the VPC that the event is about; what it does not yet have, it may get."""
    return bootstrap.respond(event, context, ALLOWED)

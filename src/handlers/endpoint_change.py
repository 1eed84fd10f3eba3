"""An endpoint changed: a policy that grants too much is put back.

Invoked by the rule on ModifyVpcEndpoint, CreateVpcEndpoint and DeleteVpcEndpoints, and on tags of
VPCs and endpoints, which may end an exemption. Its role can modify endpoints and cannot create
anything, so a missing endpoint is left to the others.
"""

from __future__ import annotations

from typing import Any

from guardrail.core.actions import ActionKind
from handlers import bootstrap

ALLOWED = frozenset(
    {
        ActionKind.WRITE_POLICY,
        ActionKind.ADD_SUBNETS,
        ActionKind.SET_PRIVATE_DNS,
        ActionKind.ATTACH_SECURITY_GROUP,
    }
)


def handler(event: object, context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's own class
    """Reconcile the VPC of the endpoint that the event is about."""
    return bootstrap.respond(event, context, ALLOWED, reverts=True)

"""The owner tried something in vain: what is ours gets out of the way.

Invoked by the rules on failed DeleteVpc and DeleteSubnet (somebody tears down) and on endpoints
that EC2 refuses the service's name (somebody wants an endpoint of his own), and by the appointments
that it makes itself. Its role can take out and delete what the guardrail made, and make nothing.
"""

from __future__ import annotations

from typing import Any

from guardrail.core.actions import REMOVALS, ActionKind
from handlers import bootstrap

ALLOWED = REMOVALS | {ActionKind.SET_PRIVATE_DNS}


def handler(event: object, context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's own class
    """Reconcile the VPC that the failed call was about; a compliant one is left as it is."""
    return bootstrap.respond(event, context, ALLOWED, yields=True)

"""What the guardrail calls things: the services, its group, its tag, its tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256

MANAGED_TAG = "sfn-endpoint-guardrail:managed-by"
"""Tag key on everything the guardrail creates; its value is the stack's id."""

_STACK_ID = re.compile(r"arn:[^:]+:cloudformation:[^:]*:\d*:stack/[^/]+/.+")


class Service(StrEnum):
    """The two PrivateLink services of Step Functions.

    StartSyncExecution and TestState use `sync-states`, everything else `states`.
    Source: AWS Step Functions developer guide, "Creating Amazon VPC endpoints".
    """

    STATES = "states"
    SYNC_STATES = "sync-states"


def group_name(service: Service) -> str:
    """Return the name of the security group of a VPC's endpoint for `service`."""
    return f"sfn-endpoint-guardrail-{service}"


def client_token(vpc_id: str, service: Service, generation: int) -> str:
    """Return the ClientToken that makes simultaneous creations one endpoint.

    64 ASCII characters at most. Source: Amazon EC2 developer guide, "Ensuring idempotency".
    """
    return sha256(f"{vpc_id}|{service}|{generation}".encode()).hexdigest()


def is_another_stacks(tags: Mapping[str, str], stack_id: str) -> bool:
    """Whether the tag names another stack: it has taken over. Any other value names nobody."""
    named = _STACK_ID.fullmatch(tags.get(MANAGED_TAG, ""))
    return named is not None and not is_of_stack(tags, stack_id)


def is_of_stack(tags: Mapping[str, str], stack_id: str) -> bool:
    """Whether the tag names this stack, or one of the same name that was deleted before it.

    A stack's id is `arn:…:stack/<name>/<uuid>`; the name stays when a stack is deployed anew.
    """
    named = tags.get(MANAGED_TAG, "").rpartition("/")[0]
    return bool(named) and named == stack_id.rpartition("/")[0]

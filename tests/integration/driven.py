"""What the stories share whose time is driven: how long things take, and what EC2 refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from scenes import policy_of

from guardrail_sandbox.sandbox import Sandbox

Start = Callable[..., Sandbox]
SETTLE = 60
DUE = SETTLE + 1
"""The pause is rounded up: schedules have whole seconds."""
RETRIES = 300
"""Longer than both retries of an asynchronous invocation."""
SWEEP = 3600
"""The functions look at every VPC once an hour."""


def refusals(sandbox: Sandbox) -> set[str]:
    """Return the codes with which EC2 refused calls of the guardrail; dry runs always fail."""
    codes = {
        str(entry.record["errorCode"]).removeprefix("Client.")
        for entry in sandbox.journal.recorded()
        if entry.failed and entry.by_guardrail
    }
    return codes - {"DryRunOperation"}


def is_bound(endpoint: Any) -> bool:
    """Tell whether every statement is bound to the account."""
    statements = policy_of(endpoint)["Statement"]
    return all("aws:PrincipalAccount" in json.dumps(statement) for statement in statements)


def causes(sandbox: Sandbox) -> list[str]:
    """Return why what lies in the dead-letter queue was given up."""
    return [c for letter in sandbox.dead_letters() for c in letter.body["causes"].values()]

"""What AWS's services may do with the stack's parts when they act for it.

Lambda sends failure records with the function's role, Scheduler invokes and sends with the role
of the schedule's target, EventBridge sends to a queue that lets it in by its own policy.
AWS: Lambda developer guide, "Capturing records of Lambda asynchronous invocations"; EventBridge
Scheduler user guide, "Configuring a schedule's dead-letter queue"; EventBridge user guide,
"Granting permissions to the dead-letter queue".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from guardrail_sandbox import moto_state
from guardrail_sandbox.authorization.need import Need
from guardrail_sandbox.authorization.roles import Roles, lets_in

if TYPE_CHECKING:
    from collections.abc import Callable


class Senders(Protocol):
    """What is asked before a service acts."""

    def may_invoke(self, role_arn: str, function_arn: str) -> bool:
        """Tell whether the role of a schedule may invoke a function."""

    def may_send(self, role_arn: str, queue_arn: str) -> bool:
        """Tell whether a role may send to a queue."""

    def rule_may_send(self, rule_arn: str, queue_arn: str) -> bool:
        """Tell whether the queue lets a rule in."""


class Everybody:
    """Nothing is refused: IAM is switched off."""

    def may_invoke(self, role_arn: str, function_arn: str) -> bool:
        """See `Senders.may_invoke`."""
        del role_arn, function_arn
        return True

    def may_send(self, role_arn: str, queue_arn: str) -> bool:
        """See `Senders.may_send`."""
        del role_arn, queue_arn
        return True

    def rule_may_send(self, rule_arn: str, queue_arn: str) -> bool:
        """See `Senders.rule_may_send`."""
        del rule_arn, queue_arn
        return True


class AsDeployed:
    """The roles and queue policies as they are at this moment."""

    def __init__(
        self, roles: Roles, queue_policy: Callable[[str], str | None] = moto_state.queue_policy
    ) -> None:
        self._roles = roles
        self._queue_policy = queue_policy

    def may_invoke(self, role_arn: str, function_arn: str) -> bool:
        """See `Senders.may_invoke`."""
        return self._roles.allows(role_arn, Need("lambda:InvokeFunction", function_arn))

    def may_send(self, role_arn: str, queue_arn: str) -> bool:
        """See `Senders.may_send`."""
        return self._roles.allows(role_arn, Need("sqs:SendMessage", queue_arn))

    def rule_may_send(self, rule_arn: str, queue_arn: str) -> bool:
        """See `Senders.rule_may_send`."""
        account = rule_arn.split(":")[4]
        context = {"aws:SourceArn": rule_arn, "aws:SourceAccount": account}
        need = Need("sqs:SendMessage", queue_arn, context)
        return lets_in(self._queue_policy(queue_arn), "events.amazonaws.com", need)

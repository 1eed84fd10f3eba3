"""A client token used again returns the first answer, or IdempotentParameterMismatch.

The same token with the same parameters makes nothing new; with other parameters it is refused.
How long a token lives, and what a replay answers after the endpoint was deleted, is not
documented: `token-after-deletion` chooses between the first answer and a new endpoint.

Source: EC2 developer guide, "Ensuring idempotency in Amazon EC2 API requests".
Confidence: documented
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from guardrail_sandbox.ec2.behaviour import After, Before, Behaviour, World
from guardrail_sandbox.ec2.call import Call, Form, RefusedError, Reply

_LONGEST = 64


@dataclass(frozen=True, slots=True)
class _First:
    form: Form
    reply: Reply
    endpoint_id: str


class ClientTokens(Behaviour):
    """See the module."""

    name = "client-tokens"
    assumptions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "token-after-deletion": ("first-answer", "new-endpoint")
    }

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._first: dict[tuple[str, str], _First] = {}

    def before(self) -> Mapping[str, Before]:
        """Answer a replay."""
        return {"CreateVpcEndpoint": self._replay}

    def after(self) -> Mapping[str, After]:
        """Remember what a token made."""
        return {"CreateVpcEndpoint": self._remember}

    def _replay(self, call: Call) -> Reply | None:
        token = call.form.get("ClientToken", "")
        call.notes[self.name] = dict(call.form)
        if len(token) > _LONGEST or not token.isascii():
            message = "Client token must be an ASCII string of at most 64 characters."
            raise RefusedError("InvalidParameterValue", message)
        first = self._first.get((call.region, token)) if token else None
        if first is None or self._forgotten(first, call):
            return None
        if first.form != call.form:
            message = "The client token you have provided is already in use with other parameters."
            raise RefusedError("IdempotentParameterMismatch", message)
        return first.reply

    def _forgotten(self, first: _First, call: Call) -> bool:
        if self.assumes("token-after-deletion", "first-answer"):
            return False
        known = call.ec2.vpc_end_points.get(first.endpoint_id)
        return known is None or known.state in {"deleting", "deleted"}

    def _remember(self, call: Call, reply: Reply) -> Reply:
        form, token = call.notes[self.name], call.form.get("ClientToken", "")
        if token and isinstance(form, dict):
            newest = next(reversed(call.ec2.vpc_end_points), "")
            self._first[call.region, token] = _First(form, reply, newest)
        return reply

"""What a role may do, by the policies that are attached to it at this moment.

The project's own plain evaluator decides. It reads resource policies, so each statement gets the
principal that an identity policy implies.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from guardrail.core.policy.evaluate import Decision, Request, evaluate
from guardrail.core.policy.parse import parse
from guardrail.core.policy.verdict import Witness

if TYPE_CHECKING:
    from guardrail.core.policy.document import Policy
    from guardrail_sandbox.authorization.need import Need

Policies = Callable[[str], Iterable[str]]
"""Returns the documents of a role, by its ARN."""


class Roles:
    """Decides for roles; `policies_of` is asked each time, so that a changed policy counts."""

    def __init__(self, policies_of: Policies) -> None:
        self._policies_of = policies_of

    def allows(self, role_arn: str, need: Need) -> bool:
        """Tell whether some policy of the role allows what is needed and none denies it."""
        return self.decision(role_arn, need) is Decision.ALLOWED

    def decision(self, role_arn: str, need: Need) -> Decision:
        """Return the decision of all policies together: an explicit Deny wins."""
        account = role_arn.split(":")[4]
        context = {"aws:PrincipalArn": role_arn, "aws:PrincipalAccount": account, **need.context}
        request = Request(Witness(role_arn, need.action, need.resource, context))
        found = {
            evaluate(without_principal(text), request).decision
            for text in self._policies_of(role_arn)
        }
        for decision in (Decision.DENIED, Decision.ALLOWED):
            if decision in found:
                return decision
        return Decision.NOT_ALLOWED


def lets_in(policy: str | None, service: str, need: Need) -> bool:
    """Tell whether a resource's own policy allows what a service of AWS needs there."""
    if policy is None:
        return False
    request = Request(Witness(service, need.action, need.resource, need.context))
    return evaluate(parse(policy), request).decision is Decision.ALLOWED


@lru_cache(maxsize=256)
def without_principal(text: str) -> Policy:
    """Return an identity or service control policy as one that is about anybody."""
    document = json.loads(text)
    statements = document["Statement"]
    listed = statements if isinstance(statements, list) else [statements]
    document["Statement"] = [{"Principal": "*", **statement} for statement in listed]
    return parse(json.dumps(document))

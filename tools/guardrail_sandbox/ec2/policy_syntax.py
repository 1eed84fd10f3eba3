"""A policy that is no policy is refused: malformed JSON, unknown elements, no principal.

The grammar is IAM's for resource policies; the position in the message is that of the JSON parser.

Source: EC2 API reference, "Error codes" (InvalidPolicyDocument); IAM user guide, "Grammar of the
IAM JSON policy language"; PrivateLink guide, "Control access to VPC endpoints using endpoint
policies".
Confidence: documented
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from guardrail_sandbox.ec2.behaviour import Before, Behaviour
from guardrail_sandbox.ec2.call import Call, RefusedError

_OF_POLICY = frozenset({"Version", "Id", "Statement"})
_OF_STATEMENT = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction"}
    | {"Resource", "NotResource", "Condition"}
)
_PAIRS = (("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource"))


class PolicySyntax(Behaviour):
    """See the module."""

    name = "policy-syntax"

    def before(self) -> Mapping[str, Before]:
        """Read each policy that is written."""
        return {"CreateVpcEndpoint": _refuse, "ModifyVpcEndpoint": _refuse}


def statements_of(text: str) -> list[dict[str, Any]]:
    """Return the statements of a policy; raise RefusedError when it is none."""
    try:
        policy = json.loads(text)
    except json.JSONDecodeError as error:
        raise _refused(f"Syntax error at position ({error.lineno},{error.colno})") from error
    if not isinstance(policy, dict) or not policy.keys() <= _OF_POLICY:
        raise _refused("The policy is not an object of Version, Id and Statement")
    if policy.get("Version", "2008-10-17") not in {"2008-10-17", "2012-10-17"}:
        raise _refused("The policy has an unknown Version")
    found = policy.get("Statement")
    listed: list[Any] = found if isinstance(found, list) else [found]
    if not listed or not all(isinstance(statement, dict) for statement in listed):
        raise _refused("The policy has no statements")
    return listed


def _refuse(call: Call) -> None:
    text = call.form.get("PolicyDocument")
    if text is None or not call.of_interface:
        return
    for statement in statements_of(text):
        _require_grammar(statement)


def _require_grammar(statement: Mapping[str, Any]) -> None:
    if not statement.keys() <= _OF_STATEMENT:
        raise _refused("A statement has an unknown element")
    if statement.get("Effect") not in {"Allow", "Deny"}:
        raise _refused("A statement has no Effect")
    for one, other in _PAIRS:
        if (one in statement) == (other in statement):
            raise _refused(f"A statement needs either {one} or {other}")
    if isinstance(principal := statement.get("Principal", "*"), str) and principal != "*":
        raise _refused("The only Principal that is a plain text is *")
    if not isinstance(statement.get("Condition", {}), dict):
        raise _refused("A Condition is an object")


def _refused(what: str) -> RefusedError:
    return RefusedError("InvalidPolicyDocument", f"Invalid policy document: {what}.")

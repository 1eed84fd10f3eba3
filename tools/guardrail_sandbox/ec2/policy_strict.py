"""Endpoint policies obey stricter rules than those of IAM.

No wildcards and no numeric operators on global keys whose values the system makes (account,
organization, VPC, endpoint ids); at least six characters in a row before or after a wildcard in
other global keys; the account of an ARN is an id or a wildcard, not both. One recorded policy has
a wildcard in aws:PrincipalOrgID, so old endpoints may hold what cannot be written today.

Source: PrivateLink guide, "Control access to VPC endpoints using endpoint policies".
Confidence: documented
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from guardrail_sandbox.ec2.behaviour import Before, Behaviour
from guardrail_sandbox.ec2.call import Call, RefusedError
from guardrail_sandbox.ec2.policy_syntax import statements_of

_MADE_BY_SYSTEM = frozenset(
    {"aws:principalaccount", "aws:principalorgid", "aws:resourceaccount", "aws:resourceorgid"}
    | {"aws:sourceaccount", "aws:sourceorgid", "aws:sourcevpc", "aws:sourcevpce"}
)
_WILDCARD = re.compile(r"[*?]")
_ARN_ACCOUNT = re.compile(r"arn:[^:]*:[^:]*:[^:]*:([^:]*):")
_LONG_ENOUGH = 6


class PolicyStrict(Behaviour):
    """See the module."""

    name = "policy-strict"

    def before(self) -> Mapping[str, Before]:
        """Read each policy that is written."""
        return {"CreateVpcEndpoint": _refuse, "ModifyVpcEndpoint": _refuse}


def _refuse(call: Call) -> None:
    text = call.form.get("PolicyDocument")
    if text is None or not call.of_interface:
        return
    for statement in statements_of(text):
        for operator, key, value in _conditions(statement):
            _require_plain(operator, key, value)
        for arn in _texts([statement.get("Principal"), statement.get("Resource")]):
            _require_whole_account(arn)


def _require_plain(operator: str, key: str, value: str) -> None:
    if key.startswith("aws:") and "arn" in key:
        _require_whole_account(value)
    matching = "like" in operator.lower()
    if key in _MADE_BY_SYSTEM:
        if operator.lower().startswith("numeric") or (matching and _WILDCARD.search(value)):
            raise _refused(f"{operator} with wildcards or numbers cannot be used with {key}")
    elif matching and key.startswith("aws:") and not _anchored(value):
        raise _refused(f"{value} needs six characters in a row beside its wildcards")


def _anchored(value: str) -> bool:
    pieces = _WILDCARD.split(value)
    return len(pieces) == 1 or any(len(piece) >= _LONG_ENOUGH for piece in pieces)


def _require_whole_account(arn: str) -> None:
    account = _ARN_ACCOUNT.match(arn)
    if account and _WILDCARD.search(account[1]) and account[1] != "*":
        raise _refused(f"the account of {arn} is an id or a wildcard, not both")


def _conditions(statement: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in (keys if isinstance(keys, dict) else {}).items():
            for value in _texts(values):
                yield operator, key.lower(), value


def _texts(node: object) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for item in node.values() if isinstance(node, dict) else node:
            yield from _texts(item)


def _refused(what: str) -> RefusedError:
    return RefusedError("InvalidPolicyDocument", f"Invalid policy document: {what}.")

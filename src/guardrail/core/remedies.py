"""Which action removes which drift: for telling of each finding what is done about it."""

from __future__ import annotations

from collections.abc import Mapping

from guardrail.core.actions import Action, ActionKind
from guardrail.core.model import Finding
from guardrail.core.reasons import Reason

_REMEDIES: Mapping[Reason, frozenset[ActionKind]] = {
    Reason.ENDPOINT_MISSING: frozenset(
        {
            ActionKind.CREATE_ENDPOINT,
            ActionKind.CREATE_SECURITY_GROUP,
            ActionKind.AUTHORIZE_CLIENTS,
            ActionKind.ENABLE_VPC_DNS,
        }
    ),
    Reason.POLICY_BROADER: frozenset({ActionKind.WRITE_POLICY}),
    Reason.POLICY_UNDECIDED: frozenset({ActionKind.WRITE_POLICY}),
    Reason.POLICY_MALFORMED: frozenset({ActionKind.WRITE_POLICY}),
    Reason.SUBNET_MISSING: frozenset({ActionKind.ADD_SUBNETS}),
    Reason.PRIVATE_DNS_OFF: frozenset({ActionKind.SET_PRIVATE_DNS, ActionKind.ENABLE_VPC_DNS}),
    Reason.CLIENTS_BLOCKED: frozenset(
        {
            ActionKind.CREATE_SECURITY_GROUP,
            ActionKind.AUTHORIZE_CLIENTS,
            ActionKind.ATTACH_SECURITY_GROUP,
        }
    ),
    Reason.DUPLICATE_ENDPOINT: frozenset({ActionKind.DELETE_ENDPOINT}),
    Reason.TAGS_MISSING: frozenset({ActionKind.RESTORE_TAGS}),
}


def removes(action: Action, finding: Finding) -> bool:
    """Whether the action is part of what removes the drift that was found."""
    if action.kind not in _REMEDIES.get(finding.reason, ()):
        return False
    service = getattr(action, "service", None)
    target = str(getattr(action, "endpoint_id", None) or getattr(action, "resource_id", ""))
    same_service = None in {service, finding.service} or service == finding.service
    # A group's tags are told of as those of its endpoint.
    same_endpoint = not target.startswith("vpce-") or target == finding.endpoint_id
    return same_service and same_endpoint

"""Closing policies before the rest of a plan: what is left of it, and what later looks may repeat.

A sweep closes what is open straight from its first look, and looks anew before anything else. EC2
may then still show a policy that was just replaced, so that what was closed is not planned again.
"""

from __future__ import annotations

from dataclasses import replace

from guardrail.core.actions import Action, WritePolicy
from guardrail.core.model import Finding, Plan


def policies_of(planned: Plan) -> Plan:
    """Return the policy writes alone, and what was found of those endpoints' policies."""
    actions = tuple(action for action in planned.actions if isinstance(action, WritePolicy))
    ids = {action.endpoint_id for action in actions}
    findings = tuple(f for f in planned.findings if f.verdict and f.endpoint_id in ids)
    return Plan(planned.vpc_id, findings, actions)


def beside(planned: Plan, closed: Plan) -> Plan:
    """Return `planned` without the writes that `closed` holds, and with what that had found."""
    ids = {getattr(action, "endpoint_id", None) for action in closed.actions}

    def is_closed(step: Action | Finding) -> bool:
        about_policy = isinstance(step, WritePolicy) or bool(getattr(step, "verdict", None))
        return about_policy and getattr(step, "endpoint_id", None) in ids

    others = (finding for finding in planned.findings if not is_closed(finding))
    return replace(
        planned,
        findings=(*closed.findings, *others),
        actions=tuple(action for action in planned.actions if not is_closed(action)),
    )

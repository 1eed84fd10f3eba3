"""What is written in place of a policy that grants too much.

The most faithful to the endpoint's owner comes first: the policy with which it was last seen
compliant, if today's baseline still contains it; else the baseline with the owner's own Deny
statements; else the baseline.
"""

from __future__ import annotations

from guardrail.core.actions import Origin, WritePolicy
from guardrail.core.model import Endpoint, Known
from guardrail.core.policy import baseline_alone, check_endpoint_rules, decide, fallback


def replacement(endpoint: Endpoint, known: Known) -> WritePolicy:
    """Return the write that closes `endpoint`."""
    seen = known.compliant.get(endpoint.endpoint_id)
    if seen is not None and may_be_written(seen, known.baseline):
        return _write(endpoint, seen, Origin.LAST_COMPLIANT)
    policy = fallback(endpoint.policy, known.baseline)
    plain = policy == baseline_alone(known.baseline)
    return _write(endpoint, policy, Origin.BASELINE if plain else Origin.WITH_DENIES)


def may_be_written(policy: str, baseline: str) -> bool:
    """Whether a policy of somebody's is inside the baseline, and EC2 is known to take it."""
    return decide(policy, baseline).contained and not check_endpoint_rules(policy)


def _write(endpoint: Endpoint, policy: str, origin: Origin) -> WritePolicy:
    return WritePolicy(endpoint.endpoint_id, policy, before=endpoint.policy, origin=origin)

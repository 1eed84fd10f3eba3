"""What is remembered of policies that comply, so that a revert can restore them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from guardrail.core.model import ObservedVpc, Plan
from guardrail.ports import Evidence, Kept


def recalled(evidence: Evidence, observed: Iterable[ObservedVpc]) -> Mapping[str, Kept]:
    """Return what is kept of each endpoint: one place, which a look and a sweep both read."""
    ids = [endpoint.endpoint_id for vpc in observed for endpoint in vpc.endpoints]
    return evidence.kept(ids) if ids else {}


def remember_compliant(evidence: Evidence, planned: Plan, kept: Mapping[str, Kept]) -> None:
    """Keep the policies that the plan found compliant and that are not kept as such."""
    for seen in planned.compliant:
        if kept.get(seen.endpoint_id, Kept()).policy != seen.policy:
            evidence.note_compliant(seen.endpoint_id, seen.policy)

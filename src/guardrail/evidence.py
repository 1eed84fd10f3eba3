"""What is remembered of policies that comply, so that a revert can restore them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from guardrail.core.memory import VpcMemory
from guardrail.core.model import ObservedVpc, Plan
from guardrail.core.reasons import Reason
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


def healed(memory: VpcMemory, planned: Plan, vpc: ObservedVpc | None) -> Mapping[str, str]:
    """Return why findings that are not resolved yet are to be, by endpoint; no VPC: it is gone."""
    standing = {e.endpoint_id for e in vpc.endpoints} if vpc else set()
    exempt = {f.endpoint_id for f in planned.findings if f.reason is Reason.EXEMPT}
    why = dict.fromkeys(memory.findings - standing, "The endpoint is gone.")
    for endpoint_id in memory.findings & standing:
        if None in exempt or endpoint_id in exempt:
            why[endpoint_id] = "The endpoint is exempt."
        if any(seen.endpoint_id == endpoint_id for seen in planned.compliant):
            why[endpoint_id] = "The policy is within the baseline again."
    return why

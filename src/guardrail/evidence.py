"""What is remembered of policies that comply, so that a revert can restore them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from guardrail.core.memory import VpcMemory
from guardrail.core.model import ObservedVpc, Plan
from guardrail.core.reasons import Reason
from guardrail.ports import Evidence, Kept


def recalled(evidence: Evidence, observed: Iterable[ObservedVpc]) -> Mapping[str, Kept]:
    """Return what is kept of each endpoint: one place, which a look and a sweep both read."""
    ids = [endpoint.endpoint_id for vpc in observed for endpoint in vpc.endpoints]
    return evidence.kept(ids) if ids else {}


def remember_compliant(
    evidence: Evidence, planned: Plan, kept: Mapping[str, Kept], looked: datetime
) -> None:
    """Keep the policies that the plan found compliant and that are not kept as such.

    `looked` is a moment before they were looked at: what was kept after it is newer.
    """
    for seen in planned.compliant:
        known = kept.get(seen.endpoint_id, Kept())
        if known.policy != seen.policy or known.loosening:
            evidence.note_compliant(seen.endpoint_id, seen.policy, looked)


def healed(
    memory: VpcMemory, planned: Plan, vpc: ObservedVpc | None, looked: datetime
) -> Mapping[str, str]:
    """Return why findings that are not resolved yet are to be, by endpoint; no VPC: it is gone.

    Those made after `looked` are newer than what was seen.
    """
    standing = {e.endpoint_id for e in vpc.endpoints} if vpc else set()
    exempt = {f.endpoint_id for f in planned.findings if f.reason is Reason.EXEMPT}
    older = {endpoint_id for endpoint_id, at in memory.findings.items() if at <= looked}
    why = dict.fromkeys(older - standing, "The endpoint is gone.")
    for endpoint_id in older & standing:
        if None in exempt or endpoint_id in exempt:
            why[endpoint_id] = "The endpoint is exempt."
        if any(seen.endpoint_id == endpoint_id for seen in planned.compliant):
            why[endpoint_id] = "The policy is within the baseline again."
    return why

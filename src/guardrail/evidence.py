"""What is remembered of policies that comply, so that a revert can restore them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from guardrail.core.memory import VpcMemory
from guardrail.core.model import ObservedVpc, Plan
from guardrail.core.plan import policy_hash
from guardrail.ports import Evidence

if TYPE_CHECKING:
    from guardrail.ports import Records


def recalled(
    evidence: Evidence, observed: Iterable[ObservedVpc], memories: Mapping[str, VpcMemory]
) -> Mapping[str, str]:
    """Return the last compliant policy of each endpoint that has another one now.

    No read where nothing has changed: the hash stands in what is remembered of the VPC.
    """
    changed = [
        endpoint.endpoint_id
        for vpc in observed
        for endpoint in vpc.endpoints
        if _known(memories.get(vpc.vpc_id), endpoint.endpoint_id) != policy_hash(endpoint.policy)
    ]
    return evidence.last_compliant(changed) if changed else {}


def remember_compliant(
    evidence: Evidence, records: Records, planned: Plan, memory: VpcMemory
) -> None:
    """Keep the policies that the plan found compliant and that are not known as such."""
    hashes = {seen.endpoint_id: policy_hash(seen.policy) for seen in planned.compliant}
    new = {i: digest for i, digest in hashes.items() if _known(memory, i) != digest}
    for seen in planned.compliant:
        if seen.endpoint_id in new:
            evidence.note_compliant(seen.endpoint_id, seen.policy)
    if new:
        records.note_seen(planned.vpc_id, new)


def _known(memory: VpcMemory | None, endpoint_id: str) -> str | None:
    return memory.compliant.get(endpoint_id) if memory else None

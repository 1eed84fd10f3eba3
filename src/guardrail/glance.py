"""One look at the endpoint that an event wrote: most events leave it as it should be.

What one Describe call cannot show (which subnets and groups the VPC has) is looked at in full where
the event may have changed it, and otherwise has events of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from guardrail.core.model import Endpoint
from guardrail.core.names import is_of_stack
from guardrail.core.policy import decide
from guardrail.core.trail import Trigger
from guardrail.report import Report

if TYPE_CHECKING:
    from guardrail.reconcile import Reconciler


def glance(reconciler: Reconciler, trigger: Trigger) -> Sequence[Report] | None:
    """Return the reports if the endpoints that `trigger` wrote are in order, else None.

    Their policies are kept as the last compliant ones: one conditional write each, which tells
    whether an earlier pass left something to this event. Endpoints of other services are of no
    account, and so are tags but the one that exempts: VpcChange hears of them, too.
    """
    if not trigger.may_tag(reconciler.owner.intent.exemption_tag):
        return []
    if not trigger.written_endpoints:
        return None
    looked = reconciler.now()
    found = reconciler.network.glance(trigger.written_endpoints)
    if found is None or not all(_in_order(g.endpoint, trigger, reconciler) for g in found):
        return None
    note = reconciler.evidence.note_compliant
    # All of them, whatever the first one says.
    owed = [note(g.endpoint.endpoint_id, g.endpoint.policy, looked) for g in found]
    if any(owed):
        return None
    mode = reconciler.owner.intent.mode
    return [Report(glimpse.vpc_id, trigger, mode) for glimpse in found]


def _in_order(endpoint: Endpoint, trigger: Trigger, reconciler: Reconciler) -> bool:
    owner = reconciler.owner
    if not decide(endpoint.policy, owner.baseline).contained:
        return False
    if trigger.created_ids:
        # VpcChange looks at a new one, too.
        return True
    if not is_of_stack(endpoint.tags, owner.stack_id):
        # Of an owner's own the policy counts, and whether it serves the VPC at all.
        return bool(endpoint.subnet_ids)
    whole = endpoint.private_dns and endpoint.subnet_ids and endpoint.group_ids
    return bool(trigger.narrow and whole)

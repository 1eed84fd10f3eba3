"""What stood in the region before the guardrail: taken once, by the first invocation that looks.

In `enforce-new` only what is absent from it, or has changed against it, is written to.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from guardrail.core.model import Inventory, Mode, ObservedVpc
from guardrail.core.plan import policy_hash
from guardrail.core.trail import Trigger
from guardrail.ports import Records

if TYPE_CHECKING:
    from guardrail.reconcile import Reconciler


def inventory_at(
    reconciler: Reconciler, trigger: Trigger, observed: Iterable[ObservedVpc] | None = None
) -> Inventory | None:
    """Return what stood at first sight, taking it now if that was never done.

    What the event itself made or wrote is left out: it is new. `observed` is every VPC of the
    region, if it was looked at already.
    """
    if reconciler.owner.intent.mode is not Mode.ENFORCE_NEW:
        return None
    records = reconciler.records
    if stored := records.inventory():
        return _without(records, stored, trigger.created_ids)
    vpcs = list(reconciler.network.observe() if observed is None else observed)
    policies = {
        endpoint.endpoint_id: policy_hash(endpoint.policy)
        for vpc in vpcs
        for endpoint in vpc.endpoints
        if endpoint.endpoint_id not in trigger.new_ids
    }
    taken = Inventory(frozenset(vpc.vpc_id for vpc in vpcs) - trigger.new_ids, policies)
    counts = records.store_inventory(taken)
    # Another invocation may have been first, and may have counted as old what is new here.
    return counts if counts is taken else _without(records, counts, trigger.new_ids)


def _without(records: Records, inventory: Inventory, new_ids: frozenset[str]) -> Inventory:
    """Return the inventory without what is new, and take it off the records, too."""
    wrong = new_ids & (inventory.vpc_ids | inventory.policies.keys())
    if not wrong:
        return inventory
    records.forget(wrong)
    policies = {k: v for k, v in inventory.policies.items() if k not in wrong}
    return Inventory(inventory.vpc_ids - wrong, policies)

"""Which accounts a stack set is for, and what happens as accounts join and leave.

AWS: CloudFormation API reference, "DeploymentTargets"; user guide, "Automatic deployments": an
account that joins a target gets a stack in each region of the set, one that leaves loses them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from guardrail_sandbox.organisation.stack_set import Operation, Preferences, Stack

if TYPE_CHECKING:
    from collections.abc import Iterable

    from guardrail_sandbox.organisation.stack_set import Place, StackSet
    from guardrail_sandbox.organisation.tree import Tree

_ACTIVE = "ACTIVE"


def accounts(targets: dict[str, Any], tree: Tree) -> dict[str, str]:
    """Return the active accounts that deployment targets mean, each with its unit."""
    found = {
        account: unit
        for unit in targets.get("OrganizationalUnitIds", ())
        for account, state in tree.accounts(unit).items()
        if state == _ACTIVE
    }
    named = set(targets.get("Accounts", ()))
    match targets.get("AccountFilterType", "NONE"):
        case "INTERSECTION":
            return {one: unit for one, unit in found.items() if one in named}
        case "DIFFERENCE":
            return {one: unit for one, unit in found.items() if one not in named}
    return found


def added(
    stack_set: StackSet, wanted: dict[str, str], regions: Iterable[str], preferences: Preferences
) -> Operation:
    """Put the stacks that are missing into the set; return the operation that makes them."""
    places = [
        (account, region)
        for region in regions
        for account in sorted(wanted)
        if (account, region) not in stack_set.stacks
    ]
    for account, region in places:
        stack_set.stacks[account, region] = Stack(account, region, wanted[account])
    return Operation("CREATE", places, preferences)


def leaving(stack_set: StackSet, tree: Tree) -> list[Place]:
    """Return the stacks of accounts that are in none of the set's units any more."""
    inside = {account for unit in stack_set.targets for account in tree.accounts(unit)}
    return [place for place in stack_set.stacks if place[0] not in inside]


def automatic(stack_set: StackSet, tree: Tree) -> list[Operation]:
    """Return what auto-deployment does after accounts have moved."""
    if not stack_set.automatic or not stack_set.targets:
        return []
    made: list[Operation] = []
    for unit, regions in stack_set.targets.items():
        wanted = accounts({"OrganizationalUnitIds": [unit]}, tree)
        made.append(added(stack_set, wanted, sorted(regions), Preferences(len(wanted) or 1)))
    gone = leaving(stack_set, tree)
    removed = Operation("DELETE", gone, Preferences(len(gone) or 1), stack_set.retain_on_leaving)
    return [one for one in (*made, removed) if one.places]

"""Judging the guardrail's writes one by one: what they touched, and how many were needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from guardrail.core.model import Intent, VpcDns
from model.desired import STEP_FUNCTIONS, Fault, World, contained
from model.owner import Touch
from model.region import ACCOUNT
from model.snapshot import Endpoint, Group, Interface, Snapshot, Subnet, Vpc
from model.watch import Write
from model.yields import takes_out

PATIENCE = 3600.0
"""Seconds after an owner's call that was refused in which making way for it counts as needed:
the event may take 20 minutes, retries 3, and the way is kept free for 30."""


def misdeeds(
    write: Write, made: set[str], ours: set[tuple[str, Any]], intent: Intent
) -> Iterator[Fault]:
    """Yield what a write did to things that are not the guardrail's.

    `made` is all that it ever made; `ours` collects the rules that it authorised in its groups.
    """
    yield from _beyond_baseline(write, made)
    for thing_id, before in write.before.things.items():
        after = write.after.things.get(thing_id)
        if thing_id not in made and _as_adopted(before, intent) != _as_adopted(after, intent):
            yield _fault(write, "touched", f"{thing_id} was {before} and is {after}")
        elif isinstance(before, Group) and isinstance(after, Group) and thing_id in made:
            yield from _rules(write, before, after, ours)
    for thing_id in write.made:
        vpc = write.after.vpcs.get(write.after.vpc_of(thing_id))
        if vpc is not None and vpc.owner_id != ACCOUNT:
            yield _fault(write, "foreign", f"{thing_id} was made in the VPC of another account")


def wasted(
    writes: Sequence[Write], touches: Sequence[Touch], judge: Callable[[Snapshot, float], World]
) -> list[Write]:
    """Return the endpoint writes beyond the least that were needed.

    The least is one for each endpoint between two changes of its VPC by the owner, if it made
    something better, and one more after the guardrail had made way for the owner.
    """
    done: set[tuple[object, ...]] = set()
    beyond: list[Write] = []
    yields: dict[str, int] = {}
    for write in writes:
        if not write.spends:
            continue
        vpc_id = write.vpc_id
        earlier = [t for t in touches if t.vpc_id == vpc_id and t.at <= write.at]
        made_way = _made_way(write, earlier)
        key = (vpc_id, write.target, len(earlier), yields.get(vpc_id, 0))
        if key in done or not (made_way or _improved(write, judge)):
            beyond.append(write)
        done.add(key)
        yields[vpc_id] = yields.get(vpc_id, 0) + made_way
    return beyond


def _improved(write: Write, judge: Callable[[Snapshot, float], World]) -> bool:
    if write.code is not None:
        return False
    worlds = (judge(state, write.at) for state in (write.before, write.after))
    before, after = (_wrong(world, write.vpc_id) for world in worlds)
    return bool(before - after) or ("zones" in before and _grown(write))


def _wrong(world: World, vpc_id: str) -> Counter[str]:
    """Return how often there is each fault, and each thing that need not be there and may."""
    return Counter(f.code for f in (*world.of_vpc(vpc_id), *world.lacks(vpc_id)))


def _grown(write: Write) -> bool:
    before, after = (s.endpoints.get(write.target) for s in (write.before, write.after))
    return before is not None and after is not None and before.subnets < after.subnets


def _made_way(write: Write, earlier: Sequence[Touch]) -> bool:
    """Whether the guardrail stepped aside for an owner who had been refused something."""
    refused = any(t.code is not None and write.at - t.at <= PATIENCE for t in earlier)
    aside = takes_out(write) or write.form.get("PrivateDnsEnabled") == "false"
    return write.code is None and refused and aside


def _beyond_baseline(write: Write, made: set[str]) -> Iterator[Fault]:
    policy = write.form.get("PolicyDocument")
    if policy is not None and not contained(policy):
        yield _fault(write, "broad", f"wrote a policy beyond the baseline: {policy}")
    if write.action == "DeleteVpcEndpoints":
        for endpoint_id in {v for v in write.form.values() if v.startswith("vpce-")} - made:
            yield _fault(write, "touched", f"{endpoint_id} was to be deleted, and is not ours")


def _rules(
    write: Write, before: Group, after: Group, ours: set[tuple[str, Any]]
) -> Iterator[Fault]:
    ours |= {(after.group_id, rule) for rule in after.rules - before.rules}
    for rule in before.rules - after.rules:
        if (before.group_id, rule) not in ours:
            yield _fault(write, "touched", f"{before.group_id} lost somebody's rule {rule}")


def _as_adopted(thing: object, intent: Intent) -> object:
    """Return what of a thing the guardrail may not change."""
    match thing:
        case Vpc() if intent.vpc_dns is VpcDns.ENABLE:
            return replace(thing, dns=(True, True))
        case Endpoint():
            policy = "" if thing.service in STEP_FUNCTIONS and not thing.of_aws else thing.policy
            return replace(thing, state="", policy=policy)
        case Subnet():
            # Its own interfaces take addresses.
            return replace(thing, free=0)
        case Interface() if thing.of_aws:
            return None
    return thing


def _fault(write: Write, code: str, text: str) -> Fault:
    return Fault(code, write.vpc_id, f"{write.function}'s {write.action}: {text}")

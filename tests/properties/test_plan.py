"""Laws of planning: repeated passes end in nothing to do, and order does not matter."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.core.actions import ENDPOINT_WRITES
from guardrail.core.model import DnsAttributes, Intent, Known, Mode, VpcDns
from guardrail.core.names import Service
from guardrail.core.plan import plan
from guardrail.core.policy import decide
from guardrail.ports import Result
from guardrail.report import Outcome
from support.fakes import ACCOUNT, BASELINE, OFFERS, OPEN, ZONES
from support.world import World

_Item = TypeVar("_Item")

_POLICIES = st.sampled_from(
    [OPEN, BASELINE, "{", OPEN.replace("Allow", "Deny"), OPEN.replace('"*"', '"states:List*"', 1)]
)
_INTENTS = st.builds(
    Intent,
    mode=st.just(Mode.ENFORCE),
    services=st.sampled_from([(Service.STATES,), tuple(Service)]),
    default_vpcs=st.booleans(),
    max_zones=st.integers(1, 4),
    client_cidrs=st.sampled_from([(), ("192.168.0.0/16",)]),
    vpc_dns=st.sampled_from(VpcDns),
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw VPCs in any state, with endpoints of their owners and of the guardrail."""
    world = World(intent=draw(_INTENTS))
    for _ in range(draw(st.integers(1, 3))):
        vpc_id = world.network.add_vpc(
            zones=draw(st.lists(st.sampled_from(ZONES), max_size=5)),
            dns=draw(st.booleans()),
            default=draw(st.booleans()),
        )
        if draw(st.booleans()):
            world.settled(vpc_id)
        for endpoint in world.network.endpoints(vpc_id):
            damaged = replace(
                endpoint,
                private_dns=draw(st.booleans()),
                subnet_ids=frozenset(sorted(endpoint.subnet_ids)[: draw(st.integers(0, 3))]),
                group_ids=endpoint.group_ids if draw(st.booleans()) else frozenset(),
                policy=draw(_POLICIES),
            )
            rest = [e for e in world.network.endpoints(vpc_id) if e is not endpoint]
            world.network.change(vpc_id, endpoints=(*rest, damaged))
        if draw(st.booleans()):
            world.network.change(vpc_id, groups=())
        if draw(st.booleans()):
            service = draw(st.sampled_from(Service))
            world.network.add_endpoint(vpc_id, draw(_POLICIES), service=service)
        world.network.change(
            vpc_id, dns=DnsAttributes(support=draw(st.booleans()), hostnames=draw(st.booleans()))
        )
    return world


@settings(max_examples=120, deadline=None)
@given(world=worlds())
def test_passes_end_with_nothing_to_do(world: World) -> None:
    """At most as many passes as there are endpoint writes to make, then every plan is empty."""
    for _ in range(12):
        world.sweep()
    assert world.errors == []
    assert not any(report.steps for report in world.sweep())


@settings(max_examples=120, deadline=None)
@given(world=worlds())
def test_every_endpoint_ends_contained_and_every_write_was(world: World) -> None:
    """Whatever stood there, nothing that the guardrail wrote or left grants too much."""
    for _ in range(12):
        world.sweep()
    for vpc in world.network.state.values():
        assert all(decide(e.policy, BASELINE).contained for e in vpc.endpoints)
    assert all(decide(policy, BASELINE).contained for policy in world.network.policies_written)


@settings(max_examples=120, deadline=None)
@given(world=worlds())
def test_what_the_owner_made_changes_in_nothing_but_its_policy(world: World) -> None:
    """Adopted endpoints keep subnets, groups, DNS and tags."""
    before = {
        e.endpoint_id: replace(e, policy="")
        for vpc in world.network.state.values()
        for e in vpc.endpoints
        if not e.tags
    }
    for _ in range(12):
        world.sweep()
    after = {
        e.endpoint_id: replace(e, policy="")
        for vpc in world.network.state.values()
        for e in vpc.endpoints
    }
    assert {endpoint_id: after[endpoint_id] for endpoint_id in before} == before


@settings(max_examples=60, deadline=None)
@given(world=worlds(), random=st.randoms(use_true_random=False))
def test_the_order_in_which_ec2_answers_is_irrelevant(world: World, random: Random) -> None:
    """Subnets, groups and blocks in any order give the same plan, endpoints the same actions."""
    known = Known(ACCOUNT, world.clock(), BASELINE, OFFERS)
    for vpc in world.network.state.values():
        mixed = replace(
            vpc,
            subnets=_shuffled(vpc.subnets, random),
            groups=_shuffled(vpc.groups, random),
            endpoints=_shuffled(vpc.endpoints, random),
        )
        first, second = plan(vpc, world.intent, known), plan(mixed, world.intent, known)
        assert set(first.actions) == set(second.actions)
        assert {f.reason for f in first.findings} == {f.reason for f in second.findings}


def _shuffled(items: tuple[_Item, ...], random: Random) -> tuple[_Item, ...]:
    return tuple(random.sample(items, len(items)))


@settings(max_examples=60, deadline=None)
@given(world=worlds())
def test_no_vpc_has_two_endpoint_writes_in_one_pass(world: World) -> None:
    """Endpoint writes are few in the whole account, so a pass takes one for each VPC."""
    for report in world.sweep():
        written = [
            step.target
            for step in report.steps
            if step.action.kind in ENDPOINT_WRITES and step.result is Result.APPLIED
        ]
        assert len(written) <= 1


@settings(max_examples=60, deadline=None)
@given(world=worlds())
def test_what_stood_before_the_guardrail_stays_in_enforce_new(world: World) -> None:
    """Until somebody changes it, nothing that others made is written to, and nothing is made."""
    world.intent = replace(world.intent, mode=Mode.ENFORCE_NEW)
    world.records.remembered.clear()
    before = dict(world.network.state)
    for _ in range(3):
        world.sweep()
    assert world.network.state == before


@settings(max_examples=60, deadline=None)
@given(world=worlds())
def test_observe_plans_what_enforce_does(world: World) -> None:
    """The first pass in observe mode tells what the first pass in enforce mode does."""
    enforce = world.intent
    world.intent = replace(enforce, mode=Mode.OBSERVE)
    told = [(r.findings, [s.action.kind for s in r.steps]) for r in world.sweep()]
    world.intent = enforce
    done = world.sweep()
    assert [(r.findings, [s.action.kind for s in r.steps]) for r in done] == told
    assert Outcome.FAILED not in {r.outcome for r in done}

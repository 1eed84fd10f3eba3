"""A fault at every call: whatever fails, the next events and a sweep lead to the desired state."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from guardrail.core.model import Mode
from guardrail.core.policy import decide
from guardrail.errors import RetryableError, TerminalError
from guardrail.report import Outcome
from support.fakes import BASELINE, OPEN, Crash, Faults
from support.world import World

CALLS = 18
"""More calls than the story makes; the test of a fault beyond its end is one without a fault."""


def story(world: World) -> Iterator[Callable[[], object]]:
    """Yield what happens: a VPC that gets its endpoint, and a policy that is loosened."""
    network = world.network
    vpc_id = network.add_vpc()
    yield lambda: world.vpc_change(vpc_id, "CreateSubnet")
    yield lambda: world.vpc_change(vpc_id, "ModifyVpcAttribute")
    for endpoint in network.endpoints(vpc_id):
        network.set_policy(endpoint.endpoint_id, OPEN)
    for endpoint in network.endpoints(vpc_id):
        yield partial(world.endpoint_change, endpoint.endpoint_id)


def play(faults: Faults, mode: Mode) -> World:
    """Play the story with a fault; what fails is invoked once more, as Lambda does."""
    world = World()
    world.intent = type(world.intent)(mode=mode)
    world.network.faults = world.records.faults = faults
    for invoke in story(world):
        for _ in range(2):
            failed_before = len(world.errors)
            with contextlib.suppress(Crash, RetryableError, TerminalError):
                invoke()
                if len(world.errors) == failed_before:
                    break
    faults.at = None
    world.clock.advance(minutes=6)
    for _ in range(3):
        world.sweep()
    return world


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "error",
    [RetryableError("throttled"), TerminalError("denied"), Crash()],
    ids=["retryable", "terminal", "crash"],
)
@pytest.mark.parametrize("at", range(CALLS))
def test_a_fault_at_any_call_is_mended(
    at: int, error: BaseException, *, after_effect: bool
) -> None:
    """One complete endpoint with a contained policy, whichever call failed and however."""
    world = play(Faults(at, after_effect, error), Mode.ENFORCE)
    (vpc,) = world.network.state.values()
    (endpoint,) = vpc.endpoints
    (group,) = vpc.groups
    assert decide(endpoint.policy, BASELINE).contained
    assert len(endpoint.subnet_ids) == 3
    assert endpoint.private_dns
    assert group.group_id in endpoint.group_ids
    assert group.clients == {"10.0.0.0/16"}
    assert [report.outcome for report in world.sweep()] == [Outcome.COMPLIANT]
    assert all(decide(policy, BASELINE).contained for policy in world.network.policies_written)


@pytest.mark.parametrize("at", range(CALLS))
def test_a_fault_never_makes_the_inventory_forget_the_old(at: int) -> None:
    """In enforce-new an old VPC stays untouched, whichever call failed."""
    world = World()
    world.intent = type(world.intent)(mode=Mode.ENFORCE_NEW)
    old = world.network.add_vpc()
    faults = Faults(at)
    world.network.faults = world.records.faults = faults
    for _ in range(3):
        with contextlib.suppress(RetryableError):
            world.sweep()
    assert world.network.endpoints(old) == ()


def test_duplicates_and_disorder_make_no_further_write() -> None:
    """Every event twice and backwards: one creation, one revert."""
    world = World()
    vpc_id = world.network.add_vpc()
    for _ in range(4):
        world.vpc_change(vpc_id)
    (endpoint,) = world.network.endpoints(vpc_id)
    world.network.set_policy(endpoint.endpoint_id, OPEN)
    for _ in range(4):
        world.endpoint_change(endpoint.endpoint_id)
        world.vpc_change(vpc_id, "CreateVpc")
    assert world.network.endpoint_writes == 2


def test_a_policy_loosened_during_the_reconcile_is_closed_by_its_own_event() -> None:
    """A concurrent edit after our read is found when its event arrives."""
    world = World()
    vpc_id = world.network.add_vpc()
    world.vpc_change(vpc_id)
    (endpoint,) = world.network.endpoints(vpc_id)
    world.network.set_policy(endpoint.endpoint_id, OPEN)
    world.endpoint_change(endpoint.endpoint_id)
    world.network.set_policy(endpoint.endpoint_id, OPEN.replace("*", "states:*", 1))
    world.endpoint_change(endpoint.endpoint_id)
    assert decide(world.network.endpoint(endpoint.endpoint_id).policy, BASELINE).contained

"""Stale reads, edits of others, lost pauses: whatever disturbs, sweeps lead to the desired state.

The story has the pause before creation and both services; every
observation lags in turn, and before every write somebody else does something.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from guardrail.core.actions import Action, CreateEndpoint
from guardrail.core.model import Endpoint, Intent, Mode
from guardrail.core.names import Service
from guardrail.core.policy import decide
from guardrail.errors import GuardrailError, RetryableError
from guardrail.report import Outcome
from support.fakes import BASELINE, OPEN, ZONES, Crash, FakeSettling, Faults
from support.world import World

OBSERVATIONS = 9
"""More than the story makes before its sweeps, and the first of those."""
WRITES = 12
"""More than the story makes."""


def new_world() -> World:
    """Return a world with the pause before creation, where both services are wanted."""
    intent = Intent(mode=Mode.ENFORCE, services=tuple(Service))
    return World(intent=intent, settling=FakeSettling(enabled=True))


def attempt(invoke: Callable[[], object], world: World) -> None:
    """Invoke as Lambda does: three times at most, while it fails."""
    for _ in range(3):
        before = len(world.errors)
        with contextlib.suppress(Crash, GuardrailError):
            invoke()
            if len(world.errors) == before:
                return


def play(world: World) -> str:
    """Let a VPC grow, settle and grow again, open its endpoints, then sweep; return its id."""
    network = world.network
    vpc_id = network.add_vpc(zones=())
    attempt(lambda: world.vpc_change(vpc_id, "CreateVpc"), world)
    for zone in ZONES[:2]:
        network.add_subnet(vpc_id, zone)
        attempt(lambda: world.vpc_change(vpc_id), world)
    attempt(lambda: world.settled(vpc_id), world)
    network.add_subnet(vpc_id, ZONES[2])
    attempt(lambda: world.vpc_change(vpc_id), world)
    for endpoint in network.endpoints(vpc_id):
        if endpoint not in network.endpoints(vpc_id):
            continue
        network.set_policy(endpoint.endpoint_id, OPEN)
        attempt(lambda e=endpoint: world.endpoint_change(e.endpoint_id), world)  # type: ignore[misc]
    world.network.faults.at = None
    world.settling.paused.clear()
    for _ in range(12):
        world.clock.advance(minutes=6)
        attempt(world.sweep, world)
    return vpc_id


def assert_desired(world: World, vpc_id: str) -> None:
    """One complete endpoint for each service, contained, and nothing else was ever written."""
    vpc = world.network.state[vpc_id]
    assert sorted(e.service for e in vpc.endpoints) == sorted(Service)
    for endpoint in vpc.endpoints:
        assert decide(endpoint.policy, BASELINE).contained
        assert _complete(world, endpoint)
    assert [report.outcome for report in world.sweep()] == [Outcome.COMPLIANT]
    assert all(decide(policy, BASELINE).contained for policy in world.network.policies_written)


def _complete(world: World, endpoint: Endpoint) -> bool:
    (vpc,) = world.network.state.values()
    group_ids = {g.group_id for g in vpc.groups if g.clients >= {"10.0.0.0/16"}}
    zones = {s.zone for s in vpc.subnets if s.subnet_id in endpoint.subnet_ids}
    return endpoint.private_dns and bool(endpoint.group_ids & group_ids) and len(zones) == 3


@pytest.mark.parametrize("lag", [1, 2, 5, 50])
@pytest.mark.parametrize("at", range(OBSERVATIONS))
def test_a_stale_read_at_any_time_is_mended(at: int, lag: int) -> None:
    """An observation that lags by some changes, or sees the world before all of them."""
    world = new_world()
    world.network.stale_reads = {at: lag}
    assert_desired(world, play(world))


@pytest.mark.parametrize("lag", [1, 3])
def test_reads_that_are_stale_all_the_while_are_mended(lag: int) -> None:
    """Every observation of the story lags; the sweeps afterwards see the present."""
    world = new_world()
    world.network.stale_reads = dict.fromkeys(range(OBSERVATIONS), lag)
    assert_desired(world, play(world))


def _open(world: World) -> None:
    for vpc_id in world.network.state:
        for endpoint in world.network.endpoints(vpc_id):
            world.network.set_policy(endpoint.endpoint_id, OPEN)


def _delete(world: World) -> None:
    for vpc_id in world.network.state:
        for endpoint in world.network.endpoints(vpc_id):
            world.network.delete_endpoint(endpoint.endpoint_id)


def _detach(world: World) -> None:
    for vpc_id in world.network.state:
        bare = (replace(e, private_dns=False) for e in world.network.endpoints(vpc_id))
        world.network.change(vpc_id, endpoints=tuple(bare))


def _close_group(world: World) -> None:
    for vpc_id, vpc in world.network.state.items():
        closed = (replace(group, clients=frozenset()) for group in vpc.groups)
        world.network.change(vpc_id, groups=tuple(closed))


def _grow(world: World) -> None:
    for vpc_id in world.network.state:
        world.network.add_subnet(vpc_id, ZONES[0], free=999)


@pytest.mark.parametrize("edit", [_open, _delete, _detach, _close_group, _grow])
@pytest.mark.parametrize("at", range(WRITES))
def test_an_edit_of_somebody_else_before_any_write_is_mended(
    at: int, edit: Callable[[World], None]
) -> None:
    """Opened, deleted, taken apart or grown in the moment between our read and our write."""
    world = new_world()
    left = [at]

    def act(_: Action) -> None:
        left[0] -= 1
        if left[0] == -1:
            edit(world)

    world.network.before_apply = act
    assert_desired(world, play(world))


@pytest.mark.parametrize("error", [RetryableError("throttled"), Crash()], ids=["error", "crash"])
@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(4))
def test_a_pause_that_could_not_be_started_or_read_is_mended(
    at: int, error: BaseException, *, after_effect: bool
) -> None:
    """The event is tried again; the sweep finds what remains."""
    world = new_world()
    world.settling.faults = Faults(at, after_effect, error)
    assert_desired(world, play(world))


def test_two_invocations_at_once_make_one_endpoint() -> None:
    """A second run inside the first one's write: the token makes them one, so does the group."""
    world = World(intent=Intent(mode=Mode.ENFORCE))
    vpc_id = world.network.add_vpc()
    inside: list[Action] = []

    def act(action: Action) -> None:
        if not inside:
            inside.append(action)
            world.settled(vpc_id)

    world.network.before_apply = act
    world.settled(vpc_id)
    assert len(world.network.endpoints(vpc_id)) == 1
    assert len(world.network.state[vpc_id].groups) == 1
    assert [report.outcome for report in world.sweep()] == [Outcome.COMPLIANT]


def test_two_creations_at_once_agree_on_the_endpoint_that_was_made() -> None:
    """The inner run creates after the outer has noted its intention; both note one id."""
    world = World(intent=Intent(mode=Mode.ENFORCE))
    vpc_id = world.network.add_vpc()
    inside: list[Action] = []

    def act(action: Action) -> None:
        if isinstance(action, CreateEndpoint) and not inside:
            inside.append(action)
            world.settled(vpc_id)

    world.network.before_apply = act
    world.settled(vpc_id)
    (endpoint,) = world.network.endpoints(vpc_id)
    assert world.records.made(vpc_id).endpoint_ids == {endpoint.endpoint_id}


@pytest.mark.parametrize("at", range(8))
def test_an_event_is_not_lost_when_its_invocation_ends_in_the_middle(at: int) -> None:
    """A process that dies at any call of a revert: Lambda's retry of the same event closes it."""
    world = World(intent=Intent(mode=Mode.ENFORCE))
    vpc_id = world.network.add_vpc()
    world.settled(vpc_id)
    (endpoint,) = world.network.endpoints(vpc_id)
    world.network.set_policy(endpoint.endpoint_id, OPEN)
    world.network.faults = world.records.faults = Faults(at, after_effect=True, error=Crash())
    attempt(lambda: world.endpoint_change(endpoint.endpoint_id), world)
    assert decide(world.network.endpoint(endpoint.endpoint_id).policy, BASELINE).contained
    assert {image.before for image in world.evidence.images} == {OPEN}

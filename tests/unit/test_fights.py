"""Somebody keeps loosening an endpoint: that is told, and its reverts are spaced, never stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from guardrail.core.fights import WINDOW, Fight, PastRevert
from guardrail.core.policy import decide
from guardrail.ports import Result
from support.fakes import BASELINE, OPEN, Clock
from support.world import ALICE, World

SECOND = timedelta(seconds=1)


def loosen(world: World, endpoint_id: str, *, after: timedelta = SECOND) -> list[Result]:
    """Let alice open the endpoint once more; return what became of the policy writes."""
    world.clock.time += after
    world.network.set_policy(endpoint_id, OPEN)
    (report,) = world.endpoint_change(endpoint_id)
    return [step.result for step in report.steps]


def is_closed(world: World, endpoint_id: str) -> bool:
    """Whether the endpoint grants nothing beyond the baseline now."""
    return decide(world.network.endpoint(endpoint_id).policy, BASELINE).contained


def fought_over(reverts: int) -> tuple[World, str, str]:
    """Return a world with a VPC and its endpoint that was put back so often in a row."""
    world = World()
    vpc_id = world.network.add_vpc()
    endpoint_id = world.network.add_endpoint(vpc_id, BASELINE)
    for _ in range(reverts):
        assert loosen(world, endpoint_id) == [Result.APPLIED]
    world.heard.events.clear()
    return world, vpc_id, endpoint_id


def test_it_is_contested_with_the_fourth_revert_and_its_actors_are_named() -> None:
    """Who, with which tool, how often; the third does not count as a fight yet."""
    world, _, endpoint_id = fought_over(2)
    loosen(world, endpoint_id)
    assert world.heard.events[0][1]["contested"] is None
    assert world.heard.kinds() == ["Policy Reverted"]
    loosen(world, endpoint_id)
    contested = world.heard.events[0][1]["contested"]
    assert contested["opponents"] == [{"actor": ALICE, "user_agent": "aws-cli/2", "times": 4}]
    assert (contested["reverts"], contested["breaker_open"]) == (4, False)
    assert world.heard.kinds() == ["Policy Reverted", "Endpoint Contested"]
    loosen(world, endpoint_id)
    assert world.heard.kinds() == ["Policy Reverted"]


def test_reverts_of_an_hour_ago_do_not_count() -> None:
    """A fight that ended is over."""
    world, _, endpoint_id = fought_over(3)
    loosen(world, endpoint_id, after=WINDOW)
    assert world.heard.kinds() == ["Policy Reverted"]


def test_with_the_eleventh_revert_the_breaker_opens_and_the_next_waits_a_minute() -> None:
    """It is put back then, by an appointment; nothing has to happen meanwhile."""
    world, vpc_id, endpoint_id = fought_over(10)
    assert loosen(world, endpoint_id) == [Result.APPLIED]
    assert world.heard.events[0][1]["contested"]["breaker_open"]
    assert world.heard.kinds() == ["Policy Reverted", "Endpoint Contested"]
    last = world.clock.time
    assert loosen(world, endpoint_id) == [Result.SPACED]
    assert world.heard.kinds() == []
    assert not is_closed(world, endpoint_id)
    assert world.spacing.appointments == {vpc_id: last + timedelta(minutes=1)}
    world.reverts_later(vpc_id)
    assert is_closed(world, endpoint_id)


def test_other_endpoints_are_put_back_at_once() -> None:
    """One endpoint's breaker is nobody else's business."""
    world, _, endpoint_id = fought_over(11)
    other = world.network.add_endpoint(world.network.add_vpc(), BASELINE)
    assert loosen(world, endpoint_id) == [Result.SPACED]
    assert loosen(world, other) == [Result.APPLIED]


def test_other_repairs_of_it_wait_for_the_sweep() -> None:
    """A managed endpoint that is fought over loses its private DNS as well."""
    world = World()
    vpc_id = world.network.add_vpc()
    world.settled(vpc_id)
    (endpoint,) = world.network.endpoints(vpc_id)
    world.records.know(vpc_id, breakers={endpoint.endpoint_id: world.clock() + WINDOW})
    changed = replace(endpoint, private_dns=False)
    world.network.change(vpc_id, endpoints=(changed,))
    (report,) = world.endpoint_change(endpoint.endpoint_id)
    assert [step.result for step in report.steps] == [Result.DEFERRED]
    world.sweep()
    assert world.network.endpoint(endpoint.endpoint_id).private_dns


def test_the_breaker_closes_when_the_hour_is_over() -> None:
    """Then reverts do not wait any more, and neither do other repairs."""
    world, vpc_id, endpoint_id = fought_over(11)
    assert world.records.memory(vpc_id).breaks(endpoint_id, world.clock())
    assert loosen(world, endpoint_id, after=WINDOW + SECOND) == [Result.APPLIED]
    assert loosen(world, endpoint_id) == [Result.APPLIED]
    assert not world.records.memory(vpc_id).breaks(endpoint_id, world.clock() + WINDOW)


@pytest.mark.parametrize(("reverts", "turns"), [(3, False), (4, True), (5, False), (11, True)])
def test_it_is_told_once_that_a_fight_turns(reverts: int, *, turns: bool) -> None:
    """When it becomes one, and when its breaker opens."""
    now = Clock()()
    past = [PastRevert(now)] * reverts
    assert Fight(past, 3, 10).turns is turns


def test_a_breaker_that_opens_before_the_endpoint_counts_as_contested_is_told_of() -> None:
    """The parameters may be so; who is woken reads the same message."""
    world = World()
    world.intent = replace(world.intent, contested_after=20, breaker_after=2)
    endpoint_id = world.network.add_endpoint(world.network.add_vpc(), BASELINE)
    for _ in range(3):
        assert loosen(world, endpoint_id) == [Result.APPLIED]
    assert world.heard.kinds().count("Endpoint Contested") == 1
    assert "once a minute" in world.heard.messages[-1].text

"""Somebody keeps loosening an endpoint: that is told, and its reverts are spaced, never stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from guardrail.core.fights import IN_FLIGHT, SPACING, WINDOW
from guardrail.core.model import Mode
from guardrail.core.policy import decide
from guardrail.core.trail import LOOK_AGAIN, Trigger
from guardrail.errors import RetryableError
from guardrail.ports import Result
from support.fakes import BASELINE, OPEN
from support.world import ALICE, ENDPOINT_CHANGE, World

SECOND = timedelta(seconds=1)
BOB = "arn:aws:iam::111122223333:user/bob"


def loosen(
    world: World, endpoint_id: str, *, after: timedelta = SECOND, actor: str = ALICE
) -> list[Result]:
    """Let somebody open the endpoint once more; return what became of the policy writes."""
    world.clock.time += after
    world.network.set_policy(endpoint_id, OPEN)
    (report,) = world.endpoint_change(endpoint_id, actor=actor)
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


def test_everybody_who_takes_part_is_named_the_most_frequent_first() -> None:
    """A pipeline and a person, each with his tool."""
    world, _, endpoint_id = fought_over(1)
    for _ in range(3):
        loosen(world, endpoint_id, actor=BOB)
    told = world.heard.events[-1][1]["contested"]["opponents"]
    assert [(one["actor"], one["times"]) for one in told] == [(BOB, 3), (ALICE, 1)]


def test_attempts_that_failed_are_no_reverts() -> None:
    """Three were throttled and one was made: nobody fights."""
    world, _, endpoint_id = fought_over(0)
    world.network.before_apply = refusing
    for _ in range(3):
        assert loosen(world, endpoint_id) == [Result.FAILED]
    world.network.before_apply = lambda _: None
    assert loosen(world, endpoint_id) == [Result.APPLIED]
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


def test_of_several_that_are_due_at_once_one_writes() -> None:
    """Each invocation has read the same history before any of them wrote."""
    world, _, endpoint_id = fought_over(11)
    world.clock.time += SPACING
    past = world.evidence.reverts(endpoint_id, world.clock())
    world.evidence.reverts = lambda *_: past
    results = [loosen(world, endpoint_id) for _ in range(7)]
    assert results == [[Result.APPLIED], *[[Result.SPACED]] * 6]


def test_a_write_that_may_have_been_made_counts_for_two_minutes() -> None:
    """Whoever is at the same endpoint at the same time is to know of it."""
    world, _, endpoint_id = fought_over(9)
    noting = world.evidence.note_written
    world.evidence.note_written = refusing
    for _ in range(2):
        loosen(world, endpoint_id)
    world.evidence.note_written = noting
    assert loosen(world, endpoint_id) == [Result.SPACED]
    assert loosen(world, endpoint_id, after=IN_FLIGHT + SECOND) == [Result.APPLIED]


def test_writes_that_failed_do_not_open_the_breaker() -> None:
    """They were throttled; spacing would leave the endpoint open for want of nothing."""
    world, _, endpoint_id = fought_over(6)
    world.network.before_apply = refusing
    for _ in range(6):
        loosen(world, endpoint_id)
    world.network.before_apply = lambda _: None
    assert loosen(world, endpoint_id) == [Result.APPLIED]


def test_the_sweep_does_not_wait_for_the_minute() -> None:
    """It comes by its schedule, and nothing would bring it back sooner."""
    world, _, endpoint_id = fought_over(11)
    world.network.set_policy(endpoint_id, OPEN)
    world.sweep()
    assert is_closed(world, endpoint_id)


def test_who_opened_it_is_named_when_it_is_put_back_a_minute_later() -> None:
    """The first after the last revert, and it was open since then; a failed write loses nothing."""
    world, vpc_id, endpoint_id = fought_over(11)
    loosen(world, endpoint_id)
    begun = world.clock()
    loosen(world, endpoint_id)
    world.network.before_apply = refusing
    world.reverts_later(vpc_id)
    world.network.before_apply = lambda _: None
    world.clock.time += SPACING
    world.run(Trigger(LOOK_AGAIN, frozenset({vpc_id})), ENDPOINT_CHANGE)
    detail = world.heard.events[-1][1]
    assert (detail["actor"], detail["user_agent"]) == (ALICE, "aws-cli/2")
    assert detail["exposure_ms"] == (world.clock() - begun) / timedelta(milliseconds=1)


def test_who_opened_it_is_named_although_the_breaker_has_closed_meanwhile() -> None:
    """The first of the reverts left the hour before the appointment came."""
    world, vpc_id, endpoint_id = fought_over(1)
    world.clock.time += WINDOW - 40 * SECOND
    for _ in range(10):
        loosen(world, endpoint_id)
    assert loosen(world, endpoint_id) == [Result.SPACED]
    world.reverts_later(vpc_id)
    assert world.evidence.images[-1].actor == ALICE


def test_who_opened_and_closed_it_is_not_named_for_the_next() -> None:
    """Alice corrected herself while the revert was put off; then bob opened it as she had."""
    world, vpc_id, endpoint_id = fought_over(11)
    loosen(world, endpoint_id)
    world.network.set_policy(endpoint_id, BASELINE)
    world.endpoint_change(endpoint_id)
    loosen(world, endpoint_id, actor=BOB)
    world.reverts_later(vpc_id)
    assert world.evidence.images[-1].actor == BOB


def test_who_opened_and_closed_it_is_forgotten_by_a_full_look_too() -> None:
    """No event told of the closing; a sweep saw it."""
    world, vpc_id, endpoint_id = fought_over(11)
    loosen(world, endpoint_id)
    world.network.set_policy(endpoint_id, BASELINE)
    world.sweep()
    assert world.evidence.loosenings == {}
    loosen(world, endpoint_id, actor=BOB)
    world.reverts_later(vpc_id)
    assert world.evidence.images[-1].actor == BOB


def test_of_two_who_open_it_the_last_is_named_whose_policy_it_is() -> None:
    """Between the two somebody closed it, and that event comes later than bob's change."""
    world, vpc_id, endpoint_id = fought_over(11)
    loosen(world, endpoint_id)
    loosen(world, endpoint_id, actor=BOB)
    world.endpoint_change(endpoint_id, policy=BASELINE)
    world.reverts_later(vpc_id)
    assert world.evidence.images[-1].actor == BOB


def test_the_second_of_two_that_are_fought_over_has_its_appointment() -> None:
    """One write in a pass, and the event of the first may be lost."""
    world, vpc_id, endpoint_id = fought_over(11)
    other = world.network.add_endpoint(vpc_id, BASELINE)
    for _ in range(11):
        loosen(world, other, after=timedelta())
    loosen(world, endpoint_id, after=timedelta())
    loosen(world, other, after=timedelta())
    world.reverts_later(vpc_id)
    world.reverts_later(vpc_id)
    assert is_closed(world, endpoint_id)
    assert is_closed(world, other)


def test_observe_mode_does_not_wait_for_a_fight_of_earlier() -> None:
    """Nothing is put back there, so nothing is spaced."""
    world, _, endpoint_id = fought_over(11)
    world.intent = replace(world.intent, mode=Mode.OBSERVE)
    assert loosen(world, endpoint_id) == [Result.RECORDED]
    assert world.heard.kinds() == ["Drift Observed"]


def test_a_breaker_that_opens_while_others_write_is_told_of() -> None:
    """The count passed eleven between two looks of ours."""
    world, vpc_id, endpoint_id = fought_over(10)
    world.evidence.images.append(image := replace(world.evidence.images[-1], event_id="event-7"))
    world.evidence.written[endpoint_id, image.name] = None
    world.records.know(vpc_id, breakers={})
    loosen(world, endpoint_id)
    assert loosen(world, endpoint_id, after=SPACING) == [Result.APPLIED]
    assert world.heard.kinds().count("Endpoint Contested") == 1


def test_fights_that_are_over_are_forgotten_with_the_next() -> None:
    """The item of a VPC does not grow with every endpoint that it ever had."""
    world, vpc_id, _ = fought_over(11)
    other = world.network.add_endpoint(vpc_id, BASELINE)
    world.clock.time += WINDOW
    for _ in range(4):
        loosen(world, other)
    memory = world.records.memory(vpc_id)
    assert (set(memory.contested), memory.breakers) == ({other}, {})


def test_what_gets_out_of_the_way_does_not_wait_for_the_sweep() -> None:
    """Its owner tears the VPC down; a breaker that is open keeps nothing there."""
    world = World()
    vpc_id = world.network.add_vpc()
    world.settled(vpc_id)
    (endpoint,) = world.network.endpoints(vpc_id)
    world.records.know(vpc_id, breakers={endpoint.endpoint_id: world.clock() + WINDOW})
    world.wants_endpoint(vpc_id)
    assert not world.network.endpoint(endpoint.endpoint_id).private_dns
    world.tears_down(vpc_id, *endpoint.subnet_ids)
    assert world.network.endpoints(vpc_id) == ()


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


def test_a_breaker_that_opens_before_the_endpoint_counts_as_contested_is_told_of() -> None:
    """The parameters may be so; who is woken reads the same message."""
    world = World()
    world.intent = replace(world.intent, contested_after=20, breaker_after=2)
    endpoint_id = world.network.add_endpoint(world.network.add_vpc(), BASELINE)
    for _ in range(3):
        assert loosen(world, endpoint_id) == [Result.APPLIED]
    assert world.heard.kinds().count("Endpoint Contested") == 1
    assert "once a minute" in world.heard.messages[-1].text


def refusing(*_: object) -> None:
    """Fail as a table does that grants no more writes."""
    raise RetryableError("throttled")

"""A revert restores what its owner had, verifies it, and is remembered with all that matters."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from guardrail.core.actions import Action, Origin
from guardrail.core.model import Mode, ObservedVpc
from guardrail.core.policy import baseline_alone
from guardrail.core.trail import Trigger
from guardrail.errors import RetryableError, TerminalError
from guardrail.ports import Applied
from support.fakes import BASELINE, OPEN, FakeNetwork
from support.values import policy
from support.world import ALICE, ENDPOINT_CHANGE, World

BOB = "arn:aws:iam::111122223333:user/bob"
STRICTER = policy(Action="states:StartExecution")
DENY = {"Effect": "Deny", "Principal": "*", "Action": "states:DeleteStateMachine", "Resource": "*"}


def opened(world: World, *before: str) -> str:
    """Let an owner's endpoint have policies one after the other, each seen, then an open one."""
    vpc_id = world.network.add_vpc()
    endpoint_id = world.network.add_endpoint(vpc_id, before[0] if before else OPEN)
    for text in before:
        world.network.set_policy(endpoint_id, text)
        world.endpoint_change(endpoint_id)
    world.network.set_policy(endpoint_id, OPEN)
    return endpoint_id


def origin(world: World) -> Origin:
    """Return where the last policy that was written comes from."""
    return world.evidence.images[-1].origin


def test_the_last_compliant_policy_is_restored() -> None:
    """A team's stricter policy, not the baseline; the one that it had last."""
    world = World()
    endpoint_id = opened(world, BASELINE, STRICTER)
    world.endpoint_change(endpoint_id)
    assert world.network.endpoint(endpoint_id).policy == STRICTER
    assert origin(world) is Origin.LAST_COMPLIANT


def test_what_a_sweep_saw_is_restored_as_well() -> None:
    """No event told of the stricter policy; the sweep looked at it."""
    world = World()
    endpoint_id = world.network.add_endpoint(world.network.add_vpc(), STRICTER)
    world.sweep()
    world.network.set_policy(endpoint_id, OPEN)
    world.endpoint_change(endpoint_id)
    assert world.network.endpoint(endpoint_id).policy == STRICTER


def test_what_was_seen_last_is_restored_whoever_saw_it() -> None:
    """A sweep, an event and a sweep: the first policy came back, and is the one that counts."""
    world = World()
    endpoint_id = world.network.add_endpoint(world.network.add_vpc(), BASELINE)
    world.sweep()
    world.network.set_policy(endpoint_id, STRICTER)
    world.endpoint_change(endpoint_id)
    world.network.set_policy(endpoint_id, BASELINE)
    world.sweep()
    world.network.set_policy(endpoint_id, OPEN)
    world.endpoint_change(endpoint_id)
    assert world.network.endpoint(endpoint_id).policy == BASELINE


def test_what_todays_baseline_does_not_contain_is_not_restored() -> None:
    """The baseline was narrowed since: it counts, not what once complied."""
    world = World()
    endpoint_id = opened(world)
    world.evidence.policies[endpoint_id] = policy(Action="states:*", Condition={})
    world.endpoint_change(endpoint_id)
    assert world.network.endpoint(endpoint_id).policy == baseline_alone(BASELINE)
    assert origin(world) is Origin.BASELINE


@pytest.mark.parametrize("kept", ["not JSON", "{}", json.dumps({"Statement": []}), "null"])
def test_a_kept_policy_that_is_damaged_is_not_restored(kept: str) -> None:
    """Whatever stands in the table, only what is inside the baseline is written."""
    world = World()
    endpoint_id = opened(world)
    world.evidence.policies[endpoint_id] = kept
    world.endpoint_change(endpoint_id)
    assert world.network.endpoint(endpoint_id).policy == baseline_alone(BASELINE)


def test_without_one_the_denies_of_the_open_policy_are_kept() -> None:
    """The second choice: a team's restriction is not lost."""
    world = World()
    vpc_id = world.network.add_vpc()
    both = {"Version": "2012-10-17", "Statement": [*json.loads(OPEN)["Statement"], DENY]}
    endpoint_id = world.network.add_endpoint(vpc_id, json.dumps(both))
    world.endpoint_change(endpoint_id)
    assert DENY in json.loads(world.network.endpoint(endpoint_id).policy)["Statement"]
    assert origin(world) is Origin.WITH_DENIES


def test_a_policy_that_is_contained_and_merely_different_is_left_alone() -> None:
    """Stricter than the baseline is compliant."""
    world = World()
    endpoint_id = world.network.add_endpoint(world.network.add_vpc(), STRICTER)
    world.sweep()
    world.endpoint_change(endpoint_id)
    assert world.network.endpoint(endpoint_id).policy == STRICTER
    assert world.network.endpoint_writes == 0


def test_it_is_remembered_in_observe_mode_too() -> None:
    """Nothing is written to EC2; what complied then is what enforcing restores later."""
    world = World()
    world.intent = replace(world.intent, mode=Mode.OBSERVE)
    endpoint_id = opened(world, STRICTER)
    world.endpoint_change(endpoint_id)
    assert world.network.endpoint(endpoint_id).policy == OPEN
    world.intent = replace(world.intent, mode=Mode.ENFORCE)
    world.endpoint_change(endpoint_id)
    assert world.network.endpoint(endpoint_id).policy == STRICTER


def test_what_is_in_order_is_remembered_once() -> None:
    """The second sweep writes nothing to the table."""
    world = World()
    world.network.add_endpoint(world.network.add_vpc(), STRICTER)
    world.sweep()
    world.evidence.note_compliant = refusing(TerminalError)
    world.sweep()
    assert world.errors == []


def test_in_enforce_new_a_policy_changed_to_comply_and_back_is_new() -> None:
    """It stood before the guardrail, but not any more since its owner corrected it."""
    world = World()
    world.intent = replace(world.intent, mode=Mode.ENFORCE_NEW)
    endpoint_id = world.network.add_endpoint(world.network.add_vpc(), OPEN)
    world.sweep()
    world.endpoint_change(endpoint_id)
    assert world.network.endpoint(endpoint_id).policy == OPEN
    for text in (STRICTER, OPEN):
        world.network.set_policy(endpoint_id, text)
        world.endpoint_change(endpoint_id)
    assert world.network.endpoint(endpoint_id).policy == STRICTER


def test_in_enforce_new_what_complied_until_the_baseline_was_narrowed_is_spared() -> None:
    """It has not changed since before the guardrail; the baseline has."""
    world = World()
    world.intent = replace(world.intent, mode=Mode.ENFORCE_NEW)
    endpoint_id = world.network.add_endpoint(world.network.add_vpc(), OPEN)
    world.sweep()
    world.evidence.policies[endpoint_id] = OPEN
    world.endpoint_change(endpoint_id)
    assert world.network.endpoint(endpoint_id).policy == OPEN


def test_the_record_says_who_why_and_what_got_through() -> None:
    """The actor and tool of the event that wrote it; no policy is lost."""
    world = World()
    endpoint_id = opened(world, STRICTER)
    world.endpoint_change(endpoint_id)
    (image,) = world.evidence.images
    assert (image.before, image.after) == (OPEN, STRICTER)
    assert (image.actor, image.user_agent, image.event_id) == (ALICE, "aws-cli/2", "event-1")
    assert image.codes == ("policy-broader",)
    assert image.witness
    assert image.changed == image.at == world.clock()


@pytest.mark.parametrize("given", [None, STRICTER])
def test_an_event_that_opened_nothing_names_nobody(given: str | None) -> None:
    """Bob added a subnet, or it was the guardrail's own write; somebody else opened the policy."""
    world = World()
    endpoint_id = opened(world, STRICTER)
    ids = frozenset({endpoint_id})
    bob = Trigger("ModifyVpcEndpoint", frozenset(), ids, BOB, event_id="event-9", policy=given)
    world.run(bob, ENDPOINT_CHANGE)
    (image,) = world.evidence.images
    assert (image.after, image.event_id) == (STRICTER, "event-9")
    assert (image.actor, image.changed) == (None, None)


def test_whoever_gave_another_policy_is_not_named() -> None:
    """Alice let a partner in, bob let everybody in, and alice's event is the first to come."""
    world = World()
    endpoint_id = opened(world, STRICTER)
    world.endpoint_change(endpoint_id, policy=policy(Action="states:*"))
    assert world.evidence.images[-1].actor is None
    world.network.set_policy(endpoint_id, OPEN)
    world.endpoint_change(endpoint_id, actor=BOB, policy=json.dumps(json.loads(OPEN), indent=2))
    assert world.evidence.images[-1].actor == BOB


def test_an_event_that_comes_a_second_time_later_names_nobody() -> None:
    """From the dead-letter queue, say: bob opened the policy since, just as alice had."""
    world = World()
    endpoint_id = opened(world, STRICTER)
    first = world.clock()
    wait(world, seconds=5)
    world.clock.advance(seconds=5)
    world.endpoint_change(endpoint_id, at=first)
    world.clock.advance(minutes=50)
    world.network.set_policy(endpoint_id, OPEN)
    world.endpoint_change(endpoint_id, at=first)
    assert [image.actor for image in world.evidence.images] == [ALICE, None]


def test_an_event_that_comes_days_later_names_nobody() -> None:
    """No revert of the last hour tells whether it was dealt with, so it tells nothing."""
    world = World()
    endpoint_id = opened(world, STRICTER)
    first = world.clock()
    world.clock.advance(hours=49)
    world.endpoint_change(endpoint_id, at=first)
    assert [image.actor for image in world.evidence.images] == [None]


def test_a_sweep_keeps_no_policy_that_is_older_than_what_an_event_kept() -> None:
    """Its owner narrowed the policy while the sweep was reading."""
    world = World()
    endpoint_id = world.network.add_endpoint(world.network.add_vpc(), BASELINE)
    observe = world.network.observe

    def narrowed(*asked: Collection[str]) -> Sequence[ObservedVpc]:
        seen = observe(*asked)
        world.network.observe = observe
        world.clock.advance(seconds=1)
        world.network.set_policy(endpoint_id, STRICTER)
        world.endpoint_change(endpoint_id)
        return seen

    world.network.observe = narrowed
    world.sweep()
    assert world.evidence.policies[endpoint_id] == STRICTER


def test_a_sweep_leaves_alone_what_was_exempted_since_it_looked() -> None:
    """By the endpoint's own tag, while it wrote elsewhere."""
    world = World()
    world.intent = replace(world.intent, exemption_tag="exempt")
    _, second = (world.network.add_endpoint(world.network.add_vpc(), OPEN) for _ in range(2))

    def exempted(action: Action) -> None:
        del action
        world.network.before_apply = lambda _: None
        world.network.change_endpoint(second, tags={"exempt": "until=2099-01-01; reason=migration"})

    world.network.before_apply = exempted
    world.sweep()
    assert world.network.endpoint(second).policy == OPEN


def test_a_write_whose_answer_was_lost_is_recorded_and_told_of() -> None:
    """Another attempt would find all in order."""
    world = World()
    endpoint_id = opened(world, STRICTER)
    apply = world.network.apply

    def lost(action: Action) -> Applied:
        apply(action)
        raise RetryableError("connection closed")

    world.network.apply = lost
    world.endpoint_change(endpoint_id)
    assert world.errors == []
    assert world.heard.kinds() == ["Policy Reverted"]
    assert len(world.evidence.verified) == 1


def test_a_sweep_writes_over_no_policy_that_complies_by_now() -> None:
    """Its owner corrected the second while the first was written: that one counts."""
    world = World()
    first, second = (world.network.add_endpoint(world.network.add_vpc(), OPEN) for _ in range(2))

    def corrected(action: Action) -> None:
        del action
        world.network.before_apply = lambda _: None
        world.network.set_policy(second, STRICTER)

    world.network.before_apply = corrected
    world.sweep()
    assert world.network.endpoint(first).policy != OPEN
    assert world.network.endpoint(second).policy == STRICTER
    assert world.heard.kinds() == ["Policy Reverted"]


def test_a_sweep_records_what_it_replaces_now() -> None:
    """Not what it saw when it looked: somebody has changed that meanwhile."""
    world = World()
    _, second = (world.network.add_endpoint(world.network.add_vpc(), OPEN) for _ in range(2))
    other = policy(Principal="*", Action="states:StartExecution", Resource="*", Condition={})

    def changed(action: Action) -> None:
        del action
        world.network.before_apply = lambda _: None
        world.network.set_policy(second, other)

    world.network.before_apply = changed
    world.sweep()
    image = world.evidence.images[-1]
    assert (image.endpoint_id, image.before) == (second, other)
    assert image.witness
    assert image.witness.action == "states:StartExecution"
    assert world.network.endpoint(second).policy == image.after


def test_exposure_lasts_until_the_write_was_seen() -> None:
    """From the change to the moment when EC2 showed a compliant policy."""
    world = World()
    endpoint_id = opened(world)
    wait(world, seconds=7)
    world.endpoint_change(endpoint_id)
    (seen,) = world.evidence.verified.values()
    assert seen == (world.clock(), 7_000)


def test_a_write_that_ec2_does_not_show_is_recorded_as_not_verified() -> None:
    """It was made; the record and the event say that nobody saw it."""
    world = World()
    world.network.settled_policy = lambda *_: None
    endpoint_id = opened(world)
    world.endpoint_change(endpoint_id)
    assert (len(world.evidence.written), world.evidence.verified) == (1, {})
    assert world.heard.events[-1][1]["verified"] is None


def test_that_a_write_could_not_be_read_back_is_no_failure() -> None:
    """A throttled Describe: another attempt would find all in order and tell nothing."""
    world = World()
    world.network.settled_policy = refusing(RetryableError)
    world.endpoint_change(opened(world))
    assert world.errors == []
    assert (len(world.evidence.written), world.evidence.verified) == (1, {})


def test_a_read_that_is_not_allowed_is_a_failure() -> None:
    """Nobody will ever verify anything then."""
    world = World()
    world.network.settled_policy = refusing(TerminalError)
    world.endpoint_change(opened(world))
    assert [type(error) for error in world.errors] == [TerminalError]


def test_a_revert_whose_record_cannot_be_completed_is_told_of() -> None:
    """It was made; another attempt would find all in order."""
    world = World()
    world.evidence.note_written = refusing(RetryableError)
    world.endpoint_change(opened(world))
    assert world.heard.kinds()[0] == "Policy Reverted"
    assert [type(error) for error in world.errors] == [RetryableError]


def wait(world: World, *, seconds: int) -> None:
    """Let time pass before the next write is seen."""
    network: FakeNetwork = world.network

    def passes(action: Action) -> None:
        del action
        world.clock.time += timedelta(seconds=seconds)

    network.before_apply = passes


def refusing(kind: type[Exception]) -> Callable[..., str | None]:
    """Return a read that fails."""

    def read(*_: object) -> str | None:
        raise kind("no")

    return read

"""Who has the service's name in a VPC, where several want it at once or in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from guardrail.core.actions import Action, CreateEndpoint, SetPrivateDns
from guardrail.core.names import Service
from guardrail.core.reasons import Reason
from guardrail.core.trail import Trigger
from guardrail.core.wish import Wish, WishKind
from guardrail.errors import NameTakenError, RetryableError
from support.fakes import BASELINE
from support.stories import covered, new_world, reasons
from support.world import ALICE, YIELDING, World

NAME = "states.us-east-1.amazonaws.com"
ZONE = "private hosted zone Z1"


def refusing(tried: list[Action], kind: type[Action]) -> Callable[[Action], None]:
    """Return what EC2 does while a hosted zone has the name; it keeps what was tried."""

    def refuse(action: Action) -> None:
        if isinstance(action, kind) and getattr(action, "enabled", True):
            tried.append(action)
            raise NameTakenError("conflicting DNS domain")

    return refuse


def refused_call(world: World, vpc_id: str, wish: Wish) -> set[Reason]:
    """Let Yielding hear of a call that was refused for the name; return what it found."""
    trigger = Trigger(
        "CreateVpcEndpoint", frozenset({vpc_id}), actor=wish.actor, settled=False, wish=wish
    )
    return reasons(world.run(trigger, YIELDING, yields=True))


def test_a_yield_does_not_keep_the_name_from_the_owners_endpoint() -> None:
    """Nothing is put back meanwhile, and giving the name up puts nothing back."""
    world, vpc_id = covered(*Service)
    of = {e.service: e.endpoint_id for e in world.network.endpoints(vpc_id)}
    world.network.delete_endpoint(of[Service.STATES])
    world.endpoint_change(of[Service.STATES], "DeleteVpcEndpoints")
    assert world.records.memory(vpc_id).yielded
    world.wants_endpoint(vpc_id, "sync-states")
    assert not world.network.endpoint(of[Service.SYNC_STATES]).private_dns
    assert vpc_id in world.agenda.appointments


def test_a_yield_of_a_subnet_does_not_either() -> None:
    """The owner takes a zone out, and then wants an endpoint of his own."""
    world, vpc_id = covered()
    first, second, _ = (s.subnet_id for s in world.network.state[vpc_id].subnets)
    world.network.add_interface(vpc_id, second)
    world.tears_down(vpc_id, first)
    world.wants_endpoint(vpc_id)
    assert not world.network.endpoints(vpc_id)[0].private_dns


def test_our_own_refused_call_is_no_wish_of_the_owners() -> None:
    """The name was refused to ours a minute ago; it has it by now, and keeps it."""
    world, vpc_id = covered()
    (ours,) = world.network.endpoints(vpc_id)
    about = frozenset({ours.endpoint_id})
    wish = Wish(WishKind.OWN_ENDPOINT, frozenset({NAME}), "role", at=world.clock(), about=about)
    refused_call(world, vpc_id, wish)
    assert world.network.endpoints(vpc_id)[0].private_dns
    assert Reason.YIELDING in reasons(world.wants_endpoint(vpc_id)), "his own is still heard"


def test_an_attempt_before_there_was_an_endpoint_is_not_followed() -> None:
    """Something else was in its way; the half second that CloudTrail cuts off does not count."""
    world, vpc_id = covered()
    begun = world.records.memory(vpc_id).creations[Service.STATES].begun
    wish = Wish(WishKind.OWN_ENDPOINT, frozenset({NAME}), ALICE)
    before = replace(wish, at=begun - timedelta(minutes=2))
    assert refused_call(world, vpc_id, before) == {Reason.YIELD_SPENT}
    assert world.network.endpoints(vpc_id)[0].private_dns
    same = replace(wish, at=begun.replace(microsecond=0))
    assert refused_call(world, vpc_id, same) == {Reason.YIELDING}


def test_a_name_that_the_owners_endpoint_took_a_moment_ago_is_not_taken_for_a_zones() -> None:
    """His call comes between our look and our own: when his goes, ours is made again."""
    world, vpc_id = covered()
    (ours,) = world.network.endpoints(vpc_id)
    world.network.change_endpoint(ours.endpoint_id, private_dns=False)
    theirs: list[str] = []

    def races(action: Action) -> None:
        if isinstance(action, SetPrivateDns) and not theirs:
            theirs.append(world.network.add_endpoint(vpc_id, BASELINE, private_dns=True))

    world.network.before_apply = races
    world.endpoint_change(ours.endpoint_id)
    world.clock.advance(minutes=30)
    world.sweep()
    assert [e.endpoint_id for e in world.network.endpoints(vpc_id)] == theirs
    world.clock.advance(hours=1)
    world.network.delete_endpoint(theirs[0])
    world.network.change(vpc_id, absent=())
    world.sweep()
    assert [e.private_dns for e in world.network.endpoints(vpc_id)] == [True]


def test_a_hosted_zone_is_noticed_beside_an_owners_endpoint_without_the_name() -> None:
    """EC2 would refuse the name each hour, and each refused sweep ends among the dead letters."""
    world, vpc_id = covered()
    (ours,) = world.network.endpoints(vpc_id)
    world.network.change_endpoint(ours.endpoint_id, private_dns=False)
    world.network.add_endpoint(vpc_id, BASELINE)
    tried: list[Action] = []
    world.network.before_apply = refusing(tried, SetPrivateDns)
    for _ in range(12):
        world.sweep()
        world.clock.advance(hours=1)
    assert (len(tried), len(world.errors)) == (1, 1)


def test_a_zone_that_came_after_the_question_is_asked_for_after_one_refusal() -> None:
    """Nobody had the name when the first attempt failed, for want of tokens."""
    world = new_world()
    vpc_id = world.network.add_vpc()
    tried: list[Action] = []

    def throttles(action: Action) -> None:
        if isinstance(action, CreateEndpoint):
            raise RetryableError("RequestLimitExceeded")

    world.network.before_apply = throttles
    world.sweep()
    world.resolution.answers[vpc_id] = ZONE
    world.network.before_apply = refusing(tried, CreateEndpoint)
    for _ in range(12):
        world.clock.advance(hours=1)
        found = reasons(world.sweep())
    assert tried == []
    assert found == {Reason.SERVED_CENTRALLY}

"""What could not be done at once is gone on with, and keeps nothing else waiting."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from guardrail.core.actions import (
    Action,
    DeleteEndpoint,
    SetPrivateDns,
)
from guardrail.core.memory import Cause, Yield
from guardrail.core.model import AbsentEndpoint, Interface, YieldBegins
from guardrail.core.names import Service
from guardrail.core.reasons import Reason
from guardrail.core.trail import Trigger
from guardrail.errors import NameTakenError, TerminalError
from support.fakes import BASELINE
from support.stories import covered, new_world, reasons, refusing
from support.world import ALICE, VPC_CHANGE, World

BOTH = tuple(Service)


def at_ease(action: Action) -> None:
    """Refuse nothing."""
    del action


def of_service(world: World, vpc_id: str, service: Service) -> str:
    """Return the VPC's endpoint of a service."""
    return next(e.endpoint_id for e in world.network.endpoints(vpc_id) if e.service is service)


class TestNameLeft:
    """A name that is to be left to the owner's endpoint."""

    def test_it_is_given_up_later_where_that_was_refused_at_first(self) -> None:
        """It is had once in 24 hours, so it must not be spent in vain."""
        world, vpc_id = covered()
        world.network.before_apply = refusing(SetPrivateDns)
        world.wants_endpoint(vpc_id)
        world.network.before_apply = at_ease
        assert Reason.YIELDING in reasons(world.looks_again(vpc_id))
        assert not world.network.endpoints(vpc_id)[0].private_dns

    def test_it_is_given_up_later_where_the_one_write_went_elsewhere(self) -> None:
        """Of two of ours one is deleted first."""
        world, vpc_id = covered()
        (ours,) = world.network.endpoints(vpc_id)
        second = replace(ours, endpoint_id="vpce-0000000000000dddd", private_dns=False)
        world.network.change(vpc_id, endpoints=(ours, second))
        world.records.note_endpoint(vpc_id, Service.STATES, second.endpoint_id)
        world.wants_endpoint(vpc_id)
        assert [e.private_dns for e in world.network.endpoints(vpc_id)] == [True]
        world.looks_again(vpc_id)
        assert [e.private_dns for e in world.network.endpoints(vpc_id)] == [False]

    def test_it_comes_back_after_half_an_hour(self) -> None:
        """As where it was given up at once."""
        world, vpc_id = covered()
        world.network.before_apply = refusing(SetPrivateDns)
        world.wants_endpoint(vpc_id)
        world.network.before_apply = at_ease
        world.looks_again(vpc_id)
        world.clock.advance(minutes=31)
        world.sweep()
        assert world.network.endpoints(vpc_id)[0].private_dns

    def test_an_endpoint_made_later_keeps_it(self) -> None:
        """The owner's took our place, and went again within the half hour."""
        world, vpc_id = covered()
        world.wants_endpoint(vpc_id)
        world.clock.advance(minutes=1)
        theirs = world.network.add_endpoint(vpc_id, BASELINE, private_dns=True)
        subnets = frozenset(s.subnet_id for s in world.network.state[vpc_id].subnets)
        world.network.change_endpoint(theirs, subnet_ids=subnets)
        world.looks_again(vpc_id)
        world.network.delete_endpoint(theirs)
        world.settled(vpc_id)
        world.sweep()
        assert [e.private_dns for e in world.network.endpoints(vpc_id)] == [True]

    def test_what_the_owner_switches_on_again_by_hand_stays_on(self) -> None:
        """He wants no endpoint of his own any more."""
        world, vpc_id = covered()
        world.wants_endpoint(vpc_id)
        world.clock.advance(minutes=5)
        (ours,) = world.network.endpoints(vpc_id)
        world.network.change_endpoint(ours.endpoint_id, private_dns=True)
        before = world.network.endpoint_writes
        for _ in range(3):
            world.looks_again(vpc_id)
        assert world.network.endpoint_writes == before

    def test_it_is_not_tried_for_half_an_hour_to_give_it_up(self) -> None:
        """Where nobody lets the guardrail modify an endpoint, a few calls show it."""
        world, vpc_id = covered()
        tried = []

        def refuse(action: Action) -> None:
            if isinstance(action, SetPrivateDns):
                tried.append(action)
                raise TerminalError("explicit deny")

        world.network.before_apply = refuse
        world.wants_endpoint(vpc_id)
        for _ in range(10):
            world.looks_again(vpc_id)
        assert len(tried) == 3

    def test_ours_of_a_service_that_gets_none_any_more_leaves_it_too(self) -> None:
        """`Services` says what is made; what was made is in its owner's way."""
        world, vpc_id = covered(*BOTH)
        world.intent = replace(world.intent, services=(Service.STATES,))
        ours = of_service(world, vpc_id, Service.SYNC_STATES)
        assert Reason.YIELDING in reasons(world.wants_endpoint(vpc_id, "sync-states"))
        assert not world.network.endpoint(ours).private_dns
        world.clock.advance(minutes=31)
        world.sweep()
        assert world.network.endpoint(ours).private_dns, "nobody made one"

    def test_a_fips_endpoint_does_not_hide_that_a_zone_has_it(self) -> None:
        """It has another name: EC2 is asked for ours once a day, not in every sweep."""
        world, vpc_id = covered()
        (ours,) = world.network.endpoints(vpc_id)
        world.network.change_endpoint(ours.endpoint_id, private_dns=False)
        fips = world.network.add_endpoint(vpc_id, BASELINE, private_dns=True)
        world.network.change_endpoint(fips, aside=True)
        tried = []

        def refuse(action: Action) -> None:
            if isinstance(action, SetPrivateDns):
                tried.append(action)
                raise NameTakenError("conflicting DNS domain")

        world.network.before_apply = refuse
        for _ in range(12):
            world.sweep()
            world.clock.advance(hours=1)
        assert len(tried) == 1


class TestTeardown:
    """Deletions that go wrong, or come late."""

    def test_a_late_attempt_is_not_followed_while_another_yield_lasts(self) -> None:
        """Whoever tried has given up hours ago; what a deletion began has nothing to do with it."""
        world, vpc_id = covered(*BOTH)
        tried = world.clock() + timedelta(minutes=5)
        world.clock.advance(hours=5)
        gone = of_service(world, vpc_id, Service.STATES)
        world.network.delete_endpoint(gone)
        world.endpoint_change(gone, "DeleteVpcEndpoints")
        assert Reason.YIELD_SPENT in reasons(world.tears_down(vpc_id, at=tried))
        assert len(world.network.endpoints(vpc_id)) == 1

    def test_interfaces_of_an_endpoint_that_is_being_deleted_are_nobodys_but_ours(self) -> None:
        """Its owner deleted one of two a moment ago, and then the VPC."""
        world, vpc_id = covered(*BOTH)
        first = next(e for e in world.network.endpoints(vpc_id) if e.service is Service.STATES)
        world.network.delete_endpoint(first.endpoint_id)
        left = [Interface(f"eni-{subnet}", subnet) for subnet in sorted(first.subnet_ids)]
        ids = frozenset(one.interface_id for one in left)
        going = AbsentEndpoint(first.endpoint_id, first.service, deleting=True, interface_ids=ids)
        world.network.change(vpc_id, absent=(going,))
        world.network.foreign[vpc_id] = left
        world.endpoint_change(first.endpoint_id, "DeleteVpcEndpoints")
        world.tears_down(vpc_id)
        assert world.network.endpoints(vpc_id) == ()

    def test_an_endpoint_that_could_not_be_deleted_is_as_before(self) -> None:
        """When its owner deletes it later, nothing is put back for half an hour."""
        world, vpc_id = covered()
        (ours,) = world.network.endpoints(vpc_id)
        world.network.before_apply = refusing(DeleteEndpoint)
        world.tears_down(vpc_id)
        world.network.before_apply = at_ease
        world.clock.advance(hours=25)
        world.sweep()
        world.network.delete_endpoint(ours.endpoint_id)
        world.endpoint_change(ours.endpoint_id, "DeleteVpcEndpoints")
        assert world.records.memory(vpc_id).yielding(world.clock())

    def test_a_yield_that_began_while_other_vpcs_were_written_to_is_heeded(self) -> None:
        """An event that names nothing known leads to all VPCs with endpoints."""
        world = new_world()
        first, second = sorted(world.network.add_vpc() for _ in range(2))
        for vpc_id in (first, second):
            world.settled(vpc_id)
        ours = {v: world.network.endpoints(v)[0] for v in (first, second)}
        for one in ours.values():
            fewer = frozenset(sorted(one.subnet_ids)[:2])
            world.network.change_endpoint(one.endpoint_id, subnet_ids=fewer)

        def meanwhile(action: Action) -> None:
            if getattr(action, "endpoint_id", "") == ours[first].endpoint_id:
                begun = Yield(Cause.TEARDOWN, world.clock(), ALICE, "event-9")
                world.records.note(second, YieldBegins(begun))
                world.clock.advance(seconds=20)

        world.network.before_apply = meanwhile
        unknown = Trigger("DeleteSecurityGroup", frozenset(), frozenset({"sg-gone"}), settled=False)
        world.run(unknown, VPC_CHANGE)
        now = {v: len(world.network.endpoints(v)[0].subnet_ids) for v in (first, second)}
        assert now == {first: 3, second: 2}


def test_who_answers_is_asked_though_the_other_services_endpoint_is_still_going() -> None:
    """Another pause begins for the one that is going; the other is made, unless it is needless."""
    world = new_world(services=BOTH)
    world.settling.enabled = True
    vpc_id = world.network.add_vpc()
    going = AbsentEndpoint("vpce-0000000000000aaaa", Service.STATES, deleting=True)
    world.network.change(vpc_id, absent=(going,))
    world.resolution.answers[vpc_id] = "forwarding rule"
    assert Reason.SERVED_CENTRALLY in reasons(world.settled(vpc_id))
    assert world.network.endpoints(vpc_id) == ()
    world.resolution.answers.clear()
    world.clock.advance(hours=25)
    world.settled(vpc_id)
    assert [e.service for e in world.network.endpoints(vpc_id)] == [Service.SYNC_STATES]

"""What becomes of a second managed endpoint, and where the VPC is served centrally."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardrail.core.actions import Action
from guardrail.core.model import Mode
from guardrail.core.names import MANAGED_TAG, Service
from guardrail.core.reasons import Reason
from guardrail.errors import TerminalError
from guardrail.report import Outcome
from support.fakes import BASELINE, STACK
from support.stories import covered, new_world, reasons
from support.world import World


class TestDuplicates:
    """More endpoints than are needed."""

    @pytest.mark.parametrize("keeps", [0, 1])
    def test_two_of_ours_shrink_to_the_one_that_serves_best(self, keeps: int) -> None:
        """After a lost race the one with private DNS stays, whichever was first."""
        world, vpc_id = covered()
        (first,) = world.network.endpoints(vpc_id)
        twin = replace(first, endpoint_id="vpce-0aaaaaaaaaaaaaaaa")
        pair = [replace(first, private_dns=keeps == 0), replace(twin, private_dns=keeps == 1)]
        world.network.change(vpc_id, endpoints=tuple(pair))
        world.records.note_endpoint(vpc_id, Service.STATES, twin.endpoint_id)
        assert Reason.DUPLICATE_ENDPOINT in reasons(world.sweep())
        assert [e.endpoint_id for e in world.network.endpoints(vpc_id)] == [pair[keeps].endpoint_id]
        assert world.sweep()[0].outcome is Outcome.COMPLIANT
        assert world.records.memory(vpc_id).yielded is None

    def test_an_owners_endpoint_without_subnets_is_not_enough(self) -> None:
        """EC2 accepts endpoints that carry no traffic; the VPC gets one that does."""
        world = World()
        vpc_id = world.network.add_vpc()
        theirs = world.network.add_endpoint(vpc_id, BASELINE, zones=0)
        world.sweep()
        made = [e for e in world.network.endpoints(vpc_id) if e.endpoint_id != theirs]
        assert [e.works for e in made] == [True]

    def test_one_that_has_the_name_besides_is_told_of(self) -> None:
        """EC2 would refuse ours the name, so a second one would gain nothing."""
        world = World()
        vpc_id = world.network.add_vpc()
        world.network.add_endpoint(vpc_id, BASELINE, zones=0, private_dns=True)
        (report,) = world.sweep()
        assert "carries no traffic" in report.findings[0].message
        assert len(world.network.endpoints(vpc_id)) == 1


class TestCentral:
    """The VPC's resolver gets the service's name from elsewhere."""

    def test_no_endpoint_is_made_and_the_report_says_by_what_it_is_served(self) -> None:
        """Asked before creation only, and remembered for 24 hours."""
        world = World()
        vpc_id = world.network.add_vpc()
        world.resolution.answers[vpc_id] = "private hosted zone Z1 (states.…)"
        for _ in range(3):
            (report,) = world.sweep()
            assert report.outcome is Outcome.SKIPPED
            assert "private hosted zone Z1" in report.findings[0].message
        assert (len(world.network.endpoints(vpc_id)), world.resolution.asked) == (0, 1)

    def test_it_is_asked_again_after_a_day(self) -> None:
        """The central endpoint may be gone by then."""
        world = World()
        vpc_id = world.network.add_vpc()
        world.resolution.answers[vpc_id] = "forwarding rule"
        world.sweep()
        world.resolution.answers.clear()
        world.clock.advance(hours=25)
        world.sweep()
        assert len(world.network.endpoints(vpc_id)) == 1

    @pytest.mark.parametrize("mode", [Mode.ENFORCE, Mode.OBSERVE])
    @pytest.mark.parametrize("by", [None, "forwarding rule"])
    def test_it_is_asked_once_a_day_whoever_answers(self, mode: Mode, by: str | None) -> None:
        """That nobody does is remembered as well; in observe mode the calls cost the same."""
        world = new_world(mode)
        vpc_id = world.network.add_vpc()
        if by:
            world.resolution.answers[vpc_id] = by
        world.network.before_apply = _fail
        asked = []
        for _ in range(26):
            world.sweep()
            asked.append(world.resolution.asked)
            world.clock.advance(hours=1)
        assert asked == [1] * 24 + [2] * 2

    def test_an_endpoint_that_was_deleted_has_it_asked_again(self) -> None:
        """Its owner may have moved the VPC to a central one."""
        world, vpc_id = covered()
        (endpoint,) = world.network.endpoints(vpc_id)
        world.network.delete_endpoint(endpoint.endpoint_id)
        world.resolution.answers[vpc_id] = "private hosted zone Z1 (states.…)"
        world.sweep()
        world.clock.advance(minutes=31)
        (report,) = world.sweep()
        assert report.outcome is Outcome.SKIPPED
        assert world.network.endpoints(vpc_id) == ()

    def test_a_vpc_with_an_endpoint_is_not_asked_about(self) -> None:
        """The calls cost only where something would be made."""
        world, _ = covered()
        asked = world.resolution.asked
        world.sweep()
        assert world.resolution.asked == asked


def _fail(_: Action) -> None:
    raise TerminalError("denied")


def test_one_of_ours_that_another_stack_took_over_has_used_its_token() -> None:
    """It stands in no subnet, so the VPC gets another, which EC2 must not take for the same."""
    world = World()
    vpc_id = world.network.add_vpc()
    world.settled(vpc_id)
    (ours,) = world.network.endpoints(vpc_id)
    tags = {MANAGED_TAG: STACK.replace("guardrail/", "other/")}
    taken_over = replace(ours, tags=tags, managed=False, private_dns=False, subnet_ids=frozenset())
    world.network.change(vpc_id, endpoints=(taken_over,))
    world.sweep()
    first, second = world.network.endpoints(vpc_id)
    assert first.endpoint_id == ours.endpoint_id
    assert second.works
    assert world.records.made(vpc_id).generation == 1
    world.sweep()
    assert len(world.network.endpoints(vpc_id)) == 2

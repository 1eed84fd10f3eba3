"""Leaving the service's name to an endpoint of the owner's own."""

from __future__ import annotations

from dataclasses import replace

from guardrail.core.actions import Action, SetPrivateDns
from guardrail.core.memory import YIELD
from guardrail.core.names import MANAGED_TAG, Service
from guardrail.core.policy import decide
from guardrail.core.reasons import Reason
from guardrail.core.wish import WishKind
from guardrail.errors import NameTakenError
from support.fakes import BASELINE, OPEN
from support.stories import covered, new_world, reasons, refused, rest_of, untag
from support.values import STACK
from support.world import ALICE, YIELDING


class TestOwnEndpoint:
    """The owner wants an endpoint of his own, and ours has the service's name."""

    def test_the_name_is_given_up_and_ours_goes_once_the_owners_works(self) -> None:
        """No failed call deletes anything: ours goes when the other is available."""
        world, vpc_id = covered()
        assert Reason.YIELDING in reasons(world.wants_endpoint(vpc_id))
        (ours,) = world.network.endpoints(vpc_id)
        assert not ours.private_dns
        theirs = world.network.add_endpoint(vpc_id, BASELINE, private_dns=True, available=False)
        world.looks_again(vpc_id)
        assert len(world.network.endpoints(vpc_id)) == 2
        world.network.change_endpoint(theirs, available=True)
        world.looks_again(vpc_id)
        assert [e.endpoint_id for e in world.network.endpoints(vpc_id)] == [theirs]
        world.sweep()
        assert rest_of(world, vpc_id)[0] == 1
        assert world.errors == []

    def test_our_group_goes_once_our_endpoint_is_gone(self) -> None:
        """Nothing of ours is left beside the owner's endpoint."""
        world, vpc_id = covered()
        theirs = world.network.add_endpoint(vpc_id, BASELINE, private_dns=True)
        ours = next(e for e in world.network.endpoints(vpc_id) if e.endpoint_id != theirs)
        world.network.change_endpoint(ours.endpoint_id, private_dns=False)
        assert Reason.DUPLICATE_ENDPOINT in reasons(world.sweep())
        world.network.change(vpc_id, absent=())
        world.sweep()
        assert rest_of(world, vpc_id) == (1, 0)

    def test_our_group_goes_though_it_lost_its_tag(self) -> None:
        """It is tagged again first, and then nothing of ours is left beside the owner's."""
        world, vpc_id = covered()
        theirs = world.network.add_endpoint(vpc_id, BASELINE, private_dns=True)
        world.sweep()
        world.network.change(vpc_id, absent=())
        untag(world, vpc_id)
        assert reasons(world.vpc_change(vpc_id)) == {Reason.ADOPTED, Reason.TAGS_MISSING}
        world.sweep()
        assert [e.endpoint_id for e in world.network.endpoints(vpc_id)] == [theirs]
        assert rest_of(world, vpc_id) == (1, 0)

    def test_a_group_that_was_taken_over_with_its_endpoint_keeps_its_tag(self) -> None:
        """Another stack's tag on both says that they are its own now."""
        world, vpc_id = covered()
        (endpoint,) = world.network.endpoints(vpc_id)
        other = {MANAGED_TAG: STACK.replace("guardrail/", "other/")}
        world.network.change_endpoint(endpoint.endpoint_id, tags=other)
        untag(world, vpc_id)
        assert reasons(world.sweep()) == {Reason.ADOPTED}
        assert not world.network.state[vpc_id].groups[0].tagged

    def test_private_dns_comes_back_when_no_endpoint_appears(self) -> None:
        """Half an hour is enough for a tool to try again."""
        world, vpc_id = covered()
        world.wants_endpoint(vpc_id)
        while vpc_id in world.agenda.appointments:
            world.looks_again(vpc_id)
        assert world.clock() - world.records.memory(vpc_id).ceded[Service.STATES].begun >= YIELD
        (ours,) = world.network.endpoints(vpc_id)
        assert ours.private_dns

    def test_a_name_that_a_hosted_zone_has_is_asked_for_once_a_day(self) -> None:
        """EC2 refuses it each time; the report says why private DNS is off."""
        world, vpc_id = covered()
        (ours,) = world.network.endpoints(vpc_id)
        world.network.change_endpoint(ours.endpoint_id, private_dns=False)
        tried: list[Action] = []

        def refuse(action: Action) -> None:
            if isinstance(action, SetPrivateDns):
                tried.append(action)
                raise NameTakenError("conflicting DNS domain")

        world.network.before_apply = refuse
        assert Reason.PRIVATE_DNS_OFF in reasons(world.sweep())
        for _ in range(3):
            assert reasons(world.sweep()) == {Reason.SERVED_CENTRALLY}
            world.clock.advance(hours=1)
        assert len(tried) == 1
        world.network.before_apply = lambda _: None
        world.clock.advance(hours=22)
        world.resolution.answers[vpc_id] = "private hosted zone Z1 (states.…)"
        assert reasons(world.sweep()) == {Reason.SERVED_CENTRALLY}
        world.resolution.answers.clear()
        world.clock.advance(hours=25)
        world.sweep()
        assert world.network.endpoints(vpc_id)[0].private_dns

    def test_a_name_that_was_refused_is_not_asked_for_because_of_that(self) -> None:
        """It may be our own call that was refused: each try would bring the event of the next."""
        for exempt in (False, True):
            world, vpc_id = covered()
            world.wants_endpoint(vpc_id)
            world.clock.advance(hours=1)
            if exempt:
                world.intent = replace(world.intent, exemption_tag="x")
                world.network.change(vpc_id, tags={"x": "until=2099-01-01; reason=test"})
            before = world.network.endpoint_writes
            assert not any(report.steps for report in world.wants_endpoint(vpc_id))
            assert world.network.endpoint_writes == before

    def test_an_exempt_vpc_leaves_the_name_and_gets_it_back_all_the_same(self) -> None:
        """Exempt from being completed, not from getting out of the way."""
        world, vpc_id = covered()
        world.intent = replace(world.intent, exemption_tag="x")
        world.network.change(vpc_id, tags={"x": "until=2099-01-01; reason=test"})
        assert Reason.YIELDING in reasons(world.wants_endpoint(vpc_id))
        assert not world.network.endpoints(vpc_id)[0].private_dns
        while vpc_id in world.agenda.appointments:
            world.looks_again(vpc_id)
        assert world.network.endpoints(vpc_id)[0].private_dns
        world.clock.advance(hours=25)
        world.wants_endpoint(vpc_id)
        theirs = world.network.add_endpoint(vpc_id, BASELINE, private_dns=True)
        world.looks_again(vpc_id)
        world.network.change(vpc_id, absent=())
        world.sweep()
        assert [e.endpoint_id for e in world.network.endpoints(vpc_id)] == [theirs]
        assert rest_of(world, vpc_id) == (1, 0)

    def test_an_exempt_vpc_is_left_alone_with_an_endpoint_that_nobody_was_refused(self) -> None:
        """Two side by side are the owner's own affair."""
        world, vpc_id = covered()
        world.intent = replace(world.intent, exemption_tag="x")
        world.network.change(vpc_id, tags={"x": "until=2099-01-01; reason=test"})
        (ours,) = world.network.endpoints(vpc_id)
        world.network.change_endpoint(ours.endpoint_id, private_dns=False)
        world.network.add_endpoint(vpc_id, BASELINE, private_dns=True)
        assert reasons(world.sweep()) == {Reason.EXEMPT}
        assert len(world.network.endpoints(vpc_id)) == 2

    def test_a_refusal_about_an_endpoint_that_is_gone_concerns_nobody(self) -> None:
        """Names of other VPCs stay where they are."""
        world, vpc_id = covered()
        wish = refused("vpce-gone", WishKind.OWN_ENDPOINT, "states.us-east-1.amazonaws.com")
        assert world.run(wish, YIELDING, yields=True) == []
        assert world.network.endpoints(vpc_id)[0].private_dns

    def test_a_fips_endpoint_beside_ours_answers_for_its_own_name_alone(self) -> None:
        """Its policy counts, and ours stays: without it the name would lead to the internet."""
        world, vpc_id = covered()
        (ours,) = world.network.endpoints(vpc_id)
        fips = world.network.add_endpoint(vpc_id, OPEN, private_dns=True)
        world.network.change_endpoint(fips, aside=True)
        world.sweep()
        assert world.network.endpoint(ours.endpoint_id).private_dns
        assert decide(world.network.endpoint(fips).policy, BASELINE).contained

    def test_a_fips_endpoint_alone_is_not_enough(self) -> None:
        """The other name is served by nobody."""
        world = new_world()
        vpc_id = world.network.add_vpc()
        fips = world.network.add_endpoint(vpc_id, BASELINE, private_dns=True)
        world.network.change_endpoint(fips, aside=True)
        world.sweep()
        assert len(world.network.endpoints(vpc_id)) == 2
        assert all(e.private_dns for e in world.network.endpoints(vpc_id))

    def test_the_sweep_does_not_take_the_name_back_meanwhile(self) -> None:
        """It says for whom it is kept free."""
        world, vpc_id = covered()
        world.wants_endpoint(vpc_id)
        (report,) = world.sweep()
        assert ALICE in report.findings[0].message
        assert not world.network.endpoints(vpc_id)[0].private_dns

    def test_the_name_is_given_up_once_in_24_hours(self) -> None:
        """A call that fails on purpose does not keep private DNS off."""
        world, vpc_id = covered()
        world.wants_endpoint(vpc_id)
        world.clock.advance(hours=1)
        world.sweep()
        assert Reason.YIELD_SPENT in reasons(world.wants_endpoint(vpc_id))
        assert world.network.endpoints(vpc_id)[0].private_dns

    def test_a_conflict_about_another_name_concerns_nobody_here(self) -> None:
        """Endpoints of other services have conflicts, too."""
        world, vpc_id = covered()
        assert reasons(world.wants_endpoint(vpc_id, "sync-states")) == set()
        assert world.network.endpoints(vpc_id)[0].private_dns

    def test_ours_stays_where_it_alone_answers_for_the_name(self) -> None:
        """An owner's endpoint without private DNS leaves the name to the internet."""
        world, vpc_id = covered()
        world.network.add_endpoint(vpc_id, BASELINE)
        assert reasons(world.sweep()) == {Reason.ADOPTED}
        assert len(world.network.endpoints(vpc_id)) == 2

"""Getting out of the owner's way: deletions and teardowns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from guardrail.core.actions import ActionKind
from guardrail.core.memory import Cause
from guardrail.core.model import Mode
from guardrail.core.names import MANAGED_TAG, Service
from guardrail.core.policy import decide
from guardrail.core.reasons import Reason
from guardrail.core.wish import WishKind
from guardrail.errors import RetryableError
from guardrail.ports import Result
from guardrail.report import Outcome
from support.fakes import BASELINE, OPEN, FakeRecords
from support.stories import covered, reasons, refused, rest_of, untag
from support.values import STACK
from support.world import ALICE, YIELDING

MANY = tuple(Service)


@contextmanager
def failing(records: FakeRecords, name: str) -> Iterator[None]:
    """Let one kind of write to the table fail."""

    def fails(*_: object) -> None:
        raise RetryableError("the table does not answer")

    setattr(records, name, fails)
    yield
    delattr(records, name)


class TestDeletion:
    """Somebody deletes a managed endpoint."""

    def test_it_is_not_put_back_for_half_an_hour_and_then_by_the_sweep(self) -> None:
        """It may be the first step of a teardown; who did it is said when it comes back."""
        world, vpc_id = covered()
        (endpoint,) = world.network.endpoints(vpc_id)
        world.network.delete_endpoint(endpoint.endpoint_id)
        world.endpoint_change(endpoint.endpoint_id, "DeleteVpcEndpoints")
        for _ in range(2):
            assert reasons(world.sweep()) == {Reason.YIELDING}
            assert reasons(world.vpc_change(vpc_id)) == {Reason.YIELDING}
            world.clock.advance(minutes=14)
        assert world.network.endpoints(vpc_id) == ()
        world.clock.advance(minutes=3)
        (report,) = world.sweep()
        assert report.outcome is Outcome.REPAIRED
        assert ALICE in report.findings[0].message
        assert len(world.network.endpoints(vpc_id)) == 1
        assert world.records.made(vpc_id).generation == 1

    def test_a_second_deletion_within_a_day_is_not_followed(self) -> None:
        """Deleting again and again does not keep the endpoint away."""
        world, vpc_id = covered()
        for hours in (1, 0):
            (endpoint,) = world.network.endpoints(vpc_id)
            world.network.delete_endpoint(endpoint.endpoint_id)
            world.endpoint_change(endpoint.endpoint_id, "DeleteVpcEndpoints")
            world.clock.advance(hours=hours)
            world.sweep()
        assert len(world.network.endpoints(vpc_id)) == 1

    def test_a_table_that_fails_in_between_does_not_take_the_yield_away(self) -> None:
        """Lambda tries the event again; the endpoint does not come back in between."""
        world, vpc_id = covered()
        (endpoint,) = world.network.endpoints(vpc_id)
        world.network.delete_endpoint(endpoint.endpoint_id)
        for name in ("note_lost", "note_deletion"):
            with failing(world.records, name):
                world.endpoint_change(endpoint.endpoint_id, "DeleteVpcEndpoints")
        world.endpoint_change(endpoint.endpoint_id, "DeleteVpcEndpoints")
        world.network.change(vpc_id, absent=())
        assert world.records.memory(vpc_id).yielding(world.clock())
        assert reasons(world.settled(vpc_id)) == {Reason.YIELDING}

    def test_what_the_sweep_finds_just_deleted_starts_the_yield_too(self) -> None:
        """The event may be lost; EC2 still describes the endpoint."""
        world, vpc_id = covered()
        (endpoint,) = world.network.endpoints(vpc_id)
        world.network.delete_endpoint(endpoint.endpoint_id)
        assert reasons(world.sweep()) == {Reason.YIELDING}
        yielded = world.records.memory(vpc_id).yielded
        assert yielded is not None
        assert (yielded.cause, yielded.actor) == (Cause.DELETED, None)

    def test_policies_are_enforced_all_the_while(self) -> None:
        """Yielding puts nothing back, and lets nothing through either."""
        world, vpc_id = covered(*MANY)
        first, second = world.network.endpoints(vpc_id)
        world.network.delete_endpoint(first.endpoint_id)
        world.sweep()
        world.network.set_policy(second.endpoint_id, OPEN)
        world.endpoint_change(second.endpoint_id)
        assert decide(world.network.endpoint(second.endpoint_id).policy, BASELINE).contained

    def test_an_event_tells_of_a_deletion_that_ec2_describes_no_more(self) -> None:
        """How long it goes on describing a deleted endpoint is documented nowhere."""
        world, vpc_id = covered()
        world.clock.advance(minutes=10)
        (endpoint,) = world.network.endpoints(vpc_id)
        world.network.delete_endpoint(endpoint.endpoint_id, described=False)
        world.endpoint_change(endpoint.endpoint_id, "DeleteVpcEndpoints")
        assert reasons(world.settled(vpc_id)) == {Reason.YIELDING}
        yielded = world.records.memory(vpc_id).yielded
        assert yielded
        assert yielded.actor == ALICE

    def test_the_deletion_of_an_event_without_a_vpc_is_looked_up_in_the_table(self) -> None:
        """EC2 does not describe the endpoint any more, and DeleteVpcEndpoints names no VPC."""
        world, vpc_id = covered()
        world.clock.advance(minutes=10)
        (endpoint,) = world.network.endpoints(vpc_id)
        world.network.delete_endpoint(endpoint.endpoint_id, described=False)
        (report,) = world.endpoint_change(endpoint.endpoint_id, "DeleteVpcEndpoints")
        assert report.vpc_id == vpc_id


class TestTeardown:
    """Somebody cannot delete the VPC or a subnet because of what is ours."""

    def test_an_empty_vpc_is_left_altogether(self) -> None:
        """The endpoints go in one call, then the groups, and nothing of ours is left."""
        world, vpc_id = covered(*MANY)
        writes = world.network.endpoint_writes
        assert reasons(world.tears_down(vpc_id)) == {Reason.YIELDING}
        assert rest_of(world, vpc_id) == (0, 2)
        assert world.network.endpoint_writes == writes + 1
        world.looks_again(vpc_id)
        assert rest_of(world, vpc_id) == (0, 0)
        assert vpc_id not in world.agenda.appointments
        assert world.errors == []

    def test_where_others_live_only_the_empty_subnet_is_left(self) -> None:
        """An interface of the owner's keeps the endpoint in the VPC."""
        world, vpc_id = covered()
        first, second, third = (s.subnet_id for s in world.network.state[vpc_id].subnets)
        world.network.add_interface(vpc_id, second)
        world.tears_down(vpc_id, first)
        (endpoint,) = world.network.endpoints(vpc_id)
        assert endpoint.subnet_ids == {second, third}
        world.tears_down(vpc_id, second)
        assert world.network.endpoints(vpc_id)[0].subnet_ids == {second, third}

    def test_where_others_live_the_vpc_is_not_left(self) -> None:
        """A failed DeleteVpc is the owner's own affair while something of his is there."""
        world, vpc_id = covered()
        subnet = world.network.state[vpc_id].subnets[0].subnet_id
        world.network.add_interface(vpc_id, subnet)
        before = world.network.state[vpc_id]
        (report,) = world.tears_down(vpc_id)
        assert report.outcome is Outcome.COMPLIANT
        assert world.network.state[vpc_id] == before
        assert world.records.memory(vpc_id).yielded is None

    def test_nothing_is_put_back_meanwhile_and_the_sweep_restores_it_afterwards(self) -> None:
        """Neither a subnet's event nor a sweep undoes it; afterwards the report says who asked."""
        world, vpc_id = covered()
        world.tears_down(vpc_id)
        world.clock.advance(minutes=29)
        for reports in (world.vpc_change(vpc_id), world.settled(vpc_id), world.sweep()):
            assert reasons(reports) == {Reason.YIELDING}
        assert world.network.endpoints(vpc_id) == ()
        world.clock.advance(minutes=2)
        (report,) = world.sweep()
        assert ALICE in report.findings[0].message
        assert len(world.network.endpoints(vpc_id)) == 1

    def test_it_is_followed_once_in_24_hours(self) -> None:
        """Failing calls cannot keep the endpoint away: the next attempt is reported."""
        world, vpc_id = covered()
        world.tears_down(vpc_id)
        world.clock.advance(hours=1)
        world.sweep()
        world.clock.advance(hours=22)
        before = world.network.endpoints(vpc_id)
        assert Reason.YIELD_SPENT in reasons(world.tears_down(vpc_id))
        assert world.network.endpoints(vpc_id) == before
        world.clock.advance(hours=2)
        world.tears_down(vpc_id)
        assert world.network.endpoints(vpc_id) == ()

    def test_a_subnet_that_is_gone_by_now_takes_nothing_out_elsewhere(self) -> None:
        """Its owner's next try succeeded; nobody else has asked for anything."""
        world, vpc_id = covered()
        before = world.network.endpoints(vpc_id)
        assert world.run(refused("subnet-gone", WishKind.TEARDOWN), YIELDING, yields=True) == []
        assert world.network.endpoints(vpc_id) == before
        assert world.records.memory(vpc_id).yielded is None

    def test_an_endpoint_that_lost_its_tag_goes_all_the_same(self) -> None:
        """In an exempt VPC, and while nothing is put back: it is tagged when that is heard."""
        for exempt in (True, False):
            world, vpc_id = covered()
            world.intent = replace(world.intent, exemption_tag="x")
            subnet = world.network.state[vpc_id].subnets[0].subnet_id
            if exempt:
                world.network.change(vpc_id, tags={"x": "until=2099-01-01; reason=test"})
            else:
                world.network.add_interface(
                    vpc_id, world.network.state[vpc_id].subnets[1].subnet_id
                )
                world.tears_down(vpc_id, subnet)
            (endpoint,) = world.network.endpoints(vpc_id)
            world.network.change_endpoint(endpoint.endpoint_id, tags={MANAGED_TAG: "me"})
            assert Reason.TAGS_MISSING in reasons(world.vpc_change(vpc_id, "CreateTags"))
            assert world.network.endpoint(endpoint.endpoint_id).tags[MANAGED_TAG] == STACK

    def test_a_late_event_is_not_followed(self) -> None:
        """Whoever tried has given up long since."""
        world, vpc_id = covered()
        before = world.network.endpoints(vpc_id)
        tried = world.clock()
        world.clock.advance(minutes=31)
        assert Reason.YIELD_SPENT in reasons(world.tears_down(vpc_id, at=tried))
        assert world.network.endpoints(vpc_id) == before
        assert world.records.memory(vpc_id).yielded is None

    def test_an_attempt_before_there_was_an_endpoint_is_not_followed(self) -> None:
        """Its event may come late or twice; what was made since was not in the way.

        What was tried in the second of the creation counts, though CloudTrail cuts its time.
        """
        world, vpc_id = covered(*MANY)
        before = world.network.endpoints(vpc_id)
        made = world.records.memory(vpc_id).creations.values()
        second = min(one.begun for one in made).replace(microsecond=0)
        tried = second - timedelta(seconds=1)
        world.clock.advance(minutes=10)
        assert Reason.YIELD_SPENT in reasons(world.tears_down(vpc_id, at=tried))
        assert world.network.endpoints(vpc_id) == before
        assert world.records.memory(vpc_id).yielded is None
        world.tears_down(vpc_id, at=second)
        assert world.network.endpoints(vpc_id) == ()

    def test_a_deletion_goes_on_as_the_teardown_it_was_the_first_step_of(self) -> None:
        """The yield that the deletion began lasts half an hour in all, and the group goes."""
        world, vpc_id = covered()
        (endpoint,) = world.network.endpoints(vpc_id)
        world.network.delete_endpoint(endpoint.endpoint_id)
        world.endpoint_change(endpoint.endpoint_id, "DeleteVpcEndpoints")
        begun = world.clock()
        world.clock.advance(minutes=5)
        world.tears_down(vpc_id)
        assert rest_of(world, vpc_id) == (0, 0)
        yielded = world.records.memory(vpc_id).yielded
        assert yielded is not None
        assert (yielded.cause, yielded.begun) == (Cause.TEARDOWN, begun)

    def test_adopted_endpoints_are_never_touched(self) -> None:
        """Their interfaces are the owner's: they keep ours in the VPC, and are kept themselves."""
        world, vpc_id = covered()
        sync = world.network.add_endpoint(vpc_id, BASELINE, service=Service.SYNC_STATES)
        before = world.network.endpoint(sync)
        subnet = next(iter(before.subnet_ids))
        world.network.add_interface(vpc_id, subnet)
        world.tears_down(vpc_id)
        world.tears_down(vpc_id, subnet)
        assert world.network.endpoint(sync) == before
        assert len(world.network.endpoints(vpc_id)) == 2

    def test_an_exempt_vpc_is_left_all_the_same(self) -> None:
        """Exempt from being completed, not from getting out of the way."""
        world, vpc_id = covered()
        world.intent = replace(world.intent, exemption_tag="x")
        tags = {"x": "until=2099-01-01; reason=test"}
        world.network.change(vpc_id, tags=tags)
        world.tears_down(vpc_id)
        assert world.network.endpoints(vpc_id) == ()

    def test_a_group_that_lost_its_tag_in_an_exempt_vpc_goes_all_the_same(self) -> None:
        """It is tagged again as soon as that is heard: roles delete nothing without the tag."""
        world, vpc_id = covered()
        world.intent = replace(world.intent, exemption_tag="x")
        world.network.change(vpc_id, tags={"x": "until=2099-01-01; reason=test"})
        untag(world, vpc_id)
        world.vpc_change(vpc_id, "DeleteTags")
        world.tears_down(vpc_id)
        world.looks_again(vpc_id)
        assert rest_of(world, vpc_id) == (0, 0)
        assert world.errors == []

    def test_a_group_that_loses_its_tag_meanwhile_goes_all_the_same(self) -> None:
        """While nothing is put back, the tag of what is still there is."""
        world, vpc_id = covered()
        world.tears_down(vpc_id)
        untag(world, vpc_id)
        reports = world.vpc_change(vpc_id, "DeleteTags")
        assert reasons(reports) == {Reason.YIELDING, Reason.TAGS_MISSING}
        world.looks_again(vpc_id)
        assert rest_of(world, vpc_id) == (0, 0)

    def test_a_vpc_of_another_account_is_none_of_ours(self) -> None:
        """A participant of a shared VPC gets out of nobody's way."""
        world, vpc_id = covered()
        world.network.change(vpc_id, owner_id="999999999999")
        assert reasons(world.tears_down(vpc_id)) == {Reason.OUT_OF_SCOPE}
        assert len(world.network.endpoints(vpc_id)) == 1

    def test_observe_only_tells(self) -> None:
        """What would be taken out is recorded; nothing is remembered and no appointment made."""
        world, vpc_id = covered()
        world.intent = replace(world.intent, mode=Mode.OBSERVE)
        (report,) = world.tears_down(vpc_id)
        kinds = [(step.action.kind, step.result) for step in report.steps]
        assert kinds == [(ActionKind.DELETE_ENDPOINT, Result.RECORDED)]
        assert rest_of(world, vpc_id) == (1, 1)
        assert world.agenda.appointments == {}
        assert world.records.memory(vpc_id).yielded is None

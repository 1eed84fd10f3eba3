"""The loop over fake ports: what it leads VPCs and endpoints to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardrail.core.actions import Action, ActionKind
from guardrail.core.model import VpcDns
from guardrail.core.names import Service
from guardrail.core.policy import decide
from guardrail.core.reasons import Reason
from guardrail.core.trail import Trigger
from guardrail.errors import RetryableError, TerminalError
from guardrail.ports import Result
from guardrail.report import Outcome
from support.fakes import BASELINE, OPEN, FakeNetwork, FakeSettling
from support.faults import Faults
from support.stories import REFORMATTED, new_world, outcomes, reasons, with_endpoint
from support.world import ALICE, ENDPOINT_CHANGE, EVERYTHING


class TestPolicy:
    """An endpoint whose policy grants too much."""

    def test_a_loosened_managed_endpoint_is_closed(self) -> None:
        """What is there afterwards is contained, and the evidence says who and for how long."""
        world = new_world()
        _, endpoint_id = with_endpoint(world)
        world.network.set_policy(endpoint_id, OPEN)
        world.clock.advance(seconds=0)
        (report,) = world.endpoint_change(endpoint_id)
        assert decide(world.network.endpoint(endpoint_id).policy, BASELINE).contained
        assert report.outcome is Outcome.REPAIRED
        assert report.exposure_ms == 0
        (image,) = world.evidence.images
        assert (image.before, image.actor) == (OPEN, "arn:aws:iam::111122223333:user/alice")

    def test_an_owners_open_endpoint_is_closed_and_otherwise_untouched(self) -> None:
        """Adopted endpoints are enforced in their policy only, and no second one is made."""
        world = new_world()
        vpc_id = world.network.add_vpc()
        endpoint_id = world.network.add_endpoint(vpc_id, OPEN)
        before = world.network.endpoint(endpoint_id)
        reports = world.endpoint_change(endpoint_id, "CreateVpcEndpoint")
        after = world.network.endpoint(endpoint_id)
        assert decide(after.policy, BASELINE).contained
        assert replace(after, policy=before.policy) == before
        assert Reason.ADOPTED in reasons(reports)
        world.sweep()
        assert len(world.network.endpoints(vpc_id)) == 1

    def test_another_layout_of_the_same_policy_is_left(self) -> None:
        """White space and key order are no drift."""
        world = new_world()
        _, endpoint_id = with_endpoint(world)
        world.network.set_policy(endpoint_id, REFORMATTED)
        assert outcomes(world.endpoint_change(endpoint_id)) == [Outcome.COMPLIANT]
        assert world.network.endpoint(endpoint_id).policy == REFORMATTED

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"Statement": 1}', "null"])
    def test_an_unreadable_policy_is_replaced(self, text: str) -> None:
        """Malformed is not compliant, with its own reason."""
        world = new_world()
        _, endpoint_id = with_endpoint(world)
        world.network.set_policy(endpoint_id, text)
        reports = world.endpoint_change(endpoint_id)
        assert reasons(reports) == {Reason.POLICY_MALFORMED}
        assert decide(world.network.endpoint(endpoint_id).policy, BASELINE).contained

    def test_a_policy_is_enforced_where_the_endpoint_is_not_created(self) -> None:
        """Services only says which endpoints are made."""
        world = new_world()
        vpc_id = world.network.add_vpc(default=True)
        sync = world.network.add_endpoint(vpc_id, OPEN, service=Service.SYNC_STATES)
        world.sweep()
        assert decide(world.network.endpoint(sync).policy, BASELINE).contained

    def test_a_revert_does_not_wait_until_the_vpc_has_settled(self) -> None:
        """While creation of one service waits, the other's open endpoint is closed at once."""
        world = new_world()
        world.settling.enabled = True
        vpc_id = world.network.add_vpc()
        endpoint_id = world.network.add_endpoint(vpc_id, OPEN, service=Service.SYNC_STATES)
        world.vpc_change(vpc_id)
        assert decide(world.network.endpoint(endpoint_id).policy, BASELINE).contained
        assert world.settling.paused == {vpc_id}
        assert len(world.network.endpoints(vpc_id)) == 1

    def test_the_exposure_counts_from_the_events_time(self) -> None:
        """Milliseconds between the call that opened the endpoint and the revert."""
        world = new_world()
        _, endpoint_id = with_endpoint(world)
        world.network.set_policy(endpoint_id, OPEN)
        opened = world.clock()
        world.clock.advance(minutes=3)
        ids = frozenset({endpoint_id})
        trigger = Trigger("ModifyVpcEndpoint", None, ids, event_time=opened, policy=OPEN)
        assert world.run(trigger, EVERYTHING)[0].exposure_ms == 180_000

    def test_a_failed_write_does_not_keep_the_next_endpoint_open(self) -> None:
        """Policy writes go on after a failure; the error is reported all the same."""
        world = new_world()
        vpc_id = world.network.add_vpc()
        world.network.add_endpoint(vpc_id, OPEN)
        second = world.network.add_endpoint(vpc_id, OPEN, service=Service.SYNC_STATES)
        world.network.faults.error = TerminalError("denied")
        world.network.faults.at = world.network.faults.calls + 1  # observe, then the write
        (report,) = world.sweep()
        assert report.outcome is Outcome.FAILED
        assert [step.result for step in report.steps][:2] == [Result.FAILED, Result.APPLIED]
        assert decide(world.network.endpoint(second).policy, BASELINE).contained

    def test_of_two_open_endpoints_the_one_that_the_event_wrote_is_closed(self) -> None:
        """One endpoint write in an invocation; the neighbour has an event of its own."""
        world = new_world()
        vpc_id = world.network.add_vpc()
        first = world.network.add_endpoint(vpc_id, OPEN)
        second = world.network.add_endpoint(vpc_id, OPEN, service=Service.SYNC_STATES)
        world.endpoint_change(second)
        assert decide(world.network.endpoint(second).policy, BASELINE).contained
        assert world.network.endpoint(first).policy == OPEN
        world.endpoint_change(second)
        assert decide(world.network.endpoint(first).policy, BASELINE).contained

    def test_an_owner_who_closes_his_own_while_others_have_their_turn_is_not_overwritten(
        self,
    ) -> None:
        """Where an event names nothing known all VPCs are looked at; the last one has to wait."""
        world = new_world()
        first, second = sorted(world.network.add_vpc() for _ in range(2))
        theirs = [world.network.add_endpoint(vpc_id, OPEN) for vpc_id in (first, second)]
        closed = '{"Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}'

        def meanwhile(action: Action) -> None:
            if getattr(action, "endpoint_id", "") == theirs[0]:
                world.network.set_policy(theirs[1], closed)
                world.clock.advance(seconds=10)

        world.network.before_apply = meanwhile
        nobody = Trigger("DeleteVpcEndpoints", frozenset(), frozenset({"vpce-gone"}), settled=False)
        world.run(nobody, ENDPOINT_CHANGE)
        assert decide(world.network.endpoint(theirs[0]).policy, BASELINE).contained
        assert world.network.endpoint(theirs[1]).policy == closed

    def test_one_vpcs_error_does_not_keep_the_others_from_repair(self) -> None:
        """A sweep goes on after a VPC that failed."""
        world = new_world()
        vpc_ids = [world.network.add_vpc() for _ in range(3)]
        for vpc_id in vpc_ids:
            world.network.add_endpoint(vpc_id, OPEN)
        world.network.faults.at = world.network.faults.calls + 1
        assert sorted(outcomes(world.sweep())) == [
            Outcome.FAILED,
            Outcome.REPAIRED,
            Outcome.REPAIRED,
        ]

    def test_a_pause_that_cannot_be_begun_keeps_no_policy_open(self) -> None:
        """The Scheduler has to do with the endpoint that is missing, not with the one that is open.

        Told all the same, so that the event is tried again.
        """
        world = new_world()
        vpc_id = world.network.add_vpc()
        sync = world.network.add_endpoint(vpc_id, OPEN, service=Service.SYNC_STATES)
        throttled = RetryableError("throttled")
        world.settling = FakeSettling(Faults(at=0, error=throttled), enabled=True)
        (report,) = world.vpc_change(vpc_id)
        assert decide(world.network.endpoint(sync).policy, BASELINE).contained
        assert (report.outcome, world.errors) == (Outcome.FAILED, [throttled])
        assert len(world.network.endpoints(vpc_id)) == 1

    def test_an_endpoint_that_is_not_described_yet_keeps_no_other_open(self) -> None:
        """Nothing is made for the one just made; the open one beside it is closed."""
        world = new_world()
        vpc_id, made = with_endpoint(world)
        sync = world.network.add_endpoint(vpc_id, OPEN, service=Service.SYNC_STATES)
        world.network.hidden.add(made)
        (report,) = world.settled(vpc_id)
        assert decide(world.network.endpoint(sync).policy, BASELINE).contained
        assert "does not describe it yet" in str(report.error)
        assert len(world.network.endpoints(vpc_id)) == 2

    def test_only_an_event_that_wrote_the_endpoint_tells_who_opened_it(self) -> None:
        """Whoever made a subnet meanwhile is not to blame, and nobody knows for how long."""
        world = new_world()
        vpc_id = world.network.add_vpc()
        endpoint_id = world.network.add_endpoint(vpc_id, OPEN)
        other = world.network.add_endpoint(vpc_id, OPEN, service=Service.SYNC_STATES)
        (report,) = world.endpoint_change(endpoint_id)
        world.endpoint_change(endpoint_id)
        actors = {image.endpoint_id: image.actor for image in world.evidence.images}
        assert actors == {endpoint_id: ALICE, other: None}
        assert report.exposure_ms == 0
        world.network.set_policy(endpoint_id, OPEN)
        (report,) = world.sweep()
        assert report.exposure_ms is None

    def test_each_dns_attribute_is_enabled_once_for_two_services(self) -> None:
        """Both services need the same of their VPC."""
        world = new_world(services=tuple(Service), vpc_dns=VpcDns.ENABLE)
        (report,) = world.settled(world.network.add_vpc(dns=False))
        kinds = [step.action.kind for step in report.steps]
        assert kinds.count(ActionKind.ENABLE_VPC_DNS) == 1


def test_a_vpc_that_is_gone_is_an_outcome() -> None:
    """An event about a VPC that no longer exists is no error."""
    world = new_world()
    reports = world.run(Trigger("CreateVpc", frozenset({"vpc-0123456789abcdef0"})), EVERYTHING)
    assert outcomes(reports) == [Outcome.GONE]


def test_a_vpc_that_cannot_be_seen_yet_is_looked_at_again() -> None:
    """EC2 may describe a new VPC only after its event came; then nothing else would cover it."""
    world = new_world()
    world.settling.enabled = True
    unseen = "vpc-0123456789abcdef0"
    assert outcomes(world.vpc_change(unseen, "CreateVpc")) == [Outcome.SETTLING]
    assert world.settling.paused == {unseen}
    assert outcomes(world.settled(unseen)) == [Outcome.GONE]


def test_a_vpc_that_was_deleted_is_not_looked_at_again() -> None:
    """The event of its deletion is the last that is said of it."""
    world = new_world()
    world.settling.enabled = True
    assert outcomes(world.vpc_change("vpc-0123456789abcdef0", "DeleteVpc")) == [Outcome.GONE]
    assert world.settling.paused == set()


def test_an_endpoint_that_nobody_knows_leads_nowhere() -> None:
    """Ids that EC2 does not know are no VPC to look at."""
    assert new_world().endpoint_change("vpce-0123456789abcdef0") == []


def test_nothing_outside_the_baseline_is_ever_written() -> None:
    """All policies that the guardrail wrote are contained."""
    world = new_world()
    network: FakeNetwork = world.network
    _, endpoint_id = with_endpoint(world)
    for text in (OPEN, "{", REFORMATTED, OPEN.replace("Allow", "Deny")):
        network.set_policy(endpoint_id, text)
        world.endpoint_change(endpoint_id)
    assert all(decide(policy, BASELINE).contained for policy in network.policies_written)

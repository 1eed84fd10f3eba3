"""What each mode writes, and what counts as managed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardrail.core.memory import Creation, VpcMemory
from guardrail.core.model import Inventory, Mode, SecurityGroup
from guardrail.core.names import MANAGED_TAG, Service, group_name
from guardrail.core.plan import policy_hash
from guardrail.core.policy import decide
from guardrail.core.reasons import Reason
from guardrail.ports import Result
from guardrail.report import Outcome
from support.fakes import BASELINE, OPEN, STACK, ZONES
from support.stories import new_world, outcomes, reasons, with_endpoint


class TestModes:
    """observe, enforce-new, enforce."""

    def test_observe_reports_what_enforce_does_and_writes_nothing(self) -> None:
        """Findings and actions are those of enforce; the network and the records stay."""
        done, seen = new_world(Mode.ENFORCE), new_world(Mode.OBSERVE)
        for world in (done, seen):
            world.network.add_endpoint(world.network.add_vpc(), OPEN)
            world.network.add_vpc()
        before = dict(seen.network.state)
        enforced, observed = done.sweep(), seen.sweep()
        assert [r.findings for r in observed] == [r.findings for r in enforced]
        assert [[s.action.kind for s in r.steps] for r in observed] == [
            [s.action.kind for s in r.steps] for r in enforced
        ]
        assert {s.result for r in observed for s in r.steps} == {Result.RECORDED}
        assert seen.network.state == before
        assert seen.network.endpoint_writes == 0
        known = seen.records.remembered
        central = {vpc_id: VpcMemory(central=m.central) for vpc_id, m in known.items()}
        assert (known, seen.evidence.images) == (central, [])
        assert outcomes(observed) == [Outcome.REPORTED] * 2

    def test_the_first_look_takes_the_inventory_and_spares_what_stands(self) -> None:
        """Old VPCs and unchanged old endpoints are only reported."""
        world = new_world(Mode.ENFORCE_NEW)
        bare, open_vpc = world.network.add_vpc(), world.network.add_vpc()
        endpoint_id = world.network.add_endpoint(open_vpc, OPEN)
        reports = world.sweep()
        assert outcomes(reports) == [Outcome.REPORTED] * 2
        assert world.network.endpoint_writes == 0
        assert world.records.stored_inventory == Inventory(
            frozenset({bare, open_vpc}), {endpoint_id: policy_hash(OPEN)}
        )

    def test_what_the_first_event_names_is_new(self) -> None:
        """The VPC whose creation started the first invocation is left out of the inventory."""
        world = new_world(Mode.ENFORCE_NEW)
        old, fresh = world.network.add_vpc(), world.network.add_vpc()
        assert outcomes(world.vpc_change(fresh, "CreateVpc")) == [Outcome.REPAIRED]
        assert outcomes(world.vpc_change(old)) == [Outcome.REPORTED]

    @pytest.mark.parametrize("name", ["CreateSubnet", "ModifyVpcAttribute"])
    def test_an_old_vpc_that_the_first_event_only_touches_stays_old(self, name: str) -> None:
        """A subnet added to an old VPC does not make it a new VPC that costs an endpoint."""
        world = new_world(Mode.ENFORCE_NEW)
        vpc_id = world.network.add_vpc()
        assert outcomes(world.vpc_change(vpc_id, name)) == [Outcome.REPORTED]
        world.sweep()
        assert world.network.endpoints(vpc_id) == ()

    def test_what_is_created_is_new_even_when_another_event_took_the_inventory(self) -> None:
        """Events of one moment race: the inventory of the first may hold what the second made."""
        world = new_world(Mode.ENFORCE_NEW)
        first, second = world.network.add_vpc(), world.network.add_vpc(zones=())
        opened = world.network.add_endpoint(first, OPEN)
        world.vpc_change(second, "CreateVpc")
        assert world.records.stored_inventory is not None
        assert first in world.records.stored_inventory.vpc_ids
        world.endpoint_change(opened, "CreateVpcEndpoint")
        assert decide(world.network.endpoint(opened).policy, BASELINE).contained
        world.vpc_change(first, "CreateVpc")
        assert world.records.stored_inventory == Inventory(frozenset(), {})

    @pytest.mark.parametrize("name", ["CreateVpcEndpoint", "ModifyVpcEndpoint"])
    def test_an_endpoint_that_the_first_event_wrote_is_new_in_its_old_vpc(self, name: str) -> None:
        """Its policy is closed; the VPC around it stays old."""
        world = new_world(Mode.ENFORCE_NEW)
        vpc_id = world.network.add_vpc()
        endpoint_id = world.network.add_endpoint(vpc_id, OPEN)
        world.endpoint_change(endpoint_id, name)
        assert decide(world.network.endpoint(endpoint_id).policy, BASELINE).contained
        assert world.records.stored_inventory == Inventory(frozenset({vpc_id}), {})

    def test_a_full_subnet_is_not_chosen(self) -> None:
        """The owner's own need the last addresses; without one EC2 would refuse the whole call."""
        world = new_world(min_free_addresses=5)
        vpc_id = world.network.add_vpc(zones=())
        world.network.add_subnet(vpc_id, ZONES[0], free=4)
        roomy = world.network.add_subnet(vpc_id, ZONES[1], free=5)
        world.settled(vpc_id)
        assert world.network.endpoints(vpc_id)[0].subnet_ids == {roomy}

    def test_a_vpc_or_endpoint_that_comes_later_is_new(self) -> None:
        """Absent from the inventory means enforced."""
        world = new_world(Mode.ENFORCE_NEW)
        old = world.network.add_vpc()
        world.sweep()
        fresh = world.network.add_vpc()
        endpoint_id = world.network.add_endpoint(old, OPEN)
        world.sweep()
        assert len(world.network.endpoints(fresh)) == 1
        assert decide(world.network.endpoint(endpoint_id).policy, BASELINE).contained

    def test_a_changed_policy_is_enforced_from_then_on(self) -> None:
        """Putting the old open policy back does not make it old again."""
        world = new_world(Mode.ENFORCE_NEW)
        endpoint_id = world.network.add_endpoint(world.network.add_vpc(), OPEN)
        world.sweep()
        for text in (OPEN.replace('"*"', '["*"]', 1), OPEN):
            world.network.set_policy(endpoint_id, text)
            world.endpoint_change(endpoint_id)
            assert decide(world.network.endpoint(endpoint_id).policy, BASELINE).contained

    def test_observe_takes_no_inventory_and_starts_no_history(self) -> None:
        """What enforce-new finds later is what stands then."""
        world = new_world(Mode.OBSERVE)
        world.network.add_endpoint(world.network.add_vpc(), OPEN)
        world.sweep()
        assert world.records.stored_inventory is None

    def test_what_the_guardrail_made_is_enforced_in_an_old_vpc_too(self) -> None:
        """The inventory spares what others made, not managed endpoints."""
        world = new_world(Mode.ENFORCE)
        _, endpoint_id = with_endpoint(world)
        world.network.set_policy(endpoint_id, OPEN)
        world.intent = replace(world.intent, mode=Mode.ENFORCE_NEW)
        world.sweep()
        assert decide(world.network.endpoint(endpoint_id).policy, BASELINE).contained

    def test_what_the_guardrail_made_comes_back_in_an_old_vpc_too(self) -> None:
        """It was made in `enforce`, and deleted later: that is a change."""
        world = new_world(Mode.ENFORCE)
        vpc_id, endpoint_id = with_endpoint(world)
        world.intent = replace(world.intent, mode=Mode.ENFORCE_NEW)
        world.sweep()
        world.network.delete_endpoint(endpoint_id)
        world.sweep()
        world.clock.advance(hours=1)
        world.sweep()
        assert len(world.network.endpoints(vpc_id)) == 1

    def test_of_two_inventories_the_first_counts(self) -> None:
        """Records keep what is stored."""
        world = new_world(Mode.ENFORCE_NEW)
        first = Inventory(frozenset({"vpc-1"}), {})
        assert world.records.store_inventory(first) == first
        assert world.records.store_inventory(Inventory(frozenset(), {})) == first


class TestManaged:
    """Which endpoints are the guardrail's own."""

    def test_a_tag_alone_makes_no_endpoint_managed(self) -> None:
        """Anybody can set a tag; the records decide."""
        world = new_world()
        vpc_id = world.network.add_vpc()
        world.network.add_endpoint(vpc_id, BASELINE, tags={MANAGED_TAG: STACK})
        assert reasons(world.sweep()) == {Reason.ADOPTED}

    def test_a_tag_that_was_taken_off_comes_back(self) -> None:
        """The records know the endpoint; without the tag no role could ever delete it."""
        world = new_world()
        vpc_id, endpoint_id = with_endpoint(world)
        world.network.change_endpoint(endpoint_id, tags={"Name": "mine"})
        (group,) = world.network.state[vpc_id].groups
        world.network.change(vpc_id, groups=(replace(group, tagged=False),))
        reports = world.vpc_change(vpc_id, "DeleteTags")
        assert reasons(reports) == {Reason.TAGS_MISSING}
        assert world.network.endpoint(endpoint_id).tags == {"Name": "mine", MANAGED_TAG: STACK}
        assert world.network.state[vpc_id].groups[0].tagged
        assert outcomes(world.sweep()) == [Outcome.COMPLIANT]

    def test_a_group_that_was_retagged_and_detached_comes_back(self) -> None:
        """The records know the group, and EC2 lets no other one have its name."""
        world = new_world()
        vpc_id, endpoint_id = with_endpoint(world)
        (group,) = world.network.state[vpc_id].groups
        world.network.change(vpc_id, groups=(replace(group, tagged=False),))
        world.network.change_endpoint(endpoint_id, group_ids=frozenset({"sg-default"}))
        assert reasons(world.sweep()) == {Reason.TAGS_MISSING, Reason.CLIENTS_BLOCKED}
        assert world.network.state[vpc_id].groups == (group,)
        assert world.network.endpoint(endpoint_id).group_ids == {group.group_id, "sg-default"}
        assert outcomes(world.sweep()) == [Outcome.COMPLIANT]

    def test_a_group_that_outlived_its_endpoint_and_its_tag_serves_the_next_one(self) -> None:
        """It is tagged again, since no role may fill it otherwise."""
        world = new_world()
        vpc_id, endpoint_id = with_endpoint(world)
        (group,) = world.network.state[vpc_id].groups
        bare = replace(group, tagged=False, clients=frozenset())
        world.network.change(vpc_id, groups=(bare,), endpoints=())
        world.clock.advance(hours=1)
        world.sweep()
        assert world.network.state[vpc_id].groups == (group,)
        (endpoint,) = world.network.endpoints(vpc_id)
        assert endpoint.group_ids == {group.group_id}
        assert endpoint.endpoint_id != endpoint_id

    def test_a_strangers_group_is_left_alone(self) -> None:
        """It bears the name and neither tag nor records know it: told, and nothing changed."""
        world = new_world()
        vpc_id = world.network.add_vpc()
        stranger = SecurityGroup("sg-1", group_name(Service.STATES), frozenset(), tagged=False)
        world.network.change(vpc_id, groups=(stranger,))
        (report,) = world.sweep()
        assert "sg-1" in str(report.error)
        assert world.network.state[vpc_id].groups == (stranger,)

    def test_another_stacks_endpoint_is_not_ours(self) -> None:
        """The tag's value names the stack that made it."""
        world = new_world()
        vpc_id, endpoint_id = with_endpoint(world)
        other = replace(
            world.network.endpoint(endpoint_id),
            tags={MANAGED_TAG: STACK.replace("guardrail/", "other/")},
        )
        world.network.change(vpc_id, endpoints=(other,))
        assert reasons(world.sweep()) == {Reason.ADOPTED}

    def test_a_second_tagged_endpoint_is_not_claimed(self) -> None:
        """Once the id is noted, the tag makes no other endpoint managed."""
        world = new_world()
        vpc_id, endpoint_id = with_endpoint(world)
        second = world.network.add_endpoint(vpc_id, BASELINE, tags={MANAGED_TAG: STACK})
        before = world.network.endpoint(second)
        world.sweep()
        assert world.network.endpoint(second) == before
        assert world.records.made(vpc_id).endpoint_ids == {endpoint_id}

    def test_an_endpoint_made_by_an_invocation_that_died_is_claimed(self) -> None:
        """The intention was noted before, so the tagged endpoint is ours."""
        world = new_world()
        vpc_id = world.network.add_vpc()
        world.records.note_creation(vpc_id, Service.STATES, Creation(0, world.clock()))
        endpoint_id = world.network.add_endpoint(vpc_id, BASELINE, tags={MANAGED_TAG: STACK})
        world.sweep()
        assert world.records.made(vpc_id).endpoint_ids == {endpoint_id}

    def test_an_exemption_needs_a_date_and_a_reason(self) -> None:
        """With both, all is left alone; with a past date nothing is, and that is said."""
        world = new_world(exemption_tag="guardrail-exempt")
        tag = {"guardrail-exempt": "until=2026-12-31; reason=migration"}
        vpc_id = world.network.add_vpc(tags=tag)
        assert reasons(world.sweep()) == {Reason.EXEMPT}
        past = {"guardrail-exempt": "until=2026-11-22; reason=migration"}
        world.network.change(vpc_id, tags=past)
        reports = world.sweep()
        assert outcomes(reports) == [Outcome.REPAIRED]
        assert Reason.EXEMPTION_INVALID in reasons(reports)

    def test_an_exempt_endpoint_keeps_its_policy(self) -> None:
        """The tag on the endpoint exempts its policy; the finding says until when and why."""
        world = new_world(exemption_tag="x")
        vpc_id = world.network.add_vpc()
        tags = {"x": "until=2026-11-23;reason=audit of the old client"}
        endpoint_id = world.network.add_endpoint(vpc_id, OPEN, tags=tags)
        (report,) = world.sweep()
        assert world.network.endpoint(endpoint_id).policy == OPEN
        assert report.findings[0].message == "exempt until 2026-11-23: audit of the old client"

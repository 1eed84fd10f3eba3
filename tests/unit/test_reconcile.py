"""The loop over fake ports: what it leads VPCs and endpoints to."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from guardrail.core.actions import ActionKind
from guardrail.core.memory import Creation
from guardrail.core.model import DnsAttributes, Inventory, Mode, SecurityGroup, Subnet, VpcDns
from guardrail.core.names import MANAGED_TAG, Service
from guardrail.core.plan import policy_hash
from guardrail.core.policy import decide
from guardrail.core.reasons import Reason
from guardrail.core.trail import Trigger
from guardrail.errors import RetryableError, TerminalError
from guardrail.ports import Result
from guardrail.report import Outcome, Report
from support.fakes import BASELINE, OPEN, STACK, ZONES, FakeNetwork
from support.world import ALICE, EVERYTHING, World

REFORMATTED = json.dumps(json.loads(BASELINE), indent=3, sort_keys=True)


def outcomes(reports: list[Report]) -> list[Outcome]:
    """Return the outcome of each report."""
    return [report.outcome for report in reports]


def reasons(reports: list[Report]) -> set[Reason]:
    """Return all reason codes."""
    return {finding.reason for report in reports for finding in report.findings}


def new_world(mode: Mode = Mode.ENFORCE, **intent: object) -> World:
    """Return a world with an intent."""
    world = World()
    world.intent = replace(world.intent, mode=mode, **intent)  # type: ignore[arg-type]
    return world


def with_endpoint(world: World) -> tuple[str, str]:
    """Let the guardrail make an endpoint; return the ids of VPC and endpoint."""
    vpc_id = world.network.add_vpc()
    world.settled(vpc_id)
    return vpc_id, world.network.endpoints(vpc_id)[0].endpoint_id


class TestCreation:
    """A VPC without an endpoint."""

    def test_a_vpc_gets_one_endpoint_complete_in_one_call(self) -> None:
        """Policy, a subnet per zone, the group and private DNS come with the one endpoint write."""
        world = new_world()
        vpc_id = world.network.add_vpc()
        assert outcomes(world.settled(vpc_id)) == [Outcome.REPAIRED]
        (endpoint,) = world.network.endpoints(vpc_id)
        (group,) = world.network.state[vpc_id].groups
        assert endpoint.policy == BASELINE
        assert endpoint.private_dns
        assert len(endpoint.subnet_ids) == 3
        assert endpoint.group_ids == {group.group_id}
        assert group.clients == {"10.0.0.0/16"}
        assert endpoint.tags[MANAGED_TAG] == STACK
        assert world.network.endpoint_writes == 1

    def test_a_second_look_plans_nothing(self) -> None:
        """The guardrail's own write comes back as an event and changes nothing."""
        world = new_world()
        vpc_id, endpoint_id = with_endpoint(world)
        assert outcomes(world.endpoint_change(endpoint_id, "CreateVpcEndpoint")) == [
            Outcome.COMPLIANT
        ]
        assert outcomes(world.settled(vpc_id) + world.sweep()) == [Outcome.COMPLIANT] * 2
        assert world.network.endpoint_writes == 1

    def test_creation_waits_until_the_vpc_has_settled(self) -> None:
        """Each change pushes the pause on; its end creates."""
        world = new_world()
        world.settling.enabled = True
        vpc_id = world.network.add_vpc()
        assert outcomes(world.vpc_change(vpc_id)) == [Outcome.SETTLING]
        assert world.settling.paused == {vpc_id}
        assert outcomes(world.settled(vpc_id)) == [Outcome.REPAIRED]

    def test_without_a_pause_a_change_creates_at_once(self) -> None:
        """SettleSeconds=0 means no waiting."""
        world = new_world()
        assert outcomes(world.vpc_change(world.network.add_vpc())) == [Outcome.REPAIRED]

    def test_the_sweep_leaves_a_vpc_that_settles_alone(self) -> None:
        """While the pause runs the sweep does not create either."""
        world = new_world()
        vpc_id = world.network.add_vpc()
        world.settling.paused.add(vpc_id)
        assert outcomes(world.sweep()) == [Outcome.SETTLING]
        world.settling.paused.clear()
        assert outcomes(world.sweep()) == [Outcome.REPAIRED]

    def test_a_vpc_without_subnets_waits_and_its_pause_runs(self) -> None:
        """A stale read may hide a subnet, so the end of the pause looks again."""
        world = new_world()
        world.settling.enabled = True
        vpc_id = world.network.add_vpc(zones=())
        assert reasons(world.vpc_change(vpc_id, "CreateVpc")) == {Reason.WAITING_FOR_SUBNETS}
        assert world.settling.paused == {vpc_id}

    def test_a_vpc_without_dns_hostnames_waits_by_default(self) -> None:
        """Private DNS needs both attributes; the finding names the one that is off."""
        world = new_world()
        vpc_id = world.network.add_vpc(dns=False)
        reports = world.settled(vpc_id)
        assert reasons(reports) == {Reason.WAITING_FOR_DNS}
        assert "enableDnsHostnames" in reports[0].findings[0].message
        assert world.network.endpoints(vpc_id) == ()

    def test_dns_is_enabled_where_the_owner_asks_for_it(self) -> None:
        """VpcDns=enable turns the attributes on, then creates with private DNS."""
        world = new_world(vpc_dns=VpcDns.ENABLE)
        vpc_id = world.network.add_vpc(dns=False)
        world.network.change(vpc_id, dns=DnsAttributes(support=False, hostnames=False))
        world.settled(vpc_id)
        assert world.network.state[vpc_id].dns == DnsAttributes(support=True, hostnames=True)
        assert world.network.endpoints(vpc_id)[0].private_dns

    def test_dns_is_ignored_where_the_owner_asks_for_it(self) -> None:
        """VpcDns=ignore creates without private DNS and is compliant so."""
        world = new_world(vpc_dns=VpcDns.IGNORE)
        vpc_id = world.network.add_vpc(dns=False)
        world.settled(vpc_id)
        assert not world.network.endpoints(vpc_id)[0].private_dns
        assert outcomes(world.sweep()) == [Outcome.COMPLIANT]

    def test_each_service_gets_its_endpoint_and_group(self) -> None:
        """One endpoint write in an invocation: the event of the first brings the second."""
        world = new_world(services=(Service.STATES, Service.SYNC_STATES))
        vpc_id = world.network.add_vpc()
        world.settled(vpc_id)
        assert [e.service for e in world.network.endpoints(vpc_id)] == [Service.STATES]
        world.vpc_change(vpc_id, "CreateVpcEndpoint")
        assert {e.service for e in world.network.endpoints(vpc_id)} == set(Service)
        assert len({g.group_id for g in world.network.state[vpc_id].groups}) == 2
        assert all(g.clients for g in world.network.state[vpc_id].groups)
        assert outcomes(world.sweep()) == [Outcome.COMPLIANT]

    def test_a_service_that_the_region_lacks_is_not_applicable(self) -> None:
        """Absence of the PrivateLink service is a state, not an error."""
        world = new_world()
        world.network.available_offers = {}
        assert reasons(world.settled(world.network.add_vpc())) == {Reason.NOT_APPLICABLE}

    def test_a_default_vpc_is_skipped_unless_included(self) -> None:
        """DefaultVpcs decides."""
        world = new_world()
        vpc_id = world.network.add_vpc(default=True)
        assert reasons(world.settled(vpc_id)) == {Reason.OUT_OF_SCOPE}
        world.intent = replace(world.intent, default_vpcs=True)
        assert outcomes(world.settled(vpc_id)) == [Outcome.REPAIRED]

    def test_a_vpc_of_another_account_is_left_alone(self) -> None:
        """A participant sees a shared VPC but not its endpoints; only the owner may act."""
        world = new_world()
        vpc_id = world.network.add_vpc(owner="999999999999")
        assert reasons(world.settled(vpc_id)) == {Reason.OUT_OF_SCOPE}
        assert world.network.endpoints(vpc_id) == ()

    def test_only_tagged_subnets_are_used_where_asked(self) -> None:
        """SubnetTag keeps transit and firewall subnets out."""
        world = new_world(subnet_tag=("tier", "private"))
        vpc_id = world.network.add_vpc()
        assert reasons(world.settled(vpc_id)) == {Reason.WAITING_FOR_SUBNETS}
        chosen = world.network.add_subnet(vpc_id, ZONES[0], tier="private")
        world.settled(vpc_id)
        assert world.network.endpoints(vpc_id)[0].subnet_ids == {chosen}

    def test_further_clients_and_ipv6_are_let_in(self) -> None:
        """ClientCidrs and the VPC's IPv6 blocks are in the group's rules."""
        world = new_world(client_cidrs=("192.168.0.0/16",))
        vpc_id = world.network.add_vpc(cidrs=("10.0.0.0/16", "2001:db8::/56"))
        world.settled(vpc_id)
        wanted = {"10.0.0.0/16", "2001:db8::/56", "192.168.0.0/16"}
        assert world.network.state[vpc_id].groups[0].clients == wanted

    def test_an_endpoint_that_is_not_visible_yet_is_not_made_twice(self) -> None:
        """A stale read after creation is retried instead of creating a second endpoint."""
        world = new_world()
        vpc_id, endpoint_id = with_endpoint(world)
        world.network.hidden.add(endpoint_id)
        assert outcomes(world.settled(vpc_id)) == [Outcome.FAILED]
        assert isinstance(world.errors[0], RetryableError)
        assert len(world.network.endpoints(vpc_id)) == 1

    def test_an_endpoint_that_vanished_long_since_is_made_anew(self) -> None:
        """Nobody is tearing anything down any more; the new one is of the next generation."""
        world = new_world()
        vpc_id, first = with_endpoint(world)
        world.network.delete_endpoint(first, described=False)
        world.clock.advance(minutes=6)
        world.sweep()
        (second,) = world.network.endpoints(vpc_id)
        assert second.endpoint_id != first
        assert world.records.made(vpc_id).generation == 1
        assert outcomes(world.sweep()) == [Outcome.COMPLIANT]


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
        (image,) = world.records.images
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
        trigger = Trigger("ModifyVpcEndpoint", None, frozenset({endpoint_id}), event_time=opened)
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

    def test_only_an_event_that_wrote_the_endpoint_tells_who_opened_it(self) -> None:
        """Whoever made a subnet meanwhile is not to blame, and nobody knows for how long."""
        world = new_world()
        vpc_id = world.network.add_vpc()
        endpoint_id = world.network.add_endpoint(vpc_id, OPEN)
        other = world.network.add_endpoint(vpc_id, OPEN, service=Service.SYNC_STATES)
        (report,) = world.endpoint_change(endpoint_id)
        world.endpoint_change(endpoint_id)
        actors = {image.endpoint_id: image.actor for image in world.records.images}
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


class TestCompletion:
    """A managed endpoint that lacks something."""

    def test_an_endpoint_grows_into_a_new_zone_up_to_the_limit(self) -> None:
        """A third zone is added, a fourth is not, and nothing is moved."""
        world = new_world()
        vpc_id = world.network.add_vpc(zones=ZONES[:2])
        world.settled(vpc_id)
        before = world.network.endpoints(vpc_id)[0].subnet_ids
        third = world.network.add_subnet(vpc_id, ZONES[2])
        world.vpc_change(vpc_id)
        assert world.network.endpoints(vpc_id)[0].subnet_ids == before | {third}
        world.network.add_subnet(vpc_id, ZONES[3])
        assert outcomes(world.vpc_change(vpc_id)) == [Outcome.COMPLIANT]

    def test_private_dns_that_was_switched_off_comes_back(self) -> None:
        """Only where the VPC's attributes allow it."""
        world = new_world()
        vpc_id, endpoint_id = with_endpoint(world)
        endpoint = replace(world.network.endpoint(endpoint_id), private_dns=False)
        world.network.change(vpc_id, endpoints=(endpoint,))
        assert reasons(world.endpoint_change(endpoint_id)) == {Reason.PRIVATE_DNS_OFF}
        assert world.network.endpoint(endpoint_id).private_dns

    def test_a_new_cidr_block_is_let_in(self) -> None:
        """The group follows the VPC's blocks; rules of others stay."""
        world = new_world()
        vpc_id, _ = with_endpoint(world)
        world.network.change(vpc_id, cidrs=("10.0.0.0/16", "10.1.0.0/16"))
        world.vpc_change(vpc_id, "AssociateVpcCidrBlock")
        assert world.network.state[vpc_id].groups[0].clients == {"10.0.0.0/16", "10.1.0.0/16"}

    def test_a_group_that_was_deleted_or_detached_comes_back(self) -> None:
        """A new group is made, filled and attached."""
        world = new_world()
        vpc_id, endpoint_id = with_endpoint(world)
        endpoint = replace(
            world.network.endpoint(endpoint_id), group_ids=frozenset({"sg-0123456789abcdef0"})
        )
        world.network.change(vpc_id, groups=(), endpoints=(endpoint,))
        world.sweep()
        (group,) = world.network.state[vpc_id].groups
        assert group.group_id in world.network.endpoint(endpoint_id).group_ids
        assert outcomes(world.sweep()) == [Outcome.COMPLIANT]

    def test_a_wider_rule_of_somebody_else_counts(self) -> None:
        """A rule that contains the VPC's block lets its clients in."""
        world = new_world()
        vpc_id, _ = with_endpoint(world)
        group = world.network.state[vpc_id].groups[0]
        wider = SecurityGroup(group.group_id, group.name, frozenset({"10.0.0.0/8"}))
        world.network.change(vpc_id, groups=(wider,))
        assert outcomes(world.sweep()) == [Outcome.COMPLIANT]

    def test_an_endpoint_has_one_write_at_a_time_and_the_policy_is_first(self) -> None:
        """The rest is deferred to the event of that write, and then done."""
        world = new_world()
        vpc_id, endpoint_id = with_endpoint(world)
        endpoint = replace(world.network.endpoint(endpoint_id), private_dns=False, policy=OPEN)
        world.network.change(vpc_id, endpoints=(endpoint,))
        world.endpoint_change(endpoint_id)
        assert decide(world.network.endpoint(endpoint_id).policy, BASELINE).contained
        assert not world.network.endpoint(endpoint_id).private_dns
        world.endpoint_change(endpoint_id)
        assert world.network.endpoint(endpoint_id).private_dns

    def test_the_subnet_with_most_free_addresses_is_taken(self) -> None:
        """One subnet per zone; of several the roomiest."""
        world = new_world()
        vpc_id = world.network.add_vpc(zones=())
        world.network.add_subnet(vpc_id, ZONES[0], free=30)
        roomy = world.network.add_subnet(vpc_id, ZONES[0], free=200)
        world.network.change(
            vpc_id,
            subnets=(*world.network.state[vpc_id].subnets, Subnet("subnet-x", "elsewhere", 90, {})),
        )
        world.settled(vpc_id)
        assert world.network.endpoints(vpc_id)[0].subnet_ids == {roomy}


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
        assert (seen.records.remembered, seen.records.images) == ({}, [])
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

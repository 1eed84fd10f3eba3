"""How a VPC comes by its endpoint, and how one that is incomplete is completed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardrail.core.actions import Action, CreateEndpoint
from guardrail.core.model import DnsAttributes, SecurityGroup, Subnet, VpcDns
from guardrail.core.names import MANAGED_TAG, Service
from guardrail.core.policy import decide
from guardrail.core.reasons import Reason
from guardrail.errors import RetryableError
from guardrail.report import Outcome
from support.fakes import BASELINE, OPEN, STACK, ZONES
from support.stories import covered, new_world, outcomes, reasons, with_endpoint


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

    def test_an_endpoint_whose_creation_was_never_answered_does_not_keep_its_token(self) -> None:
        """It was deleted before anybody saw it; EC2 refuses its token for another endpoint."""
        world = new_world()
        vpc_id = world.network.add_vpc()
        used: dict[int, tuple[str, ...]] = {}

        def answers_late(action: Action) -> None:
            if isinstance(action, CreateEndpoint):
                if used.setdefault(action.generation, action.subnet_ids) != action.subnet_ids:
                    raise RetryableError("IdempotentParameterMismatch")
                if len(used) == 1:
                    raise RetryableError("timed out, and the endpoint was made")

        world.network.before_apply = answers_late
        world.settled(vpc_id)
        world.network.change(vpc_id, subnets=world.network.state[vpc_id].subnets[1:])
        world.sweep()
        assert world.network.endpoints(vpc_id) == (), "young: the same endpoint may appear yet"
        world.clock.advance(hours=1)
        world.sweep()
        assert len(world.network.endpoints(vpc_id)) == 1
        assert world.records.made(vpc_id).generation == 1


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

    def test_a_sweep_that_completed_one_endpoint_has_the_other_made_all_the_same(self) -> None:
        """One write per VPC and pass; its event leads to a function that can create nothing."""
        world, vpc_id = covered(*Service)
        world.settling.enabled = True
        kept, gone = world.network.endpoints(vpc_id)
        world.network.delete_endpoint(gone.endpoint_id)
        world.sweep()
        world.clock.advance(hours=1)
        fewer = frozenset(sorted(kept.subnet_ids)[:1])
        world.network.change_endpoint(kept.endpoint_id, subnet_ids=fewer)
        world.sweep()
        assert len(world.network.endpoints(vpc_id)) == 1
        world.endpoint_change(kept.endpoint_id)
        assert world.settling.paused == {vpc_id}
        world.settling.paused.clear()
        world.settled(vpc_id)
        assert len(world.network.endpoints(vpc_id)) == 2

    @pytest.mark.parametrize("wanted", VpcDns)
    def test_dns_attributes_that_are_switched_off_again_under_the_name(
        self, wanted: VpcDns
    ) -> None:
        """They are put back, or told of, as the owner asks; the endpoint keeps its private DNS."""
        world = new_world(vpc_dns=wanted)
        vpc_id, endpoint_id = with_endpoint(world)
        world.network.change(vpc_id, dns=DnsAttributes(support=True, hostnames=False))
        told = reasons(world.vpc_change(vpc_id, "ModifyVpcAttribute"))
        expected = {VpcDns.ENABLE: Reason.PRIVATE_DNS_OFF, VpcDns.WAIT: Reason.WAITING_FOR_DNS}
        assert told == ({expected[wanted]} if wanted in expected else set())
        attributes = world.network.state[vpc_id].dns
        assert attributes
        assert attributes.both == (wanted is VpcDns.ENABLE)
        assert world.network.endpoint(endpoint_id).private_dns

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

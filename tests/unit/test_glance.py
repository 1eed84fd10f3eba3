"""Most events leave an endpoint in order: that is seen by one Describe call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardrail.core.actions import Action
from guardrail.core.names import MANAGED_TAG
from guardrail.core.trail import Trigger
from guardrail.errors import RetryableError
from guardrail.report import Outcome, Report
from support.fakes import BASELINE, OPEN, STACK
from support.values import policy
from support.world import ENDPOINT_CHANGE, VPC_CHANGE, World

STRICTER = policy(Action="states:StartExecution")


def calls(world: World) -> int:
    """Return how many calls were made of every port that leads to AWS."""
    ports = (world.network, world.records, world.evidence, world.settling)
    return sum(port.faults.calls for port in ports)


def managed(world: World) -> str:
    """Let the guardrail make an endpoint and hear of that; return its id."""
    vpc_id = world.network.add_vpc()
    world.settled(vpc_id)
    (endpoint,) = world.network.endpoints(vpc_id)
    world.endpoint_change(endpoint.endpoint_id)
    return endpoint.endpoint_id


@pytest.mark.parametrize("own", [True, False])
def test_a_compliant_event_costs_one_describe_and_one_conditional_write(*, own: bool) -> None:
    """Of an owner's endpoint and of a managed one."""
    world = World()
    made = managed(world) if own else world.network.add_endpoint(world.network.add_vpc(), STRICTER)
    world.network.set_policy(made, STRICTER)
    before = calls(world)
    (report,) = world.endpoint_change(made)
    assert report.outcome is Outcome.COMPLIANT
    assert calls(world) - before == 2


def test_an_endpoint_of_another_service_costs_one_describe() -> None:
    """Most endpoints of an account are of others."""
    world = World()
    world.network.glance = lambda _: []
    before = calls(world)
    assert world.endpoint_change("vpce-00000000000000009") == []
    assert calls(world) == before


def test_what_one_call_cannot_show_is_looked_at_in_full() -> None:
    """The event took a managed endpoint out of a subnet."""
    world = World()
    endpoint = world.network.endpoint(managed(world))
    kept = sorted(endpoint.subnet_ids)[:1]
    world.network.change_endpoint(endpoint.endpoint_id, subnet_ids=frozenset(kept))
    run(world, endpoint.endpoint_id)
    assert world.network.endpoint(endpoint.endpoint_id).subnet_ids == endpoint.subnet_ids


def test_an_owners_endpoint_that_serves_nobody_any_more_is_looked_at_in_full() -> None:
    """Taken out of all its subnets: the VPC needs one of ours, which VpcChange makes."""
    world = World()
    world.settling.enabled = True
    vpc_id = world.network.add_vpc()
    theirs = world.network.add_endpoint(vpc_id, STRICTER)
    world.network.change_endpoint(theirs, subnet_ids=frozenset())
    world.endpoint_change(theirs)
    assert vpc_id in world.settling.paused
    world.settled(vpc_id)
    assert len(world.network.endpoints(vpc_id)) == 2


@pytest.mark.parametrize("lacks", ["private_dns", "group_ids"])
def test_what_one_call_shows_to_be_missing_is_looked_at_in_full(lacks: str) -> None:
    """Private DNS, or every group of the endpoint's."""
    world = World()
    endpoint = world.network.endpoint(managed(world))
    missing = replace(endpoint, **{lacks: type(getattr(endpoint, lacks))()})
    world.network.change_endpoint(endpoint.endpoint_id, **{lacks: getattr(missing, lacks)})
    world.endpoint_change(endpoint.endpoint_id)
    assert getattr(world.network.endpoint(endpoint.endpoint_id), lacks) == getattr(endpoint, lacks)


def test_what_a_pass_left_over_is_done_when_its_own_write_comes_back() -> None:
    """One endpoint write in a pass: the policy first, private DNS with that write's event."""
    world = World()
    endpoint_id = managed(world)
    world.network.change_endpoint(endpoint_id, policy=OPEN, private_dns=False)
    world.endpoint_change(endpoint_id)
    assert not world.network.endpoint(endpoint_id).private_dns
    world.endpoint_change(endpoint_id)
    assert world.network.endpoint(endpoint_id).private_dns


def test_what_is_owed_stays_owed_until_it_is_done() -> None:
    """The look that would do it is throttled; the next event is enough to finish."""
    world = World()
    endpoint_id = managed(world)
    world.network.change_endpoint(endpoint_id, policy=OPEN, private_dns=False)
    world.endpoint_change(endpoint_id)
    world.network.before_apply = throttle
    world.endpoint_change(endpoint_id)
    world.network.before_apply = lambda _: None
    assert not world.network.endpoint(endpoint_id).private_dns
    world.endpoint_change(endpoint_id)
    assert world.network.endpoint(endpoint_id).private_dns
    before = calls(world)
    world.endpoint_change(endpoint_id)
    assert calls(world) - before == 2


def test_a_function_that_may_not_do_it_leaves_it_owed() -> None:
    """VpcChange looks at the VPC as well, and writes no policies."""
    world = World()
    endpoint_id = managed(world)
    (vpc_id,) = world.network.state
    other = world.network.add_endpoint(vpc_id, OPEN)
    world.network.set_policy(endpoint_id, OPEN)
    world.endpoint_change(endpoint_id)
    world.run(Trigger("CreateSubnet", frozenset({vpc_id}), settled=False), VPC_CHANGE)
    world.endpoint_change(endpoint_id)
    assert world.network.endpoint(other).policy != OPEN


def test_a_sweep_that_finds_all_in_order_pays_what_is_owed() -> None:
    """Its owner did himself what a pass had left."""
    world = World()
    endpoint_id = managed(world)
    world.network.change_endpoint(endpoint_id, policy=OPEN, private_dns=False)
    world.endpoint_change(endpoint_id)
    world.network.change_endpoint(endpoint_id, private_dns=True)
    world.clock.advance(minutes=1)
    world.sweep()
    assert world.evidence.owed == {}


def test_it_is_owed_before_the_write_whose_event_pays() -> None:
    """The event may be looked at before the pass that wrote has ended."""
    world = World()
    endpoint_id = managed(world)
    world.network.change_endpoint(endpoint_id, policy=OPEN, private_dns=False)
    owed: list[bool] = []
    world.network.before_apply = lambda _: owed.append(endpoint_id in world.evidence.owed)
    world.endpoint_change(endpoint_id)
    assert owed == [True]


def test_an_endpoint_that_is_not_described_is_looked_for_in_full() -> None:
    """It may be gone, or too new to be seen."""
    world = World()
    endpoint_id = managed(world)
    world.network.glance = lambda _: None
    (report,) = world.endpoint_change(endpoint_id)
    assert report.outcome is Outcome.COMPLIANT
    assert world.network.observations > 1


def test_a_tag_of_another_stack_makes_it_none_of_ours() -> None:
    """Only its policy counts then."""
    world = World()
    endpoint_id = world.network.add_endpoint(
        world.network.add_vpc(), BASELINE, tags={MANAGED_TAG: STACK.replace("guardrail", "other")}
    )
    seen = world.network.observations
    world.endpoint_change(endpoint_id)
    assert world.network.observations == seen


def run(world: World, endpoint_id: str) -> list[Report]:
    """Let EndpointChange hear of a change that names more than the endpoint."""
    ids = frozenset({endpoint_id})
    trigger = Trigger("ModifyVpcEndpoint", frozenset(), ids, settled=False, narrow=False)
    return world.run(trigger, ENDPOINT_CHANGE)


def throttle(action: Action) -> None:
    """Refuse a write as EC2 does when the bucket is empty."""
    raise RetryableError(f"{action.kind}: RequestLimitExceeded")

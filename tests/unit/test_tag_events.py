"""Tags come and go: an exemption ends, one call names several VPCs, most concern nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardrail.core.names import MANAGED_TAG
from guardrail.core.policy import decide
from guardrail.core.trail import Trigger, read_trigger
from support.fakes import BASELINE, OPEN
from support.stories import covered
from support.world import ALICE, ENDPOINT_CHANGE, VPC_CHANGE, World

EXEMPTION = "sfn-exempt"
EXEMPT = {EXEMPTION: "until=2099-01-01; reason=migration"}


def tagged(name: str, *resource_ids: str, keys: tuple[str, ...] = (EXEMPTION,)) -> Trigger:
    """Return what a call of alice's about tags leads to."""
    parameters = {
        "resourcesSet": {"items": [{"resourceId": i} for i in resource_ids]},
        "tagSet": {"items": [{"key": key} for key in keys]},
    }
    record = {
        "eventSource": "ec2.amazonaws.com",
        "eventName": name,
        "userIdentity": {"arn": ALICE},
        "requestParameters": parameters,
    }
    trigger = read_trigger({"source": "aws.ec2", "detail": record})
    assert isinstance(trigger, Trigger)
    return trigger


def opened(*, vpc: bool) -> tuple[World, str, str]:
    """Return a world with an open endpoint that was exempt until now, or its VPC was."""
    world, vpc_id = covered()
    world.intent = replace(world.intent, exemption_tag=EXEMPTION)
    (endpoint,) = world.network.endpoints(vpc_id)
    tags = endpoint.tags if vpc else {**endpoint.tags, **EXEMPT}
    world.network.change(vpc_id, tags=EXEMPT if vpc else {})
    world.network.change_endpoint(endpoint.endpoint_id, tags=tags, policy=OPEN)
    world.sweep()
    assert world.network.endpoint(endpoint.endpoint_id).policy == OPEN
    world.network.change(vpc_id, tags={})
    world.network.change_endpoint(endpoint.endpoint_id, tags=endpoint.tags)
    return world, vpc_id, endpoint.endpoint_id


@pytest.mark.parametrize("vpc", [True, False])
def test_an_endpoint_is_closed_once_its_exemption_is_taken_off(*, vpc: bool) -> None:
    """At once and not by the next sweep; the event names the endpoint or the VPC."""
    world, vpc_id, endpoint_id = opened(vpc=vpc)
    world.run(tagged("DeleteTags", vpc_id if vpc else endpoint_id), ENDPOINT_CHANGE)
    assert decide(world.network.endpoint(endpoint_id).policy, BASELINE).contained


def test_taking_all_tags_off_ends_an_exemption() -> None:
    """The call names no tag then."""
    world, _, endpoint_id = opened(vpc=False)
    world.run(tagged("DeleteTags", endpoint_id, keys=()), ENDPOINT_CHANGE)
    assert decide(world.network.endpoint(endpoint_id).policy, BASELINE).contained


@pytest.mark.parametrize("exemption", [EXEMPTION, None])
def test_other_tags_cost_the_function_that_writes_policies_no_call(exemption: str | None) -> None:
    """Everything is tagged all the time; VpcChange puts back what the guardrail's tag was."""
    world, vpc_id = covered()
    world.intent = replace(world.intent, exemption_tag=exemption)
    (endpoint,) = world.network.endpoints(vpc_id)
    ports = (world.network, world.records, world.evidence, world.settling)
    before = [port.faults.calls for port in ports]
    trigger = tagged("CreateTags", vpc_id, endpoint.endpoint_id, keys=("Name", MANAGED_TAG))
    assert world.run(trigger, ENDPOINT_CHANGE) == []
    assert [port.faults.calls for port in ports] == before


def test_one_call_may_name_a_vpc_and_an_endpoint_of_another() -> None:
    """Both are looked at: the endpoint gets its tag back."""
    world, first = covered()
    second = world.network.add_vpc()
    world.settled(second)
    (endpoint,) = world.network.endpoints(second)
    world.network.change_endpoint(endpoint.endpoint_id, tags={})
    trigger = tagged("DeleteTags", first, endpoint.endpoint_id, keys=(MANAGED_TAG,))
    reports = world.run(trigger, VPC_CHANGE)
    assert {report.vpc_id for report in reports} == {first, second}
    assert MANAGED_TAG in world.network.endpoint(endpoint.endpoint_id).tags

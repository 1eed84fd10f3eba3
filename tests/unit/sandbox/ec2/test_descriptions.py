"""What can be read: pages, filters, services of a region, what belongs to others, the registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ec2_world import Ec2World, refused

from guardrail_sandbox.clock import DrivenClock
from guardrail_sandbox.ec2.behaviour import AWS_PACE, World
from guardrail_sandbox.ec2.pages import listing, markdown
from guardrail_sandbox.ec2.registry import BEHAVIOURS, assumptions, behaviours, facts
from guardrail_sandbox.errors import SandboxError
from guardrail_sandbox.sandbox import ROOT

Make = Callable[..., Ec2World]


def test_endpoints_come_in_pages(make: Make) -> None:
    """Every endpoint once, no page larger than asked."""
    world = make(without={"throttles"})
    vpc_id = world.vpc()
    made = {world.create(vpc_id)["VpcEndpointId"] for _ in range(7)}
    pages = list(
        world.ec2.get_paginator("describe_vpc_endpoints").paginate(PaginationConfig={"PageSize": 3})
    )
    ids = [e["VpcEndpointId"] for page in pages for e in page["VpcEndpoints"]]
    assert [len(page["VpcEndpoints"]) for page in pages] == [3, 3, 1]
    assert (set(ids), len(ids)) == (made, 7)


@pytest.mark.parametrize(
    ("call", "member"),
    [
        ("describe_subnets", "Subnets"),
        ("describe_vpcs", "Vpcs"),
        ("describe_security_groups", "SecurityGroups"),
        ("describe_vpc_endpoint_services", "ServiceDetails"),
    ],
)
def test_other_descriptions_come_in_pages(world: Ec2World, call: str, member: str) -> None:
    """All pages together are what one call without pages answers."""
    for block in range(6):
        world.vpc(block=f"10.{block}")
    whole = getattr(world.ec2, call)()[member]
    pages = list(world.ec2.get_paginator(call).paginate(PaginationConfig={"PageSize": 5}))
    assert [item for page in pages for item in page[member]] == whole
    assert max(len(page[member]) for page in pages) == 5


def test_a_token_that_was_not_given_is_refused(world: Ec2World) -> None:
    """It is no reason for a crash."""
    assert refused(world.ec2.describe_vpcs, NextToken="x", MaxResults=5)[0] == "InvalidNextToken"


def test_endpoints_are_filtered(world: Ec2World) -> None:
    """By what the reference lists, with wildcards; nothing found is no error."""
    vpc_id = world.vpc()
    tags = [{"ResourceType": "vpc-endpoint", "Tags": [{"Key": "team", "Value": "a"}]}]
    endpoint_id = world.endpoint(vpc_id, TagSpecifications=tags)
    world.create(vpc_id)
    assert world.count(vpc_endpoint_id=endpoint_id) == 1
    assert world.count(vpc_endpoint_id="vpce-0") == 0
    assert world.count(vpc_id=vpc_id, service_name="*.states") == 2
    assert world.count(vpc_endpoint_state="pending") == 1
    assert world.count(vpc_endpoint_type="Interface") == 2
    assert world.count(service_region="eu-west-1") == 0
    assert world.count(ip_address_type="ipv4") == 2
    assert (world.count(**{"tag:team": "a"}), world.count(tag_key="team")) == (1, 1)


def test_a_filter_that_does_not_exist_is_refused(world: Ec2World) -> None:
    """For endpoints and for services."""
    world.create(world.vpc())
    filters = [{"Name": "colour", "Values": ["red"]}]
    assert refused(world.ec2.describe_vpc_endpoints, Filters=filters)[0] == "InvalidParameterValue"
    services = world.ec2.describe_vpc_endpoint_services
    assert refused(services, Filters=filters)[0] == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("region", "prefix", "suffix"),
    [
        ("us-east-1", "com", ".com"),
        ("eu-central-1", "com", ".com"),
        ("us-gov-west-1", "com", ".com"),
        ("cn-north-1", "cn.com", ".com.cn"),
    ],
)
def test_services_are_named_as_in_their_region(
    make: Make, region: str, prefix: str, suffix: str
) -> None:
    """Name, private name and zones are those of the region and its partition."""
    found = make(region).ec2.describe_vpc_endpoint_services(
        Filters=[{"Name": "service-name", "Values": ["*states"]}]
    )
    states, sync = found["ServiceDetails"]
    assert states["ServiceName"] == f"{prefix}.amazonaws.{region}.states"
    assert sync["ServiceName"] == f"{prefix}.amazonaws.{region}.sync-states"
    assert states["PrivateDnsName"] == f"states.{region}.amazonaws{suffix}"
    assert states["VpcEndpointPolicySupported"] is True
    assert all(zone.startswith(region) for zone in states["AvailabilityZones"])
    assert f"{region}e" not in states["AvailabilityZones"]
    assert len(states["AvailabilityZoneIds"]) == len(states["AvailabilityZones"]) >= 2


def test_an_unknown_service_is_an_error_by_name_only(world: Ec2World) -> None:
    """A filter finds nothing; an endpoint cannot be made for it."""
    describe, name = world.ec2.describe_vpc_endpoint_services, "com.amazonaws.us-east-1.nothing"
    assert refused(describe, ServiceNames=[name])[0] == "InvalidServiceName"
    filters = [{"Name": "service-name", "Values": [name]}]
    assert describe(Filters=filters)["ServiceDetails"] == []
    assert refused(world.create, world.vpc(), ServiceName=name)[0] == "InvalidServiceName"


def test_a_participant_sees_a_shared_vpc_without_its_endpoints(world: Ec2World) -> None:
    """VPC and subnets name their owner; endpoints are hidden and cannot be made."""
    vpc_id = world.vpc()
    world.subnet(vpc_id)
    endpoint_id = world.endpoint(vpc_id)
    world.layer.share_vpc(vpc_id, "210987654321")
    of_vpc: list[dict[str, Any]] = [{"Name": "vpc-id", "Values": [vpc_id]}]
    (vpc,) = world.ec2.describe_vpcs(Filters=of_vpc)["Vpcs"]
    (subnet,) = world.ec2.describe_subnets(Filters=of_vpc)["Subnets"]
    assert (vpc["OwnerId"], subnet["OwnerId"]) == ("210987654321", "210987654321")
    assert world.count(vpc_id=vpc_id) == 0
    assert refused(world.read, endpoint_id)[0] == "InvalidVpcEndpointId.NotFound"
    assert refused(world.create, vpc_id)[0] == "OperationNotPermitted"


def test_an_endpoint_of_a_service_is_left_to_it(world: Ec2World) -> None:
    """It is described as managed by its requester; nobody else changes or deletes it."""
    managed = world.layer.add_managed_endpoint(world.vpc(), world.service)
    assert world.read(managed)["RequesterManaged"] is True
    code, _ = refused(world.modify, managed, PrivateDnsEnabled=False)
    (failed,) = world.ec2.delete_vpc_endpoints(VpcEndpointIds=[managed])["Unsuccessful"]
    assert (code, failed["Error"]["Code"]) == ("OperationNotPermitted", "OperationNotPermitted")


def test_every_behaviour_names_source_and_confidence() -> None:
    """And has a name of its own."""
    found = facts()
    assert len({fact.name for fact in found}) == len(BEHAVIOURS)
    assert all(fact.source and fact.summary.endswith(".") for fact in found)


@pytest.mark.parametrize("name", [b.name for b in BEHAVIOURS])
def test_every_behaviour_can_be_switched_off(make: Make, name: str) -> None:
    """An endpoint lives from creation to deletion without it."""
    world = make(without={name})
    vpc_id = world.vpc()
    endpoint_id = world.endpoint(vpc_id, SubnetIds=[world.subnet(vpc_id)], ClientToken="once")
    world.modify(endpoint_id, PrivateDnsEnabled=True)
    assert world.read(endpoint_id)["State"] == "available"
    world.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint_id])
    world.clock.advance(AWS_PACE.deleting)
    assert world.read(endpoint_id)["State"] == "deleted"


def test_the_page_of_the_docs_is_up_to_date() -> None:
    """When this fails: `make docs`, and commit the page."""
    page = ROOT / "docs" / "reference" / "sandbox-behaviours.md"
    assert page.read_text() == markdown()
    assert all(behaviour.name in listing() for behaviour in BEHAVIOURS)


def test_what_is_switched_off_is_accepted(make: Make) -> None:
    """Without the check, a conflict passes."""
    world = make(without={"private-dns-conflicts"})
    vpc_id = world.vpc()
    for _ in range(2):
        assert world.create(vpc_id, PrivateDnsEnabled=True)["PrivateDnsEnabled"] is True


@pytest.mark.parametrize(
    ("without", "assumed", "message"),
    [
        ({"moon"}, {}, "no behaviour is called moon"),
        (set(), {"moon": "full"}, "no assumption is called moon"),
        (set(), {"reset-policy": "full"}, "no answer to reset-policy is called full"),
    ],
)
def test_misspelt_switches_are_named(
    without: set[str], assumed: dict[str, str], message: str
) -> None:
    """With what there is to choose from."""
    with pytest.raises(SandboxError, match=message) as caught:
        behaviours(World(DrivenClock(), AWS_PACE, assumed), without=without)
    assert "known: " in caught.value.hint
    assert "reset-policy" in assumptions()

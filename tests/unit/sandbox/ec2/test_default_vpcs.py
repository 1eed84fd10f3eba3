"""Deleting the default VPC and making it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ec2_world import Ec2World, refused

Make = Callable[..., Ec2World]


def delete_default_vpc(world: Ec2World) -> None:
    """Delete the default VPC with its subnets."""
    (vpc,) = default_vpcs(world)
    for subnet in subnets_of(world, vpc["VpcId"]):
        world.ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    world.ec2.delete_vpc(VpcId=vpc["VpcId"])


def default_vpcs(world: Ec2World) -> list[Any]:
    """Return the default VPC, if there is one."""
    filters = [{"Name": "is-default", "Values": ["true"]}]
    found: list[Any] = world.ec2.describe_vpcs(Filters=filters)["Vpcs"]
    return found


def subnets_of(world: Ec2World, vpc_id: str) -> list[Any]:
    """Return the subnets of a VPC."""
    filters = [{"Name": "vpc-id", "Values": [vpc_id]}]
    found: list[Any] = world.ec2.describe_subnets(Filters=filters)["Subnets"]
    return found


def test_a_default_vpc_can_be_made_again_beside_other_subnets(world: Ec2World) -> None:
    """Its subnets are default subnets, one for each zone; the other one is not."""
    delete_default_vpc(world)
    other = world.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = world.ec2.create_subnet(
        VpcId=other, CidrBlock="10.0.0.0/24", AvailabilityZone="us-east-1a"
    )["Subnet"]
    assert (made["DefaultForAz"], made["MapPublicIpOnLaunch"]) == (False, False)
    vpc_id = world.ec2.create_default_vpc()["Vpc"]["VpcId"]
    subnets = subnets_of(world, vpc_id)
    assert {subnet["DefaultForAz"] for subnet in subnets} == {True}
    assert len({subnet["AvailabilityZone"] for subnet in subnets}) == len(subnets) > 1
    assert [subnet["DefaultForAz"] for subnet in subnets_of(world, other)] == [False]


def test_a_second_default_vpc_is_refused(world: Ec2World) -> None:
    """With EC2's own code."""
    assert refused(world.ec2.create_default_vpc)[0] == "DefaultVpcAlreadyExists"


def test_without_the_behaviour_moto_refuses(make: Make) -> None:
    """So the day that moto mends it is noticed."""
    world = make(without={"default-subnets"})
    delete_default_vpc(world)
    other = world.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    world.ec2.create_subnet(VpcId=other, CidrBlock="10.0.0.0/24", AvailabilityZone="us-east-1a")
    code, _ = refused(world.ec2.create_default_vpc)
    assert code == "DefaultSubnetAlreadyExistsInAvailabilityZone"

"""Private DNS, subnets, network interfaces and security groups of endpoints."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from ec2_world import Ec2World, refused

from guardrail_sandbox.ec2.behaviour import AWS_PACE

Make = Callable[..., Ec2World]


def interfaces(world: Ec2World, endpoint_id: str) -> list[Any]:
    """Return the network interfaces of an endpoint as EC2 shows them."""
    ids = world.read(endpoint_id)["NetworkInterfaceIds"]
    if not ids:
        return []
    found: list[Any] = world.ec2.describe_network_interfaces(NetworkInterfaceIds=ids)[
        "NetworkInterfaces"
    ]
    return found


def test_private_dns_needs_both_attributes(world: Ec2World) -> None:
    """On creation and on change, with the message that names both."""
    vpc_id = world.vpc(dns=False)
    code, message = refused(world.create, vpc_id, PrivateDnsEnabled=True)
    assert code == "InvalidParameter"
    assert "requires both enableDnsSupport and enableDnsHostnames" in message
    endpoint_id = world.endpoint(vpc_id)
    assert refused(world.modify, endpoint_id, PrivateDnsEnabled=True) == (code, message)
    world.ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": True})
    world.modify(endpoint_id, PrivateDnsEnabled=True)
    assert world.read(endpoint_id)["PrivateDnsEnabled"] is True


@pytest.mark.parametrize(("answer", "private"), [("on", True), ("off", False)])
def test_the_default_of_private_dns_is_a_choice(make: Make, answer: str, *, private: bool) -> None:
    """AWS's references disagree; both ways can be had."""
    world = make(assume={"private-dns-default": answer})
    made = world.ec2.create_vpc_endpoint(
        VpcId=world.vpc(), VpcEndpointType="Interface", ServiceName=world.service
    )["VpcEndpoint"]
    assert made["PrivateDnsEnabled"] is private


@pytest.mark.parametrize("dns", [True, False])
def test_private_dns_that_nobody_asked_for_is_on_where_it_can_be(
    world: Ec2World, *, dns: bool
) -> None:
    """An endpoint made by hand in a plain VPC is made, without private DNS."""
    made = world.ec2.create_vpc_endpoint(
        VpcId=world.vpc(dns=dns), VpcEndpointType="Interface", ServiceName=world.service
    )["VpcEndpoint"]
    assert made["PrivateDnsEnabled"] is dns


def test_a_second_endpoint_with_private_dns_conflicts(world: Ec2World) -> None:
    """For the same service in the same VPC; without private DNS it is accepted."""
    vpc_id = world.vpc()
    world.create(vpc_id, PrivateDnsEnabled=True)
    code, message = refused(world.create, vpc_id, PrivateDnsEnabled=True)
    assert code == "InvalidParameter"
    assert "conflicting DNS domain for states.us-east-1.amazonaws.com" in message
    second = world.endpoint(vpc_id)
    assert refused(world.modify, second, PrivateDnsEnabled=True)[1] == message
    world.create(world.vpc(block="10.1"), PrivateDnsEnabled=True)


@pytest.mark.parametrize("answer", ["no", "yes"])
def test_whether_a_deleting_endpoint_conflicts_is_a_choice(make: Make, answer: str) -> None:
    """AWS does not say; a deleted one never does."""
    world = make(assume={"deleting-conflicts": answer})
    vpc_id = world.vpc()
    first = world.endpoint(vpc_id, PrivateDnsEnabled=True)
    world.ec2.delete_vpc_endpoints(VpcEndpointIds=[first])
    if answer == "yes":
        assert refused(world.create, vpc_id, PrivateDnsEnabled=True)[0] == "InvalidParameter"
        world.clock.advance(AWS_PACE.deleting)
    assert world.create(vpc_id, PrivateDnsEnabled=True)["PrivateDnsEnabled"] is True


def test_a_private_hosted_zone_of_the_name_conflicts(world: Ec2World) -> None:
    """Only in the VPC that it is associated with."""
    vpc_id, other = world.vpc(), world.vpc(block="10.1")
    world.client("route53", world.region).create_hosted_zone(
        Name="states.us-east-1.amazonaws.com",
        CallerReference="once",
        VPC={"VPCRegion": world.region, "VPCId": vpc_id},
        HostedZoneConfig={"PrivateZone": True},
    )
    _, message = refused(world.create, vpc_id, PrivateDnsEnabled=True)
    assert (
        f"conflicting DNS domain for states.us-east-1.amazonaws.com in the VPC {vpc_id}" in message
    )
    assert world.create(other, PrivateDnsEnabled=True)["PrivateDnsEnabled"] is True


def test_an_attribute_call_changes_one_attribute(world: Ec2World) -> None:
    """Two at once are refused, and neither is changed."""
    vpc_id = world.vpc(dns=False)
    code, _ = refused(
        world.ec2.modify_vpc_attribute,
        VpcId=vpc_id,
        EnableDnsHostnames={"Value": True},
        EnableDnsSupport={"Value": False},
    )
    read = world.ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute="enableDnsHostnames")
    assert code == "InvalidParameterCombination"
    assert read["EnableDnsHostnames"]["Value"] is False


def test_a_zone_has_one_subnet_of_an_endpoint(world: Ec2World) -> None:
    """A second one is refused, unless the first is removed in the same call."""
    vpc_id = world.vpc()
    first, second = world.subnet(vpc_id), world.subnet(vpc_id, "a", 1)
    assert refused(world.create, vpc_id, SubnetIds=[first, second])[0] == (
        "DuplicateSubnetsInSameZone"
    )
    endpoint_id = world.endpoint(vpc_id, SubnetIds=[first])
    code, _ = refused(world.modify, endpoint_id, AddSubnetIds=[second])
    assert code == "DuplicateSubnetsInSameZone"
    assert world.read(endpoint_id)["SubnetIds"] == [first]
    world.modify(endpoint_id, AddSubnetIds=[second], RemoveSubnetIds=[first])
    assert world.read(endpoint_id)["SubnetIds"] == [second]


def test_a_zone_without_the_service_is_refused(world: Ec2World) -> None:
    """The message names service and subnet."""
    vpc_id = world.vpc()
    subnet_id = world.subnet(vpc_id, "e")
    code, message = refused(world.create, vpc_id, SubnetIds=[subnet_id])
    assert code == "InvalidParameter"
    assert f"does not support the availability zone of the subnet: {subnet_id}" in message


def test_subnets_of_nowhere_and_of_other_vpcs_are_refused(world: Ec2World) -> None:
    """With codes of their own."""
    vpc_id, foreign = world.vpc(), world.subnet(world.vpc())
    missing = "subnet-0123456789abcdef0"
    assert refused(world.create, vpc_id, SubnetIds=[missing])[0] == "InvalidSubnetId.NotFound"
    assert refused(world.create, vpc_id, SubnetIds=[foreign])[0] == "InvalidParameter"


def test_interfaces_take_addresses_until_none_is_left(world: Ec2World) -> None:
    """A /28 has eleven; the twelfth endpoint finds none."""
    vpc_id = world.vpc()
    subnet_id = world.subnet(vpc_id, bits=28)
    used = set()
    for _ in range(11):
        endpoint_id = world.endpoint(vpc_id, SubnetIds=[subnet_id])
        used.add(interfaces(world, endpoint_id)[0]["PrivateIpAddress"])
    left = world.ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"][0]
    code, _ = refused(world.create, vpc_id, SubnetIds=[subnet_id])
    assert len(used) == 11
    assert left["AvailableIpAddressCount"] == 0
    assert code == "InsufficientFreeAddressesInSubnet"


def test_interfaces_belong_to_the_requester(world: Ec2World) -> None:
    """They have an address of the subnet and the endpoint's groups; nobody else deletes them."""
    vpc_id = world.vpc()
    subnet_id, group_id = world.subnet(vpc_id), world.group(vpc_id)
    endpoint_id = world.endpoint(vpc_id, SubnetIds=[subnet_id], SecurityGroupIds=[group_id])
    (eni,) = interfaces(world, endpoint_id)
    assert ip_address(eni["PrivateIpAddress"]) in ip_network("10.0.0.0/24")
    assert [group["GroupId"] for group in eni["Groups"]] == [group_id]
    assert (eni["RequesterManaged"], eni["InterfaceType"]) == (True, "vpc_endpoint")
    delete = world.ec2.delete_network_interface
    assert refused(delete, NetworkInterfaceId=eni["NetworkInterfaceId"])[0] == (
        "InvalidParameterValue"
    )


def test_interfaces_follow_subnets_and_groups(world: Ec2World) -> None:
    """After each change they are those of the endpoint; so are its DNS names."""
    vpc_id = world.vpc()
    first, second = world.subnet(vpc_id), world.subnet(vpc_id, "b", 1)
    endpoint_id = world.endpoint(vpc_id, SubnetIds=[first])
    world.modify(endpoint_id, AddSubnetIds=[second])
    assert {eni["SubnetId"] for eni in interfaces(world, endpoint_id)} == {first, second}
    assert len(world.read(endpoint_id)["DnsEntries"]) == 3
    group_id = world.group(vpc_id)
    world.modify(endpoint_id, RemoveSubnetIds=[first], AddSecurityGroupIds=[group_id])
    (eni,) = interfaces(world, endpoint_id)
    assert eni["SubnetId"] == second
    assert group_id in {group["GroupId"] for group in eni["Groups"]}


def listed(world: Ec2World, **filters: str) -> list[str]:
    """Return the descriptions of the interfaces that filters find, page by page."""
    given = [{"Name": k.replace("_", "-"), "Values": [v]} for k, v in filters.items()]
    pages = world.ec2.get_paginator("describe_network_interfaces").paginate(
        Filters=given, PaginationConfig={"PageSize": 5}
    )
    return [eni["Description"] for page in pages for eni in page["NetworkInterfaces"]]


def test_interfaces_are_found_by_vpc_and_subnet_in_pages(world: Ec2World) -> None:
    """Those of other VPCs are not among them, and none comes twice."""
    vpc_id, other = world.vpc(), world.vpc(block="10.1")
    subnets = [world.subnet(vpc_id, zone, number) for number, zone in enumerate("abc")]
    made = [world.create(vpc_id, SubnetIds=subnets)["VpcEndpointId"] for _ in range(3)]
    expected = [f"VPC Endpoint Interface {i}" for i in sorted(made)]
    assert sorted(listed(world, vpc_id=vpc_id)) == sorted(3 * expected)
    assert sorted(listed(world, subnet_id=subnets[0])) == expected
    assert sorted(listed(world, vpc_id=vpc_id, subnet_id=subnets[1])) == expected
    assert listed(world, vpc_id=other) == []


def test_interfaces_are_described_while_their_endpoint_is_deleted(world: Ec2World) -> None:
    """They go with it, not before: until then they hold the subnet."""
    vpc_id = world.vpc()
    subnet_id = world.subnet(vpc_id)
    endpoint_id = world.endpoint(vpc_id, SubnetIds=[subnet_id])
    world.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint_id])
    assert world.read(endpoint_id)["State"] == "deleting"
    for filters in ({"vpc_id": vpc_id}, {"subnet_id": subnet_id}):
        assert listed(world, **filters) == [f"VPC Endpoint Interface {endpoint_id}"]
    world.clock.advance(AWS_PACE.deleting)
    assert listed(world, vpc_id=vpc_id) == []


def test_an_endpoint_without_subnets_has_no_names(world: Ec2World) -> None:
    """It is accepted and can be reached from nowhere."""
    made = world.create(world.vpc())
    assert made["NetworkInterfaceIds"] == []
    assert made["DnsEntries"] == []


def test_an_endpoint_holds_what_it_uses(world: Ec2World) -> None:
    """Subnet, group and VPC cannot be deleted until its interfaces are gone."""
    vpc_id = world.vpc()
    subnet_id, group_id = world.subnet(vpc_id), world.group(vpc_id)
    endpoint_id = world.endpoint(vpc_id, SubnetIds=[subnet_id], SecurityGroupIds=[group_id])
    ec2 = world.ec2
    deletions: list[tuple[Any, dict[str, str]]] = [
        (ec2.delete_subnet, {"SubnetId": subnet_id}),
        (ec2.delete_security_group, {"GroupId": group_id}),
        (ec2.delete_vpc, {"VpcId": vpc_id}),
    ]
    for _ in ("standing", "deleting"):
        assert {refused(call, **named)[0] for call, named in deletions} == {"DependencyViolation"}
        ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint_id])
    world.clock.advance(AWS_PACE.deleting)
    for call, named in deletions:
        call(**named)
    assert vpc_id not in {vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]}


def test_the_default_group_is_taken_where_none_is_named(world: Ec2World) -> None:
    """It is the VPC's own."""
    (group,) = world.create(world.vpc())["Groups"]
    assert group["GroupName"] == "default"


def test_groups_of_nowhere_and_of_other_vpcs_are_refused(world: Ec2World) -> None:
    """On creation and on change."""
    vpc_id, foreign = world.vpc(), world.group(world.vpc())
    missing = "sg-0123456789abcdef0"
    assert refused(world.create, vpc_id, SecurityGroupIds=[missing])[0] == "InvalidGroup.NotFound"
    endpoint_id = world.endpoint(vpc_id)
    code, _ = refused(world.modify, endpoint_id, AddSecurityGroupIds=[foreign])
    assert code == "InvalidParameter"


def test_the_last_group_stays(world: Ec2World) -> None:
    """It can be replaced in one call, and not removed."""
    vpc_id = world.vpc()
    first, second = world.group(vpc_id), world.group(vpc_id, "others")
    endpoint_id = world.endpoint(vpc_id, SecurityGroupIds=[first])
    assert refused(world.modify, endpoint_id, RemoveSecurityGroupIds=[first])[0] == (
        "InvalidParameter"
    )
    world.modify(endpoint_id, AddSecurityGroupIds=[second], RemoveSecurityGroupIds=[first])
    assert [g["GroupId"] for g in world.read(endpoint_id)["Groups"]] == [second]


def test_a_group_that_nothing_holds_goes_from_the_endpoint_as_it_is_deleted(
    world: Ec2World,
) -> None:
    """The endpoint is in no subnet; the next group that it gets is described."""
    vpc_id = world.vpc()
    subnet_id, first = world.subnet(vpc_id), world.group(vpc_id)
    endpoint_id = world.endpoint(vpc_id, SubnetIds=[subnet_id], SecurityGroupIds=[first])
    world.modify(endpoint_id, RemoveSubnetIds=[subnet_id])
    world.ec2.delete_security_group(GroupId=first)
    second = world.ec2.create_security_group(GroupName="next", Description="x", VpcId=vpc_id)
    world.modify(endpoint_id, AddSecurityGroupIds=[second["GroupId"]])
    shown = world.read(endpoint_id)["Groups"]
    assert [group["GroupId"] for group in shown] == [second["GroupId"]]

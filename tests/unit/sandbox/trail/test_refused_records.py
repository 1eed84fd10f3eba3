"""What CloudTrail has of tags, rules of groups, and calls that EC2's own rules refuse."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from guardrail_sandbox import moto_state
from guardrail_sandbox.clock import DrivenClock
from guardrail_sandbox.ec2.behaviour import AWS_PACE, World
from guardrail_sandbox.ec2.layer import Ec2Layer
from guardrail_sandbox.ec2.registry import behaviours

from .harness import Trail

SERVICE = "com.amazonaws.us-east-1.states"


@pytest.fixture
def trail() -> Trail:
    """Return a trail in front of EC2 with every behaviour."""
    moto_state.reset()
    world = World(DrivenClock(), AWS_PACE, {})
    return Trail(Ec2Layer(moto_state.Serialised(), behaviours(world), world))


@pytest.fixture
def ec2(trail: Trail) -> Any:
    """Return a client of it."""
    return trail.ec2()


def network(ec2: Any) -> dict[str, str]:
    """Make a VPC whose subnet and group an endpoint holds; return the ids by parameter."""
    vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(
        VpcId=vpc_id, CidrBlock="10.0.0.0/24", AvailabilityZone="us-east-1a"
    )["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc_id)["GroupId"]
    ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": True})
    create(ec2, vpc_id, SubnetIds=[subnet], SecurityGroupIds=[group])
    return {"VpcId": vpc_id, "SubnetId": subnet, "GroupId": group}


def create(ec2: Any, vpc_id: str, **more: Any) -> Any:
    """Make an endpoint with private DNS."""
    return ec2.create_vpc_endpoint(
        VpcId=vpc_id,
        VpcEndpointType="Interface",
        ServiceName=SERVICE,
        PrivateDnsEnabled=True,
        **more,
    )


@pytest.mark.parametrize(
    ("call", "parameter", "message"),
    [
        ("delete_subnet", "SubnetId", "The subnet '{}' has dependencies and cannot be deleted."),
        ("delete_security_group", "GroupId", "resource {} has a dependent object"),
        ("delete_vpc", "VpcId", "The vpc '{}' has dependencies and cannot be deleted."),
    ],
)
def test_a_deletion_that_an_endpoint_stops_is_recorded_with_what_it_names(
    trail: Trail, ec2: Any, call: str, parameter: str, message: str
) -> None:
    """So whoever tears a network down is seen, and what he cannot delete."""
    resource_id = network(ec2)[parameter]
    with pytest.raises(ClientError, match="DependencyViolation"):
        getattr(ec2, call)(**{parameter: resource_id})
    record = trail.last
    assert record["errorCode"] == "Client.DependencyViolation"
    assert record["errorMessage"] == message.format(resource_id)
    assert record["requestParameters"] == {parameter[0].lower() + parameter[1:]: resource_id}
    assert record["responseElements"] is None


def test_a_conflict_of_private_dns_is_recorded_with_the_vpc(trail: Trail, ec2: Any) -> None:
    """The request is nested as that of a success; the message names domain and VPC."""
    vpc_id = network(ec2)["VpcId"]
    with pytest.raises(ClientError, match="InvalidParameter"):
        create(ec2, vpc_id)
    record = trail.last
    assert record["errorCode"] == "Client.InvalidParameter"
    assert record["errorMessage"] == (
        "private-dns-enabled cannot be set because there is already a conflicting DNS domain for"
        f" states.us-east-1.amazonaws.com in the VPC {vpc_id}"
    )
    request = record["requestParameters"]["CreateVpcEndpointRequest"]
    assert (request["VpcId"], request["ServiceName"]) == (vpc_id, SERVICE)
    assert record["responseElements"] is None


@pytest.mark.parametrize("call", ["create_tags", "delete_tags"])
def test_tags_are_recorded_with_their_resources(trail: Trail, ec2: Any, call: str) -> None:
    """Both calls name what they tag under `resourcesSet`, in the layout of the published one."""
    ids = [ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"] for _ in range(2)]
    getattr(ec2, call)(Resources=ids, Tags=[{"Key": "k", "Value": "v"}])
    assert trail.last["requestParameters"] == {
        "resourcesSet": {"items": [{"resourceId": i} for i in ids]},
        "tagSet": {"items": [{"key": "k", "value": "v"}]},
    }
    assert trail.last["responseElements"]["_return"] is True


def test_tags_that_are_taken_off_by_key_have_no_value(trail: Trail, ec2: Any) -> None:
    """DeleteTags may name keys alone."""
    vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.delete_tags(Resources=[vpc_id], Tags=[{"Key": "k"}])
    assert trail.last["requestParameters"]["tagSet"] == {"items": [{"key": "k"}]}


def test_rules_of_groups_are_recorded_with_their_group(trail: Trail, ec2: Any) -> None:
    """None of the three names the VPC; the layout of the third is the newer one."""
    vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc_id)["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    allowed = [rule | {"IpRanges": [{"CidrIp": "10.0.0.0/16"}]}]
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=allowed)
    assert trail.last["requestParameters"]["groupId"] == group
    rule_id = made["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    changed = {
        "SecurityGroupRuleId": rule_id,
        "SecurityGroupRule": rule | {"CidrIpv4": "10.0.0.0/8"},
    }
    ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=[changed])
    request = trail.last["requestParameters"]["ModifySecurityGroupRulesRequest"]
    assert request["GroupId"] == group
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule_id])
    assert trail.last["requestParameters"]["groupId"] == group
    assert vpc_id not in str([record["requestParameters"] for record in trail.records[-3:]])

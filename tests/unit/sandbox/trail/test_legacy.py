"""The legacy layout: camelCase, `items`, types as the EC2 model declares them."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest
from botocore.model import StructureShape

from guardrail_sandbox.trail.call import Tree
from guardrail_sandbox.trail.families import Family, family_of
from guardrail_sandbox.trail.legacy import request_parameters, response_elements
from guardrail_sandbox.trail.record import ec2_model

from .harness import Canned, Trail, answer


def _request(action: str, parameters: Tree) -> dict[str, Any]:
    return request_parameters(parameters, ec2_model().operation_model(action).input_shape)


def _response(action: str, inner: str) -> dict[str, Any]:
    shape = ec2_model().operation_model(action).output_shape
    assert shape is None or isinstance(shape, StructureShape)
    root = ET.fromstring(answer(action, inner))  # noqa: S314 - our own text
    return response_elements(root, shape)


def test_tags_of_a_specification_are_the_one_bare_list() -> None:
    """The specifications are `items`, the tags in them are not."""
    tags: Tree = {"1": {"Key": "a", "Value": "1"}, "2": {"Key": "b", "Value": "true"}}
    specification: Tree = {"ResourceType": "vpc", "Tag": tags}
    assert _request("CreateVpc", {"TagSpecification": {"1": specification}}) == {
        "tagSpecificationSet": {
            "items": [
                {
                    "resourceType": "vpc",
                    "tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "true"}],
                }
            ]
        }
    }


def test_tagged_resources_are_named_element_by_element() -> None:
    """A list of plain values becomes a list of objects with one member."""
    parameters: Tree = {
        "ResourceId": {"1": "vpc-1", "2": "vpc-2"},
        "Tag": {"1": {"Key": "a", "Value": ""}},
    }
    assert _request("CreateTags", parameters) == {
        "resourcesSet": {"items": [{"resourceId": "vpc-1"}, {"resourceId": "vpc-2"}]},
        "tagSet": {"items": [{"key": "a", "value": ""}]},
    }


def test_types_are_those_of_the_model() -> None:
    """Digits stay text where the model says text, and flags and numbers get their type."""
    permission: Tree = {"FromPort": "443", "IpRanges": {"1": {"CidrIp": "10"}}}
    parameters: Tree = {"GroupId": "42", "IpPermissions": {"1": permission}}
    result = _request("AuthorizeSecurityGroupIngress", parameters)
    item = result["ipPermissions"]["items"][0]
    assert (result["groupId"], item["fromPort"]) == ("42", 443)
    assert item["ipRanges"] == {"items": [{"cidrIp": "10"}]}


def test_value_that_does_not_fit_its_type_stays_text() -> None:
    """A refused call is recorded as it was made."""
    assert _request("CreateVpc", {"Ipv4NetmaskLength": "wide"}) == {"ipv4NetmaskLength": "wide"}


def test_parameter_that_the_model_lacks_is_recorded_as_text() -> None:
    """EC2 refuses unknown parameters; the record of the refusal still shows them."""
    assert _request("CreateVpc", {"Colour": "7", "Shade": {"Depth": "2"}}) == {
        "colour": "7",
        "shade": {"depth": "2"},
    }


def test_each_permission_has_its_four_lists_even_when_empty() -> None:
    """Records show `{}` for lists that the caller did not send."""
    permission: Tree = {"IpProtocol": "-1", "Ipv6Ranges": {"1": {"CidrIpv6": "::/0"}}}
    parameters: Tree = {"GroupId": "sg-1", "IpPermissions": {"1": permission}}
    assert _request("RevokeSecurityGroupEgress", parameters)["ipPermissions"]["items"] == [
        {
            "ipProtocol": "-1",
            "ipv6Ranges": {"items": [{"cidrIpv6": "::/0"}]},
            "groups": {},
            "ipRanges": {},
            "prefixListIds": {},
        }
    ]


def test_flat_revocation_has_an_empty_permission_list() -> None:
    """Old clients send one rule without a list; the record has both."""
    parameters: Tree = {"GroupId": "sg-1", "IpProtocol": "tcp", "CidrIp": "0.0.0.0/0"}
    assert _request("RevokeSecurityGroupIngress", parameters) == {
        "groupId": "sg-1",
        "ipProtocol": "tcp",
        "cidrIp": "0.0.0.0/0",
        "ipPermissions": {},
    }


def test_rules_revoked_by_id_are_listed() -> None:
    """A revocation can name rules instead of describing them."""
    parameters: Tree = {"GroupId": "sg-1", "SecurityGroupRuleId": {"1": "sgr-1"}}
    result = _request("RevokeSecurityGroupIngress", parameters)
    assert result["securityGroupRuleIds"] == {"items": [{"securityGroupRuleId": "sgr-1"}]}


def test_attribute_is_an_object_with_a_flag(trail: Trail) -> None:
    """ModifyVpcAttribute wraps its flag in `value`."""
    ec2 = trail.ec2()
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    hostnames = trail.last["requestParameters"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": False})
    support = trail.last["requestParameters"]
    assert hostnames == {"vpcId": vpc, "enableDnsHostnames": {"value": True}}
    assert support == {"vpcId": vpc, "enableDnsSupport": {"value": False}}
    assert trail.last["responseElements"]["_return"] is True


def test_dry_run_flag_is_not_recorded() -> None:
    """Published records of dry runs show the error code and no such parameter."""
    assert _request("CreateVpc", {"CidrBlock": "10.0.0.0/16", "DryRun": "true"}) == {
        "cidrBlock": "10.0.0.0/16"
    }


def test_response_flag_has_an_underscore_and_comes_second() -> None:
    """`return` is a reserved word where these records are made."""
    assert [*_response("DeleteSubnet", "<return>true</return>").items()] == [
        ("requestId", "request-id"),
        ("_return", True),
    ]


def test_empty_response_lists_are_empty_objects() -> None:
    """An empty set is `{}`, in the model or not."""
    inner = "<vpc><ipv6CidrBlockAssociationSet/><madeUpSet/><ownerId>042</ownerId></vpc>"
    assert _response("CreateVpc", inner)["vpc"] == {
        "ipv6CidrBlockAssociationSet": {},
        "madeUpSet": {},
        "ownerId": "042",
    }


def test_response_members_outside_the_model_keep_lists_and_flags() -> None:
    """What the model does not know is read from its form alone."""
    inner = "<newSet><item>1</item><item>2</item></newSet><isNew>true</isNew><count>3</count>"
    response = _response("CreateTags", inner)
    assert response["newSet"] == {"items": ["1", "2"]}
    assert (response["isNew"], response["count"]) == (True, "3")


def test_times_are_milliseconds() -> None:
    """The legacy layout writes moments as numbers."""
    inner = "<createTime>2023-07-10T12:00:00.500Z</createTime><size>8</size><iops>x</iops>"
    response = _response("CreateVolume", inner)
    assert (response["createTime"], response["size"], response["iops"]) == (
        1688990400500,
        8,
        "x",
    )


def test_ipv6_vpc_and_subnet_keep_their_blocks_as_items(trail: Trail) -> None:
    """IPv6 blocks are lists of associations, in request and answer."""
    ec2 = trail.ec2()
    made = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
    block = made["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
    first = trail.last
    ec2.create_subnet(
        VpcId=made["VpcId"], CidrBlock="10.0.1.0/24", Ipv6CidrBlock=block.replace("/56", "/64")
    )
    listed = first["responseElements"]["vpc"]["ipv6CidrBlockAssociationSet"]["items"]
    assert first["requestParameters"]["amazonProvidedIpv6CidrBlock"] is True
    assert listed[0]["ipv6CidrBlock"] == block
    assert trail.last["requestParameters"]["ipv6CidrBlock"].endswith("/64")


@pytest.mark.parametrize(
    ("action", "family"),
    [
        ("CreateVpc", Family.LEGACY),
        ("ModifyVpcAttribute", Family.LEGACY),
        ("RunInstances", Family.LEGACY),
        ("CreateVpcEndpoint", Family.NESTED),
        ("DisassociateVpcCidrBlock", Family.NESTED),
        ("CreateSomethingThatIsYetToCome", Family.NESTED),
    ],
)
def test_old_apis_are_legacy_and_all_others_nested(action: str, family: Family) -> None:
    """The legacy set is closed; what is not in it is nested."""
    assert family_of(action) is family


def test_default_vpc_is_recorded_in_the_layout_asked_for() -> None:
    """Sources disagree about CreateDefaultVpc, so both layouts can be had."""
    made = answer(
        "CreateDefaultVpc", "<vpc><vpcId>vpc-1</vpcId><ownerId>123456789012</ownerId></vpc>"
    )
    nested, legacy = Trail(Canned(made)), Trail(Canned(made), default_vpc_layout="legacy")
    nested.ec2().create_default_vpc()
    legacy.ec2().create_default_vpc()
    below = nested.last["responseElements"]["CreateDefaultVpcResponse"]["vpc"]
    assert below == {"vpcId": "vpc-1", "ownerId": 123456789012, "state": "pending"}
    assert nested.last["requestParameters"] == {"CreateDefaultVpcRequest": ""}
    assert legacy.last["requestParameters"] == {}
    assert legacy.last["responseElements"]["vpc"]["ownerId"] == "123456789012"

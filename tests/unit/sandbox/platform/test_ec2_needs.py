"""Which permissions EC2 asks for, per call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import pytest

from guardrail_sandbox.authorization.ec2_needs import Ask, needs
from guardrail_sandbox.authorization.need import Need
from guardrail_sandbox.trail.call import Call, Tree

HERE = "arn:aws:ec2:us-east-1:111122223333"
TAG = "TagSpecification.1.Tag.1.Key=by&TagSpecification.1.Tag.1.Value=me"
ENDPOINT = "VpcId=vpc-1&ServiceName=com.amazonaws.us-east-1.states"


class Account:
    """An account in which everything is in one VPC and tagged."""

    def tags(self, region: str, resource_id: str) -> Mapping[str, str]:
        """Return the same tag for everything."""
        assert region
        return {"owner": f"of {resource_id}"}

    def vpc_of(self, region: str, resource_id: str) -> str:
        """Return the VPC."""
        assert region
        assert resource_id
        return "vpc-1"

    def service_of(self, region: str, endpoint_id: str) -> str:
        """Return the service."""
        assert region
        assert endpoint_id
        return "com.amazonaws.us-east-1.s3"


def asked(action: str, form: str) -> list[Need]:
    """Return the permissions for a form."""
    tree: Tree = {}
    for name, value in parse_qsl(form):
        node: Any = tree
        *path, last = name.split(".")
        for step in path:
            node = node.setdefault(step, {})
        node[last] = value
    call = Call(action, tree, "key", "us-east-1", "", "", "")
    return needs(Ask(call, "111122223333", Account()))


def pairs(found: list[Need]) -> list[tuple[str, str]]:
    """Return action and resource of each, without the part that all ARNs share."""
    return [(need.action, need.resource.removeprefix(f"{HERE}:")) for need in found]


def of(found: list[Need], resource: str) -> Need:
    """Return the one need that is about this resource."""
    (need,) = [n for n in found if n.resource.endswith(resource) and n.action != "ec2:CreateTags"]
    return need


def test_creating_an_endpoint_asks_for_every_resource_and_what_depends_on_it() -> None:
    """Its VPC, the endpoint to be, subnets, groups, and the actions of other names."""
    form = f"{ENDPOINT}&SubnetId.1=subnet-1&SubnetId.2=subnet-2&SecurityGroupId.1=sg-1"
    tags = f"TagSpecification.1.ResourceType=vpc-endpoint&{TAG}"
    assert pairs(asked("CreateVpcEndpoint", f"{form}&{tags}&PrivateDnsEnabled=true")) == [
        ("ec2:CreateVpcEndpoint", "vpc/vpc-1"),
        ("ec2:CreateVpcEndpoint", "vpc-endpoint/*"),
        ("ec2:CreateVpcEndpoint", "subnet/subnet-1"),
        ("ec2:CreateVpcEndpoint", "subnet/subnet-2"),
        ("ec2:CreateVpcEndpoint", "security-group/sg-1"),
        ("ec2:CreateTags", "vpc-endpoint/*"),
        ("ec2:DescribeVpcs", "*"),
        ("ec2:DescribeSubnets", "*"),
        ("ec2:DescribeSecurityGroups", "*"),
        ("route53:AssociateVPCWithHostedZone", "arn:aws:route53:::hostedzone/*"),
    ]


def test_the_service_is_a_key_of_the_endpoint_alone() -> None:
    """So one statement for all resources with that condition allows nothing."""
    found = asked("CreateVpcEndpoint", f"{ENDPOINT}&SubnetId.1=subnet-1")
    assert of(found, "vpc-endpoint/*").context["ec2:VpceServiceName"].endswith(".states")
    assert "ec2:VpceServiceName" not in of(found, "vpc/vpc-1").context
    assert "ec2:VpceServiceName" not in of(found, "subnet/subnet-1").context


def test_tags_in_a_request_are_keys_of_what_is_made() -> None:
    """And CreateTags is told by which call."""
    form = f"{ENDPOINT}&TagSpecification.1.ResourceType=vpc-endpoint&{TAG}"
    found = asked("CreateVpcEndpoint", form)
    tagging = next(need for need in found if need.action == "ec2:CreateTags")
    assert of(found, "vpc-endpoint/*").context["aws:RequestTag/by"] == "me"
    assert tagging.context["ec2:CreateAction"] == "CreateVpcEndpoint"
    assert tagging.context["aws:TagKeys"] == ("by",)
    assert "aws:RequestTag/by" not in of(found, "vpc/vpc-1").context


def test_without_tags_and_private_dns_nothing_depends() -> None:
    """Neither CreateTags nor Route 53 is asked for."""
    actions = {need.action for need in asked("CreateVpcEndpoint", ENDPOINT)}
    assert not actions & {"ec2:CreateTags", "route53:AssociateVPCWithHostedZone"}


def test_modifying_an_endpoint_has_no_key_for_its_service() -> None:
    """But tags of the endpoint, and the VPC of subnets and groups."""
    form = "VpcEndpointId=vpce-1&AddSubnetId.1=subnet-1&RemoveSecurityGroupId.1=sg-1"
    found = asked("ModifyVpcEndpoint", form)
    assert pairs(found) == [
        ("ec2:ModifyVpcEndpoint", "vpc-endpoint/vpce-1"),
        ("ec2:ModifyVpcEndpoint", "subnet/subnet-1"),
        ("ec2:ModifyVpcEndpoint", "security-group/sg-1"),
    ]
    assert "ec2:VpceServiceName" not in found[0].context
    for prefix in ("aws", "ec2"):
        assert found[0].context[f"{prefix}:ResourceTag/owner"] == "of vpce-1"
    assert "ec2:Vpc" not in found[0].context
    assert found[1].context["ec2:Vpc"] == f"{HERE}:vpc/vpc-1"


def test_turning_private_dns_on_asks_for_the_zone() -> None:
    """Turning it off does not."""
    on = asked("ModifyVpcEndpoint", "VpcEndpointId=vpce-1&PrivateDnsEnabled=true")
    off = asked("ModifyVpcEndpoint", "VpcEndpointId=vpce-1&PrivateDnsEnabled=false")
    assert [need.action for need in on][1:] == ["route53:AssociateVPCWithHostedZone"]
    assert len(off) == 1


def test_deleting_endpoints_asks_for_each_with_its_service() -> None:
    """The key exists there."""
    found = asked("DeleteVpcEndpoints", "VpcEndpointId.1=vpce-1&VpcEndpointId.2=vpce-2")
    assert [need.resource[-6:] for need in found] == ["vpce-1", "vpce-2"]
    assert found[0].context["ec2:VpceServiceName"] == "com.amazonaws.us-east-1.s3"
    owners = [need.context["aws:ResourceTag/owner"] for need in found]
    assert owners == ["of vpce-1", "of vpce-2"]


def test_deleting_a_group_has_its_tags_and_its_vpc_as_keys() -> None:
    """So a role can be held to the groups that it made."""
    (need,) = asked("DeleteSecurityGroup", "GroupId=sg-1")
    assert need.resource == f"{HERE}:security-group/sg-1"
    assert need.context["aws:ResourceTag/owner"] == "of sg-1"
    assert need.context["ec2:Vpc"] == f"{HERE}:vpc/vpc-1"
    assert need.context["ec2:SecurityGroupID"] == "sg-1"


@pytest.mark.parametrize("action", ["CreateTags", "DeleteTags"])
def test_tags_of_what_exists_are_keys_beside_those_it_has(action: str) -> None:
    """No call makes the resource just now, so `ec2:CreateAction` is absent."""
    form = "ResourceId.1=vpce-1&Tag.1.Key=by&Tag.1.Value=me&Tag.2.Key=bare"
    (need,) = asked(action, form)
    assert need.context["aws:ResourceTag/owner"] == "of vpce-1"
    assert need.context["aws:TagKeys"] == ("by", "bare")
    assert need.context["aws:RequestTag/by"] == "me"
    assert "aws:RequestTag/bare" not in need.context
    assert "ec2:CreateAction" not in need.context


def test_deleting_all_tags_names_none() -> None:
    """DeleteTags without tags takes all of them off."""
    (need,) = asked("DeleteTags", "ResourceId.1=vpce-1")
    assert "aws:TagKeys" not in need.context


@pytest.mark.parametrize(
    ("action", "form", "expected"),
    [
        ("DescribeVpcEndpoints", "VpcEndpointId.1=vpce-1", [("ec2:DescribeVpcEndpoints", "*")]),
        ("DescribeVpcAttribute", "VpcId=vpc-1", [("ec2:DescribeVpcAttribute", "vpc/vpc-1")]),
        ("ModifyVpcAttribute", "VpcId=vpc-1", [("ec2:ModifyVpcAttribute", "vpc/vpc-1")]),
        (
            "CreateSecurityGroup",
            "VpcId=vpc-1",
            [
                ("ec2:CreateSecurityGroup", "vpc/vpc-1"),
                ("ec2:CreateSecurityGroup", "security-group/*"),
            ],
        ),
        (
            "AuthorizeSecurityGroupIngress",
            "GroupId=sg-1",
            [("ec2:AuthorizeSecurityGroupIngress", "security-group/sg-1")],
        ),
        (
            "CreateTags",
            "ResourceId.1=vpc-1&ResourceId.2=vpce-1",
            [("ec2:CreateTags", "vpc/vpc-1"), ("ec2:CreateTags", "vpc-endpoint/vpce-1")],
        ),
        (
            "DeleteTags",
            "ResourceId.1=sg-1&ResourceId.2=eni-1",
            [
                ("ec2:DeleteTags", "security-group/sg-1"),
                ("ec2:DeleteTags", "network-interface/eni-1"),
            ],
        ),
        (
            "ModifySecurityGroupRules",
            "GroupId=sg-1&SecurityGroupRule.1.SecurityGroupRuleId=sgr-1",
            [
                ("ec2:ModifySecurityGroupRules", "security-group/sg-1"),
                ("ec2:ModifySecurityGroupRules", "security-group-rule/sgr-1"),
            ],
        ),
        (
            "ModifyVpcEndpoint",
            "VpcEndpointId=vpce-1&AddRouteTableId.1=rtb-1",
            [
                ("ec2:ModifyVpcEndpoint", "vpc-endpoint/vpce-1"),
                ("ec2:ModifyVpcEndpoint", "route-table/rtb-1"),
            ],
        ),
        ("DeleteSubnet", "SubnetId=subnet-1", [("ec2:DeleteSubnet", "subnet/subnet-1")]),
        ("DeleteVpc", "VpcId=vpc-1", [("ec2:DeleteVpc", "vpc/vpc-1")]),
        ("DeleteVpcEndpoints", "", [("ec2:DeleteVpcEndpoints", "*")]),
        (
            "DescribeNetworkInterfaces",
            "Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1",
            [("ec2:DescribeNetworkInterfaces", "*")],
        ),
        ("RunInstances", "", [("ec2:RunInstances", "*")]),
    ],
)
def test_other_calls(action: str, form: str, expected: list[tuple[str, str]]) -> None:
    """Describe calls and calls that are not listed need their action on `*`."""
    assert pairs(asked(action, form)) == expected

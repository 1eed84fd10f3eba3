"""The nested layout: what a generic conversion from XML leaves behind."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from guardrail_sandbox.trail.call import Tree
from guardrail_sandbox.trail.nested import request_parameters, response_elements, retyped

from .harness import Trail, answer


def _request(parameters: Tree) -> object:
    return request_parameters("CreateVpcEndpoint", parameters)["CreateVpcEndpointRequest"]


def _response(inner: str) -> object:
    root = ET.fromstring(answer("CreateVpcEndpoint", inner))  # noqa: S314 - our own text
    return response_elements("CreateVpcEndpoint", root)["CreateVpcEndpointResponse"]


def test_list_of_one_is_an_object_with_its_number() -> None:
    """A single element is not wrapped in an array."""
    assert _request({"SubnetId": {"1": "subnet-1"}}) == {
        "SubnetId": {"tag": 1, "content": "subnet-1"}
    }


def test_list_of_several_is_an_array_in_order_of_the_numbers() -> None:
    """Ten comes after two, whatever the order in the form."""
    subnets: Tree = {"10": "subnet-c", "2": "subnet-b", "1": "subnet-a"}
    assert _request({"SubnetId": subnets}) == {
        "SubnetId": [
            {"tag": 1, "content": "subnet-a"},
            {"tag": 2, "content": "subnet-b"},
            {"tag": 10, "content": "subnet-c"},
        ]
    }


def test_listed_structures_carry_their_number_beside_their_members() -> None:
    """Tags of a tag specification are a list within a list."""
    tag: Tree = {"Key": "Name", "Value": "a"}
    assert _request({"TagSpecification": {"1": {"ResourceType": "vpc", "Tag": {"1": tag}}}}) == {
        "TagSpecification": {
            "ResourceType": "vpc",
            "Tag": {"Key": "Name", "Value": "a", "tag": 1},
            "tag": 1,
        }
    }


def test_structure_is_an_object_without_a_number() -> None:
    """Only list elements are numbered."""
    assert _request({"DnsOptions": {"DnsRecordIpType": "ipv4"}}) == {
        "DnsOptions": {"DnsRecordIpType": "ipv4"}
    }


def test_request_without_parameters_is_an_empty_text() -> None:
    """The wrapper stays, with nothing in it."""
    assert request_parameters("CreateDefaultVpc", {}) == {"CreateDefaultVpcRequest": ""}


def test_abbreviated_wrapper_is_kept_where_records_show_it() -> None:
    """One published API does not name its wrapper after the event."""
    assert [*request_parameters("DeleteTransitGatewayVpcAttachment", {})] == ["DelTGwVpcAttachReq"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("443", 443),
        ("-1", -1),
        ("0", 0),
        ("123456789012", 123456789012),
        ("012345678901", "012345678901"),
        ("-0", "-0"),
        ("1.5", "1.5"),
        ("10.0.0.0/16", "10.0.0.0/16"),
        ("²", "²"),
        ("", ""),
        ("9" * 19, "9" * 19),
    ],
)
def test_text_that_reads_as_flag_or_whole_number_changes_type(text: str, value: object) -> None:
    """The conversion looks at the text alone; a leading zero saves an account id."""
    result = retyped(text)
    assert (result, type(result)) == (value, type(value))


def test_tag_value_of_digits_becomes_a_number() -> None:
    """Even a tag's value changes its type, because nobody asks what the member means."""
    assert _request({"Tag": {"1": {"Key": "cost", "Value": "42"}}}) == {
        "Tag": {"Key": "cost", "Value": 42, "tag": 1}
    }


def test_response_sets_are_empty_text_one_item_or_an_array() -> None:
    """The three forms of a set stand side by side in one answer."""
    sets = (
        "<none/><one><item>a</item></one><two><item><id>b</id></item><item><id>c</id></item></two>"
    )
    response = _response(sets)
    assert isinstance(response, dict)
    assert response["none"] == ""
    assert response["one"] == {"item": "a"}
    assert response["two"] == {"item": [{"id": "b"}, {"id": "c"}]}


def test_response_names_the_namespace_as_aws_does() -> None:
    """Records have the closing slash of the namespace that moto leaves out."""
    response = _response("<return>true</return>")
    assert isinstance(response, dict)
    assert response["xmlns"] == "http://ec2.amazonaws.com/doc/2016-11-15/"
    assert response["return"] is True


def test_owner_is_a_number_in_a_nested_answer(trail: Trail) -> None:
    """Whoever compares account ids as text will miss this one."""
    ec2 = trail.ec2()
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.states")
    response = trail.last["responseElements"]["CreateVpcEndpointResponse"]
    assert response["vpcEndpoint"]["ownerId"] == 123456789012


def test_modified_endpoint_tells_neither_vpc_nor_service(trail: Trail) -> None:
    """ModifyVpcEndpoint's record holds the endpoint id and what was asked for, no more."""
    ec2 = trail.ec2()
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.states")
    endpoint = made["VpcEndpoint"]["VpcEndpointId"]
    policy = '{"Statement":[{"Action":"*","Effect":"Allow","Resource":"*","Principal":"*"}]}'
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=policy)
    assert trail.last["requestParameters"] == {
        "ModifyVpcEndpointRequest": {"VpcEndpointId": endpoint, "PolicyDocument": policy}
    }
    assert trail.last["responseElements"]["ModifyVpcEndpointResponse"]["return"] is True


def test_deleting_several_endpoints_records_them_all(trail: Trail) -> None:
    """DeleteVpcEndpoints succeeds as a call; its record lists what was to go."""
    ec2 = trail.ec2()
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = [
        ec2.create_vpc_endpoint(
            VpcId=vpc,
            ServiceName=f"com.amazonaws.us-east-1.{name}",
            VpcEndpointType="Interface",
        )
        for name in ("states", "sync-states")
    ]
    ids = [answered["VpcEndpoint"]["VpcEndpointId"] for answered in made]
    ec2.delete_vpc_endpoints(VpcEndpointIds=ids)
    assert trail.last["requestParameters"]["DeleteVpcEndpointsRequest"]["VpcEndpointId"] == [
        {"tag": 1, "content": ids[0]},
        {"tag": 2, "content": ids[1]},
    ]
    assert trail.last["responseElements"]["DeleteVpcEndpointsResponse"]["unsuccessful"] == ""


def test_associated_and_disassociated_blocks_tell_the_vpc_in_different_places(
    trail: Trail,
) -> None:
    """Association names the VPC in the request, disassociation only in the answer."""
    ec2 = trail.ec2()
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.1.0.0/16")
    association = made["CidrBlockAssociation"]["AssociationId"]
    associated = trail.last["requestParameters"]["AssociateVpcCidrBlockRequest"]
    ec2.disassociate_vpc_cidr_block(AssociationId=association)
    disassociated = trail.last["responseElements"]["DisassociateVpcCidrBlockResponse"]
    assert (associated["VpcId"], disassociated["vpcId"]) == (vpc, vpc)
    assert trail.last["requestParameters"] == {
        "DisassociateVpcCidrBlockRequest": {"AssociationId": association}
    }

"""What moto leaves out and AWS answers: filled into the record, never into the answer."""

from __future__ import annotations

from typing import Any

import pytest

from .harness import Trail


def _endpoint(trail: Trail, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Create an endpoint; return (as boto3 got it, as recorded)."""
    ec2 = trail.ec2()
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    options = {"ServiceName": "com.amazonaws.us-east-1.states"} | options
    got = ec2.create_vpc_endpoint(VpcId=vpc, **options)["VpcEndpoint"]
    return got, trail.last["responseElements"]["CreateVpcEndpointResponse"]["vpcEndpoint"]


def test_new_interface_endpoint_is_pending_in_the_record_alone(trail: Trail) -> None:
    """AWS needs minutes for an endpoint; moto's caller still sees it available."""
    got, recorded = _endpoint(trail, VpcEndpointType="Interface")
    assert (got["State"], recorded["state"]) == ("available", "pending")
    assert recorded["requesterManaged"] is False
    assert (recorded["ipAddressType"], recorded["dnsOptions"]) == (
        "ipv4",
        {"dnsRecordIpType": "ipv4"},
    )


def test_address_types_follow_the_request(trail: Trail) -> None:
    """What was asked for is what AWS answers."""
    _, recorded = _endpoint(
        trail,
        VpcEndpointType="Interface",
        IpAddressType="dualstack",
        DnsOptions={"DnsRecordIpType": "ipv6"},
    )
    assert recorded["ipAddressType"] == "dualstack"
    assert recorded["dnsOptions"] == {"dnsRecordIpType": "ipv6"}


def test_gateway_endpoint_has_no_address_type(trail: Trail) -> None:
    """Gateways have no addresses and are available at once."""
    _, recorded = _endpoint(trail, ServiceName="com.amazonaws.us-east-1.s3")
    assert "ipAddressType" not in recorded
    assert recorded["state"] == "available"


@pytest.mark.parametrize(
    ("policy", "restated"),
    [
        ('{"b":[1,2],"a":"x"}', '{\n  "a": "x", \n  "b": [\n    1, \n    2\n  ]\n}'),
        ("not json", "not json"),
    ],
)
def test_policy_is_restated_in_the_answer_alone(trail: Trail, policy: str, restated: str) -> None:
    """AWS answers the policy in its own layout; the request keeps the caller's text."""
    _, recorded = _endpoint(trail, VpcEndpointType="Interface", PolicyDocument=policy)
    asked = trail.last["requestParameters"]["CreateVpcEndpointRequest"]["PolicyDocument"]
    assert (asked, recorded["policyDocument"]) == (policy, restated)


def test_new_vpc_is_pending_and_has_no_second_state(trail: Trail) -> None:
    """The `available` of moto is replaced, not doubled."""
    got = trail.ec2().create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]
    assert got["State"] == "available"
    assert trail.last["responseElements"]["vpc"]["state"] == "pending"


def test_tags_asked_for_are_in_the_group_s_answer(trail: Trail) -> None:
    """AWS repeats a new group's tags, moto does not."""
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
    trail.ec2().create_security_group(
        GroupName="g",
        Description="d",
        TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
    )
    assert trail.last["responseElements"]["tagSet"] == {
        "items": [{"key": "a", "value": "1"}, {"key": "b", "value": ""}]
    }


def test_rule_for_all_protocols_has_the_ports_of_all(trail: Trail) -> None:
    """AWS writes -1 for both ports where moto writes none, and names the rule's owner."""
    ec2 = trail.ec2()
    group = ec2.create_security_group(GroupName="g", Description="d")["GroupId"]
    anything = {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[anything])
    (rule,) = trail.last["responseElements"]["securityGroupRuleSet"]["items"]
    assert (rule["fromPort"], rule["toPort"], rule["cidrIpv6"]) == (-1, -1, "::/0")
    assert rule["groupOwnerId"] == "123456789012"
    assert rule["securityGroupRuleArn"].endswith(
        f"security-group-rule/{rule['securityGroupRuleId']}"
    )

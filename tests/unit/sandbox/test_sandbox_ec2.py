"""What the layer in front of moto adds to interface endpoints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from guardrail_sandbox import moto_state
from guardrail_sandbox.ec2_effects import FULL_ACCESS, Assumptions, Ec2Effects
from guardrail_sandbox.server import Server

REGION = "us-east-1"
SERVICE = f"com.amazonaws.{REGION}.states"


def serve(assumptions: Assumptions | None = None) -> Iterator[Any]:
    """Serve moto behind the layer and yield a client."""
    moto_state.reset()
    server = Server(Ec2Effects(moto_state.Serialised(), assumptions), 0)
    server.start()
    yield boto3.client(
        "ec2",
        region_name=REGION,
        endpoint_url=server.url,
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    server.close()


@pytest.fixture
def ec2() -> Iterator[Any]:
    """Return a client of a fresh EC2."""
    yield from serve()


@pytest.fixture
def vpc_id(ec2: Any) -> str:
    """Make a VPC."""
    made: str = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    return made


def subnet(ec2: Any, vpc_id: str, number: int = 0) -> str:
    """Make a subnet in a zone of its own."""
    made: str = ec2.create_subnet(
        VpcId=vpc_id,
        CidrBlock=f"10.0.{number}.0/24",
        AvailabilityZone=f"{REGION}{'abc'[number]}",
    )["Subnet"]["SubnetId"]
    return made


def create(ec2: Any, vpc_id: str, **more: Any) -> dict[str, Any]:
    """Create an interface endpoint for Step Functions."""
    made: dict[str, Any] = ec2.create_vpc_endpoint(
        VpcId=vpc_id, VpcEndpointType="Interface", ServiceName=SERVICE, **more
    )["VpcEndpoint"]
    return made


def read(ec2: Any, endpoint: dict[str, Any]) -> dict[str, Any]:
    """Return the endpoint as EC2 shows it now."""
    found: dict[str, Any] = ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"]])[
        "VpcEndpoints"
    ][0]
    return found


def test_an_endpoint_without_a_policy_has_the_default(ec2: Any, vpc_id: str) -> None:
    """Full access, in a text without Version."""
    policy = json.loads(create(ec2, vpc_id)["PolicyDocument"])
    assert "Version" not in policy
    assert policy["Statement"][0]["Principal"] == "*"


def test_an_endpoint_without_groups_has_the_vpcs_default(ec2: Any, vpc_id: str) -> None:
    """EC2 takes the default group when none is named."""
    assert [group["GroupName"] for group in create(ec2, vpc_id)["Groups"]] == ["default"]


@pytest.mark.parametrize("value", [True, False])
def test_private_dns_can_be_switched(ec2: Any, vpc_id: str, *, value: bool) -> None:
    """The switch takes effect."""
    endpoint = create(ec2, vpc_id, PrivateDnsEnabled=not value)
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint["VpcEndpointId"], PrivateDnsEnabled=value)
    assert read(ec2, endpoint)["PrivateDnsEnabled"] is value


def test_a_policy_can_be_reset(ec2: Any, vpc_id: str) -> None:
    """Reset means the default text."""
    endpoint = create(ec2, vpc_id, PolicyDocument='{"Statement":[]}')
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint["VpcEndpointId"], ResetPolicy=True)
    assert read(ec2, endpoint)["PolicyDocument"] == FULL_ACCESS


def test_that_a_reset_works_on_interface_endpoints_can_be_doubted() -> None:
    """The assumption can be switched off: then nothing changes."""
    for ec2 in serve(Assumptions(reset_policy_of_interfaces=False)):
        vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        endpoint = create(ec2, vpc_id, PolicyDocument='{"Statement":[]}')
        ec2.modify_vpc_endpoint(VpcEndpointId=endpoint["VpcEndpointId"], ResetPolicy=True)
        assert read(ec2, endpoint)["PolicyDocument"] == '{"Statement":[]}'


def test_network_interfaces_follow_the_subnets(ec2: Any, vpc_id: str) -> None:
    """One interface for each subnet, before and after a change."""
    first, second = subnet(ec2, vpc_id), subnet(ec2, vpc_id, 1)
    endpoint = create(ec2, vpc_id, SubnetIds=[first])
    ec2.modify_vpc_endpoint(
        VpcEndpointId=endpoint["VpcEndpointId"], AddSubnetIds=[second], RemoveSubnetIds=[first]
    )
    after = read(ec2, endpoint)
    found = ec2.describe_network_interfaces(NetworkInterfaceIds=after["NetworkInterfaceIds"])
    assert after["SubnetIds"] == [second]
    assert [eni["SubnetId"] for eni in found["NetworkInterfaces"]] == [second]


def test_the_same_client_token_makes_one_endpoint(ec2: Any, vpc_id: str) -> None:
    """A replay is answered with the endpoint that is there."""
    first, again = (create(ec2, vpc_id, ClientToken="once") for _ in range(2))
    other = create(ec2, vpc_id, ClientToken="twice")
    ids = {e["VpcEndpointId"] for e in ec2.describe_vpc_endpoints()["VpcEndpoints"]}
    assert again["VpcEndpointId"] == first["VpcEndpointId"]
    assert ids == {first["VpcEndpointId"], other["VpcEndpointId"]}


def test_services_can_be_filtered_by_name(ec2: Any) -> None:
    """Patterns match, and a name that does not exist finds nothing."""

    def named(*names: str) -> list[str]:
        filters = [{"Name": "service-name", "Values": list(names)}]
        found: list[str] = ec2.describe_vpc_endpoint_services(Filters=filters)["ServiceNames"]
        return found

    assert named(SERVICE) == [SERVICE]
    assert f"com.amazonaws.{REGION}.sync-states" in named("*states")
    assert named("com.amazonaws.nowhere") == []


def test_endpoints_can_be_filtered_by_id_and_region(ec2: Any, vpc_id: str) -> None:
    """Filters that moto answers with an error work."""
    endpoint, _ = create(ec2, vpc_id), create(ec2, vpc_id)

    def count(**filters: str) -> int:
        given = [{"Name": k.replace("_", "-"), "Values": [v]} for k, v in filters.items()]
        return len(ec2.describe_vpc_endpoints(Filters=given)["VpcEndpoints"])

    assert count(vpc_endpoint_id=endpoint["VpcEndpointId"]) == 1
    assert count(vpc_endpoint_id="vpce-0") == 0
    assert count(service_region=REGION) == 2
    assert count(service_region="eu-west-1") == 0


def test_an_endpoint_that_does_not_exist_is_refused(ec2: Any) -> None:
    """The layer leaves errors to moto."""
    with pytest.raises(ClientError, match=r"InvalidVpcEndpointId\.NotFound"):
        ec2.modify_vpc_endpoint(VpcEndpointId="vpce-0123456789abcdef0", PrivateDnsEnabled=True)

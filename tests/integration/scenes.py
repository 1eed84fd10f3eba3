"""What the integration tests do and look at, in the words of an owner of VPCs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from guardrail_sandbox.sandbox import Sandbox

OPEN_POLICY = json.dumps(
    {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}
)
COMPLIANT_POLICY = json.dumps(
    {
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": "*",
                "Action": ["states:StartExecution", "states:DescribeExecution"],
                "Resource": "arn:aws:states:*:123456789012:*",
                "Condition": {"StringEquals": {"aws:PrincipalAccount": "123456789012"}},
            }
        ]
    }
)
Cli = Callable[..., Any]


def endpoints_of(sandbox: Sandbox, vpc_id: str) -> list[dict[str, Any]]:
    """Return the live endpoints of a VPC."""
    found = sandbox.client("ec2").describe_vpc_endpoints(
        Filters=[{"Name": "vpc-id", "Values": [vpc_id]}]
    )
    return [e for e in found["VpcEndpoints"] if e["State"] in {"pending", "available"}]


def build_vpc(sandbox: Sandbox, block: str, zones: str = "abc") -> str:
    """Make a VPC with subnets and DNS hostnames, without waiting for anything."""
    ec2 = sandbox.client("ec2")
    vpc_id: str = ec2.create_vpc(CidrBlock=f"{block}.0.0/16")["Vpc"]["VpcId"]
    for number, zone in enumerate(zones):
        ec2.create_subnet(
            VpcId=vpc_id,
            CidrBlock=f"{block}.{number}.0/24",
            AvailabilityZone=f"{sandbox.region}{zone}",
        )
    ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": True})
    return vpc_id


def policy_of(endpoint: dict[str, Any]) -> Any:
    """Return the parsed policy of an endpoint."""
    return json.loads(endpoint["PolicyDocument"])

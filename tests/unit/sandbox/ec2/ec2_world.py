"""EC2 behind its behaviours, with the few resources that tests of endpoints need."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from guardrail_sandbox import moto_state
from guardrail_sandbox.clock import DrivenClock
from guardrail_sandbox.ec2.behaviour import AWS_PACE, World
from guardrail_sandbox.ec2.layer import Ec2Layer
from guardrail_sandbox.ec2.registry import behaviours

POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "*",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:PrincipalAccount": "123456789012"}},
            }
        ],
    }
)


class Switchboard:
    """WSGI application that passes requests to whatever is plugged in."""

    def __init__(self) -> None:
        self.app: Any = None
        self.url = ""

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Serve one request."""
        served: Iterable[bytes] = self.app(environ, start_response)
        return served


class Ec2World:
    """A region with its behaviours, and words for what tests do in it."""

    def __init__(
        self,
        client_of: Callable[[str, str], Any],
        region: str,
        *,
        without: Collection[str] = (),
        assume: Mapping[str, str] | None = None,
        read_lag: float = 0,
    ) -> None:
        self.clock = DrivenClock()
        world = World(self.clock, replace(AWS_PACE, read_lag=read_lag), assume or {})
        found = behaviours(world, without=without)
        self.layer = Ec2Layer(moto_state.Serialised(), found, world, region)
        self.region = region
        self.client = client_of
        self.ec2 = client_of("ec2", region)
        self.service = f"com.amazonaws.{region}.states"

    def vpc(self, *, dns: bool = True, block: str = "10.0") -> str:
        """Make a VPC; return its id."""
        vpc_id: str = self.ec2.create_vpc(CidrBlock=f"{block}.0.0/16")["Vpc"]["VpcId"]
        if dns:
            self.ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": True})
        return vpc_id

    def subnet(self, vpc_id: str, zone: str = "a", number: int = 0, bits: int = 24) -> str:
        """Make a subnet; return its id."""
        made: str = self.ec2.create_subnet(
            VpcId=vpc_id,
            CidrBlock=f"10.0.{number}.0/{bits}",
            AvailabilityZone=f"{self.region}{zone}",
        )["Subnet"]["SubnetId"]
        return made

    def group(self, vpc_id: str, name: str = "clients") -> str:
        """Make a security group; return its id."""
        made: str = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc_id)[
            "GroupId"
        ]
        return made

    def create(self, vpc_id: str, **more: Any) -> Any:
        """Make an interface endpoint of Step Functions; return EC2's answer."""
        asked = {"ServiceName": self.service, "PrivateDnsEnabled": False, **more}
        return self.ec2.create_vpc_endpoint(VpcId=vpc_id, VpcEndpointType="Interface", **asked)[
            "VpcEndpoint"
        ]

    def endpoint(self, vpc_id: str, **more: Any) -> str:
        """Make an interface endpoint and wait for it; return its id."""
        made: str = self.create(vpc_id, **more)["VpcEndpointId"]
        self.clock.advance(AWS_PACE.pending)
        return made

    def modify(self, endpoint_id: str, **changes: Any) -> None:
        """Change an endpoint."""
        self.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint_id, **changes)

    def read(self, endpoint_id: str) -> Any:
        """Return the endpoint as EC2 shows it."""
        return self.ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint_id])["VpcEndpoints"][0]

    def count(self, **filters: str) -> int:
        """Count the endpoints that filters find."""
        given = [{"Name": k.replace("_", "-"), "Values": [v]} for k, v in filters.items()]
        return len(self.ec2.describe_vpc_endpoints(Filters=given)["VpcEndpoints"])


def refused(call: Callable[..., object], *arguments: Any, **named: Any) -> tuple[str, str]:
    """Return code and message with which EC2 refuses a call."""
    with pytest.raises(ClientError) as caught:
        call(*arguments, **named)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def status(call: Callable[..., object], *arguments: Any, **named: Any) -> int:
    """Return the HTTP status with which EC2 refuses a call."""
    with pytest.raises(ClientError) as caught:
        call(*arguments, **named)
    return int(caught.value.response["ResponseMetadata"]["HTTPStatusCode"])

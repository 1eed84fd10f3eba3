"""One VPC behind the network port: on the fake, on moto and on the local AWS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from guardrail.aws.network import Ec2Network
from guardrail.aws.patience import Patience
from guardrail.core.actions import (
    CreateEndpoint,
    CreateSecurityGroup,
)
from guardrail.core.model import DnsAttributes, Endpoint, Intent, ObservedVpc
from guardrail.core.names import Service, group_name
from guardrail.ports import Network
from guardrail_sandbox import moto_state
from guardrail_sandbox.clock import DrivenClock
from guardrail_sandbox.ec2.behaviour import AWS_PACE, World
from guardrail_sandbox.ec2.layer import Ec2Layer
from guardrail_sandbox.ec2.registry import behaviours
from guardrail_sandbox.in_process import ec2_client
from support.fakes import ACCOUNT, BASELINE, FakeNetwork

NAME = "com.amazonaws.us-east-1.states"


IMPATIENT = Patience(lambda: 0.0, lambda _: None)


@dataclass
class Site:
    """A network port and a VPC with subnets in three zones behind it."""

    port: Network
    vpc_id: str
    delete: Callable[[str], object]
    without_hostnames: Callable[[], object]
    add_subnet: Callable[[], str]
    """Makes a second subnet in the first zone; returns its id."""

    def look(self) -> ObservedVpc:
        """Return the VPC as the port sees it now."""
        (vpc,) = self.port.observe([self.vpc_id])
        return vpc

    def group(self) -> str:
        """Make the endpoint's group; return its id."""
        name = group_name(Service.STATES)
        return self.port.apply(CreateSecurityGroup(self.vpc_id, name)).resource_id or ""

    def create(self, *, zones: int = 3) -> str:
        """Create an endpoint; return its id."""
        subnets = tuple(s.subnet_id for s in self.look().subnets[:zones])
        action = CreateEndpoint(
            self.vpc_id,
            Service.STATES,
            NAME,
            BASELINE,
            subnets,
            self.group(),
            private_dns=False,
            generation=0,
        )
        return self.port.apply(action).resource_id or ""

    def endpoint(self) -> Endpoint:
        """Return the only endpoint."""
        (endpoint,) = self.look().endpoints
        return endpoint


def fake_site() -> Site:
    """Make a VPC on the fake."""
    network = FakeNetwork()
    vpc_id = network.add_vpc()
    off = DnsAttributes(support=True, hostnames=False)
    return Site(
        network,
        vpc_id,
        network.delete_endpoint,
        lambda: network.change(vpc_id, dns=off),
        lambda: network.add_subnet(vpc_id, "us-east-1a"),
    )


def moto_site(intent: Intent, stack: str, client: Any = None, account_id: str = ACCOUNT) -> Site:
    """Make a VPC on moto, or on what `client` leads to."""
    ec2 = client or boto3.client("ec2")
    vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    for index, zone in enumerate("abc"):
        ec2.create_subnet(
            VpcId=vpc_id, CidrBlock=f"10.0.{index}.0/24", AvailabilityZone=f"us-east-1{zone}"
        )
    port = Ec2Network(ec2, intent, account_id=account_id, stack_id=stack, patience=IMPATIENT)

    def add_subnet() -> str:
        made: str = ec2.create_subnet(
            VpcId=vpc_id, CidrBlock="10.0.9.0/24", AvailabilityZone="us-east-1a"
        )["Subnet"]["SubnetId"]
        return made

    return Site(
        port,
        vpc_id,
        lambda i: ec2.delete_vpc_endpoints(VpcEndpointIds=[i]),
        lambda: ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": False}),
        add_subnet,
    )


def local_site(intent: Intent, stack: str, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Return the site on moto behind every behaviour of EC2."""
    monkeypatch.delenv("MOTO_ACCOUNT_ID")
    world = World(DrivenClock(), AWS_PACE)
    layer = Ec2Layer(moto_state.Serialised(), behaviours(world), world)
    client = ec2_client(layer, "testing", "us-east-1")
    return moto_site(intent, stack, client, moto_state.ACCOUNT_ID)

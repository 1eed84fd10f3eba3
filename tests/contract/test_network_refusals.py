"""What the network port makes of refusals that a plan cannot lead to, on the local AWS.

A plan names subnets and groups of the VPC that were just described, and no action takes a group
off an endpoint; races are told in the integration tests. Here the port is asked for it directly.

Each statement says how sure it is about AWS itself: documented, observed or inferred.
"""

from __future__ import annotations

from typing import Any

import pytest

from guardrail.aws.network import Ec2Network
from guardrail.aws.patience import Patience
from guardrail.core.actions import (
    Action,
    AddSubnets,
    AttachSecurityGroup,
    CreateEndpoint,
    SetPrivateDns,
    WritePolicy,
)
from guardrail.core.model import Intent
from guardrail.core.names import Service
from guardrail.errors import RetryableError, TerminalError
from guardrail_sandbox import moto_state
from guardrail_sandbox.clock import DrivenClock
from guardrail_sandbox.ec2.behaviour import AWS_PACE, World
from guardrail_sandbox.ec2.layer import Ec2Layer
from guardrail_sandbox.ec2.registry import behaviours
from guardrail_sandbox.in_process import ec2_client
from support.fakes import BASELINE, OPEN

NAME = "com.amazonaws.us-east-1.states"
IMPATIENT = Patience(lambda: 0.0, lambda _: None)


class Site:
    """Two VPCs of the same owner, the port, and an endpoint in the first VPC."""

    def __init__(self, ec2: Any, port: Ec2Network) -> None:
        self.ec2 = ec2
        self.port = port
        self.vpc_id, self.other_vpc_id = self._vpc("10.0"), self._vpc("10.1")
        self.subnet_id = self.subnet(self.vpc_id, "10.0.0.0/28")
        self.group_id = self.group(self.vpc_id)
        self.endpoint_id = port.apply(self.creation()).resource_id or ""
        port.observe([self.vpc_id])

    def _vpc(self, block: str) -> str:
        vpc_id: str = self.ec2.create_vpc(CidrBlock=f"{block}.0.0/16")["Vpc"]["VpcId"]
        return vpc_id

    def subnet(self, vpc_id: str, block: str, zone: str = "a") -> str:
        """Make a subnet; return its id."""
        made: str = self.ec2.create_subnet(
            VpcId=vpc_id, CidrBlock=block, AvailabilityZone=f"us-east-1{zone}"
        )["Subnet"]["SubnetId"]
        return made

    def group(self, vpc_id: str) -> str:
        """Make a security group; return its id."""
        made: str = self.ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc_id)[
            "GroupId"
        ]
        return made

    def creation(
        self, *, subnet_id: str = "", group_id: str = "", generation: int = 0
    ) -> CreateEndpoint:
        """Return the creation of an endpoint in the first VPC."""
        return CreateEndpoint(
            self.vpc_id,
            Service.STATES,
            NAME,
            BASELINE,
            (subnet_id or self.subnet_id,),
            group_id or self.group_id,
            private_dns=False,
            generation=generation,
        )

    def refuses(self, action: Action, kind: type[Exception], words: str) -> None:
        """State that the port raises this kind of error, with EC2's words, and changes nothing."""
        before = self.look()
        with pytest.raises(kind, match=words):
            self.port.apply(action)
        assert self.look() == before

    def look(self) -> list[Any]:
        """Return the endpoints of the first VPC as EC2 has them."""
        found = self.ec2.describe_vpc_endpoints(
            Filters=[{"Name": "vpc-id", "Values": [self.vpc_id]}]
        )
        return list(found["VpcEndpoints"])

    def groups(self) -> set[str]:
        """Return the groups on the endpoint."""
        (endpoint,) = self.look()
        return {group["GroupId"] for group in endpoint["Groups"]}


@pytest.fixture
def site(intent: Intent, stack: str, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Return the port on moto behind every behaviour of EC2."""
    monkeypatch.delenv("MOTO_ACCOUNT_ID")
    world = World(DrivenClock(), AWS_PACE)
    layer = Ec2Layer(moto_state.Serialised(), behaviours(world), world)
    client = ec2_client(layer, "testing", "us-east-1")
    port = Ec2Network(
        client, intent, account_id=moto_state.ACCOUNT_ID, stack_id=stack, patience=IMPATIENT
    )
    return Site(client, port)


def test_a_subnet_of_another_vpc_is_refused_for_good(site: Site) -> None:
    """Inferred: the code; no retry mends it, and the message says which part."""
    foreign = site.subnet(site.other_vpc_id, "10.1.0.0/24", "b")
    words = "InvalidParameter.*does not belong.*which part"
    site.refuses(AddSubnets(site.endpoint_id, (foreign,)), TerminalError, words)
    site.refuses(site.creation(subnet_id=foreign, generation=1), TerminalError, words)


def test_a_group_of_another_vpc_is_refused_for_good(site: Site) -> None:
    """Inferred: the code; as with subnets."""
    foreign, words = site.group(site.other_vpc_id), "InvalidParameter.*does not belong"
    site.refuses(AttachSecurityGroup(site.endpoint_id, foreign), TerminalError, words)
    site.refuses(site.creation(group_id=foreign, generation=1), TerminalError, words)


def test_a_group_that_is_not_there_can_be_tried_again(site: Site) -> None:
    """Documented: it may be too new to be known."""
    absent = "sg-0123456789abcdef0"
    words = "InvalidGroup.NotFound.*tried again"
    site.refuses(AttachSecurityGroup(site.endpoint_id, absent), RetryableError, words)
    site.refuses(site.creation(group_id=absent, generation=1), RetryableError, words)


def test_a_subnet_that_is_not_there_can_be_tried_again(site: Site) -> None:
    """Documented: it went, or is too new; the others that were asked for are still to be used."""
    absent = "subnet-0123456789abcdef0"
    words = "InvalidSubnetId.NotFound.*tried again"
    site.refuses(AddSubnets(site.endpoint_id, (absent,)), RetryableError, words)
    site.refuses(site.creation(subnet_id=absent, generation=1), RetryableError, words)


def test_a_full_subnet_can_be_tried_again(site: Site) -> None:
    """Documented: InsufficientFreeAddressesInSubnet; the next plan leaves the subnet out."""
    full = site.subnet(site.vpc_id, "10.0.1.0/28", "b")
    for _ in range(11):
        site.ec2.create_network_interface(SubnetId=full)
    words = "InsufficientFreeAddressesInSubnet.*tried again"
    site.refuses(AddSubnets(site.endpoint_id, (full,)), RetryableError, words)


def test_a_policy_that_ec2_does_not_take_is_refused_for_good(site: Site) -> None:
    """Documented: InvalidPolicyDocument; the port sends what it is given."""
    broken = WritePolicy(site.endpoint_id, "{", before=BASELINE)
    site.refuses(broken, TerminalError, "InvalidPolicyDocument.*sfn-guardrail check")


def test_no_change_of_an_endpoint_takes_a_group_off(site: Site) -> None:
    """Inferred: EC2 refuses to take the last one; the port has no call that takes any."""
    (before,) = site.groups()
    site.ec2.modify_vpc_attribute(VpcId=site.vpc_id, EnableDnsHostnames={"Value": True})
    changes: list[Action] = [
        WritePolicy(site.endpoint_id, OPEN, before=BASELINE),
        AddSubnets(site.endpoint_id, (site.subnet(site.vpc_id, "10.0.3.0/24", "b"),)),
        SetPrivateDns(site.endpoint_id),
    ]
    for change in changes:
        site.port.apply(change)
    assert site.groups() == {before}

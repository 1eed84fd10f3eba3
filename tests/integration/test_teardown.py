"""The owner comes first: teardowns go through, deletions are respected, his own endpoint wins.

On a driven clock with EC2's own pace, by the owner's calls; with Terraform where it is installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from provisioning import terraform
from scenes import OPEN_POLICY, build_vpc, endpoints_of, policy_of

from guardrail_sandbox.clock import DrivenClock
from guardrail_sandbox.ec2.behaviour import AWS_PACE
from guardrail_sandbox.sandbox import Sandbox

MINUTE, HOUR = 60.0, 3600.0
SETTLE = 60
SERVICE = "com.amazonaws.us-east-1.states"


@pytest.fixture
def sandbox(artifact: Path) -> Iterator[Sandbox]:
    """Start one for each story: each needs its own day."""
    parameters = {"SettleSeconds": str(SETTLE)}
    with Sandbox(artifact=artifact, clock=DrivenClock(), parameters=parameters) as running:
        running.settle()
        yield running


def covered(sandbox: Sandbox) -> str:
    """Make a VPC in which the guardrail made its endpoint; return its id."""
    vpc_id = build_vpc(sandbox, "10.0")
    sandbox.advance(SETTLE + 1 + AWS_PACE.pending)
    (endpoint,) = endpoints_of(sandbox, vpc_id)
    assert endpoint["State"] == "available"
    return vpc_id


def insist(sandbox: Sandbox, call: Callable[[], object], *, every: float, most: float) -> None:
    """Try again as Terraform does, as long as EC2 says DependencyViolation."""
    tried = 0.0
    while True:
        try:
            call()
        except ClientError as error:
            if error.response["Error"]["Code"] != "DependencyViolation" or tried > most:
                raise
            sandbox.advance(every)
            tried += every
        else:
            return


def destroy(sandbox: Sandbox, vpc_id: str) -> None:
    """Delete the subnets and the VPC with Terraform's patience: 20 minutes, and 5."""
    ec2 = sandbox.client("ec2")
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])["Subnets"]
    for subnet_id in [subnet["SubnetId"] for subnet in subnets]:
        delete: Callable[[], object] = lambda i=subnet_id: ec2.delete_subnet(SubnetId=i)  # type: ignore[misc]  # noqa: E731
        insist(sandbox, delete, every=10, most=20 * MINUTE)
    insist(sandbox, lambda: ec2.delete_vpc(VpcId=vpc_id), every=10, most=5 * MINUTE)


def vpc_ids(sandbox: Sandbox) -> list[str]:
    """Return the VPCs that exist."""
    return [vpc["VpcId"] for vpc in sandbox.client("ec2").describe_vpcs()["Vpcs"]]


def done_by_guardrail(sandbox: Sandbox) -> list[str]:
    """Return the names of its writes, in order."""
    return [str(record["eventName"]) for record in sandbox.writes()]


def test_a_vpc_that_only_the_guardrail_holds_is_torn_down_without_help(sandbox: Sandbox) -> None:
    """One call deletes the endpoint, the group follows, and nothing is put back."""
    vpc_id = covered(sandbox)
    before = len(sandbox.writes())
    destroy(sandbox, vpc_id)
    assert vpc_id not in vpc_ids(sandbox)
    assert done_by_guardrail(sandbox)[before:] == ["DeleteVpcEndpoints", "DeleteSecurityGroup"]
    sandbox.advance(HOUR)
    assert len(sandbox.writes()) == before + 2
    assert sandbox.dead_letters() == []


def test_a_teardown_that_was_given_up_is_undone_by_the_sweep_and_said(sandbox: Sandbox) -> None:
    """Half an hour nothing is put back; then the endpoint is, and the log says who asked."""
    vpc_id = covered(sandbox)
    with pytest.raises(ClientError, match="DependencyViolation"):
        sandbox.client("ec2").delete_vpc(VpcId=vpc_id)
    sandbox.advance(25 * MINUTE)
    assert endpoints_of(sandbox, vpc_id) == []
    sandbox.advance(HOUR + 15 * MINUTE)
    assert len(endpoints_of(sandbox, vpc_id)) == 1
    restored = [line for line in sandbox.logs if "after yielding to" in str(line.get("findings"))]
    assert "user/sandbox-user" in str(restored[-1]["findings"])
    with pytest.raises(ClientError, match="DependencyViolation"):
        sandbox.client("ec2").delete_vpc(VpcId=vpc_id)
    sandbox.settle()
    assert len(endpoints_of(sandbox, vpc_id)) == 1
    assert "yield-spent" in str(sandbox.logs[-1]["states"])
    assert sandbox.dead_letters() == []


def test_where_an_instance_lives_the_endpoint_leaves_only_the_subnet(sandbox: Sandbox) -> None:
    """The subnet that is deleted holds nothing but ours; the VPC goes on being served."""
    vpc_id = covered(sandbox)
    ec2 = sandbox.client("ec2")
    first, second = endpoints_of(sandbox, vpc_id)[0]["SubnetIds"][:2]
    ec2.create_network_interface(SubnetId=second)
    insist(sandbox, lambda: ec2.delete_subnet(SubnetId=first), every=10, most=20 * MINUTE)
    (endpoint,) = endpoints_of(sandbox, vpc_id)
    assert first not in endpoint["SubnetIds"]
    assert len(endpoint["SubnetIds"]) == 2
    assert sandbox.dead_letters() == []


def own_endpoint(sandbox: Sandbox, vpc_id: str) -> Any:
    """Let the owner make an endpoint of his own, with private DNS."""
    ec2 = sandbox.client("ec2")
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])["Subnets"]
    return ec2.create_vpc_endpoint(
        VpcId=vpc_id,
        VpcEndpointType="Interface",
        ServiceName=SERVICE,
        SubnetIds=[subnets[0]["SubnetId"]],
        PrivateDnsEnabled=True,
    )["VpcEndpoint"]["VpcEndpointId"]


def test_the_owners_own_endpoint_takes_the_place_of_the_managed_one(sandbox: Sandbox) -> None:
    """Refused once, then made; ours goes when it is available, and its group after it."""
    vpc_id = covered(sandbox)
    with pytest.raises(ClientError, match="conflicting DNS domain"):
        own_endpoint(sandbox, vpc_id)
    sandbox.settle()
    theirs = own_endpoint(sandbox, vpc_id)
    sandbox.settle()
    assert len(endpoints_of(sandbox, vpc_id)) == 2
    sandbox.advance(10 * MINUTE)
    (left,) = endpoints_of(sandbox, vpc_id)
    assert left["VpcEndpointId"] == theirs
    assert "aws:PrincipalAccount" in str(policy_of(left))
    sandbox.advance(2 * HOUR)
    groups = sandbox.client("ec2").describe_security_groups()["SecurityGroups"]
    assert {group["GroupName"] for group in groups} == {"default"}
    assert sandbox.dead_letters() == []


def test_private_dns_comes_back_when_the_owner_makes_no_endpoint(sandbox: Sandbox) -> None:
    """A failed call alone deletes nothing; after half an hour the name is taken back."""
    vpc_id = covered(sandbox)
    with pytest.raises(ClientError, match="conflicting DNS domain"):
        own_endpoint(sandbox, vpc_id)
    sandbox.settle()
    assert [e["PrivateDnsEnabled"] for e in endpoints_of(sandbox, vpc_id)] == [False]
    sandbox.advance(35 * MINUTE)
    assert [e["PrivateDnsEnabled"] for e in endpoints_of(sandbox, vpc_id)] == [True]
    assert sandbox.dead_letters() == []


def test_a_vpc_that_a_hosted_zone_serves_gets_no_endpoint(sandbox: Sandbox) -> None:
    """The report says by what it is served."""
    vpc_id = build_vpc(sandbox, "10.0")
    sandbox.client("route53").create_hosted_zone(
        Name="states.us-east-1.amazonaws.com",
        VPC={"VPCRegion": "us-east-1", "VPCId": vpc_id},
        CallerReference="central",
    )
    sandbox.advance(SETTLE + 1)
    assert endpoints_of(sandbox, vpc_id) == []
    assert "served-centrally" in str(sandbox.logs[-1]["states"])
    assert "hosted zone" in str(sandbox.logs[-1]["findings"])
    assert sandbox.dead_letters() == []


def test_terraform_destroys_a_vpc_that_holds_a_managed_endpoint(
    artifact: Path, tmp_path: Path
) -> None:
    """Without help, within the provider's own retries, in real time."""
    with Sandbox(artifact=artifact) as running:
        running.settle()
        run = terraform(tmp_path, running.url)
        run("apply", "-auto-approve", endpoint=False)
        assert running.wait_until(lambda: "CreateVpcEndpoint" in done_by_guardrail(running), 60)
        run("destroy", "-auto-approve", endpoint=False)
        vpcs = running.client("ec2").describe_vpcs()["Vpcs"]
        assert "10.8.0.0/16" not in [vpc["CidrBlock"] for vpc in vpcs]
        assert running.dead_letters() == []


def test_a_policy_that_terraform_keeps_loosening_is_closed_after_each_apply(
    artifact: Path, tmp_path: Path
) -> None:
    """Its own endpoint is made at the first attempt though the guardrail runs beside it."""
    with Sandbox(artifact=artifact, parameters={"SettleSeconds": "60"}) as running:
        running.settle()
        run = terraform(tmp_path, running.url)
        for _ in range(2):
            run("apply", "-auto-approve", policy=OPEN_POLICY)
            assert running.wait_until(lambda: set(running.pending()) <= {"schedules"}, 60)
            found = running.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
            assert ["aws:PrincipalAccount" in str(policy_of(e)) for e in found] == [True]

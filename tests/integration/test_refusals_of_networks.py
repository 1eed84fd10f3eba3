"""What EC2 refuses because somebody changed the network between the guardrail's look and its write.

The guardrail takes subnets and groups from what it has just described, so it meets these refusals
in races alone; each ends compliant, or in the dead-letter queue with why. Calls that it never
makes (a subnet or group of another VPC) are stated about the network port in the contract suite.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from driven import DUE, RETRIES, SETTLE, SWEEP, Start, causes, is_bound, refusals
from scenes import build_vpc, endpoints_of, policy_of

from guardrail_sandbox.ec2.behaviour import AWS_PACE
from guardrail_sandbox.sandbox import Sandbox

FREE = 11
"""Addresses of a /28: AWS keeps five of the sixteen."""


def small_subnet(sandbox: Sandbox, vpc_id: str) -> str:
    """Make a subnet of a few addresses in a zone of its own; return its id."""
    made: str = sandbox.client("ec2").create_subnet(
        VpcId=vpc_id, CidrBlock="10.0.9.0/28", AvailabilityZone=f"{sandbox.region}a"
    )["Subnet"]["SubnetId"]
    return made


def fill(sandbox: Sandbox, subnet_id: str) -> None:
    """Take all addresses of a small subnet."""
    for _ in range(FREE):
        sandbox.client("ec2").create_network_interface(SubnetId=subnet_id)


def subnets_of(sandbox: Sandbox, vpc_id: str) -> list[str]:
    """Return the ids of a VPC's subnets by zone."""
    found = sandbox.client("ec2").describe_subnets(
        Filters=[{"Name": "vpc-id", "Values": [vpc_id]}]
    )["Subnets"]
    return [s["SubnetId"] for s in sorted(found, key=lambda s: str(s["AvailabilityZone"]))]


def test_a_subnet_that_fills_up_meanwhile_is_left_out(start: Start) -> None:
    """Somebody takes the last addresses before the creation; the retry makes do with the rest."""
    sandbox = start()
    vpc_id = build_vpc(sandbox, "10.0", "bc")
    full = small_subnet(sandbox, vpc_id)
    sandbox.ec2.before_next("CreateVpcEndpoint", lambda: fill(sandbox, full))
    sandbox.advance(DUE)
    assert endpoints_of(sandbox, vpc_id) == []
    assert refusals(sandbox) == {"InsufficientFreeAddressesInSubnet"}
    sandbox.advance(RETRIES)
    (endpoint,) = endpoints_of(sandbox, vpc_id)
    assert len(endpoint["SubnetIds"]) == 2
    assert full not in endpoint["SubnetIds"]
    assert is_bound(endpoint)
    assert sandbox.dead_letters() == []


def test_an_endpoint_that_cannot_grow_meanwhile_keeps_what_it_has(start: Start) -> None:
    """A new zone's only subnet is full by the time the guardrail adds it, and is left out then."""
    sandbox = start()
    vpc_id = build_vpc(sandbox, "10.0", "bc")
    sandbox.advance(DUE + AWS_PACE.pending)
    made: list[str] = []
    sandbox.ec2.before_next("ModifyVpcEndpoint", lambda: fill(sandbox, made[0]))
    made.append(small_subnet(sandbox, vpc_id))
    sandbox.advance(RETRIES)
    (endpoint,) = endpoints_of(sandbox, vpc_id)
    assert refusals(sandbox) == {"InsufficientFreeAddressesInSubnet"}
    assert made[0] not in endpoint["SubnetIds"]
    assert len(endpoint["SubnetIds"]) == 2
    assert sandbox.dead_letters() == []


def test_a_subnet_that_goes_meanwhile_is_left_out(start: Start) -> None:
    """The owner deletes one of three before the creation; the retry asks for the other two."""
    sandbox = start()
    vpc_id = build_vpc(sandbox, "10.0")
    gone, *rest = subnets_of(sandbox, vpc_id)
    sandbox.ec2.before_next(
        "CreateVpcEndpoint", lambda: sandbox.client("ec2").delete_subnet(SubnetId=gone)
    )
    sandbox.advance(DUE)
    assert refusals(sandbox) == {"InvalidSubnetId.NotFound"}
    assert endpoints_of(sandbox, vpc_id) == []
    sandbox.advance(RETRIES)
    (endpoint,) = endpoints_of(sandbox, vpc_id)
    assert sorted(endpoint["SubnetIds"]) == sorted(rest)
    assert is_bound(endpoint)
    assert sandbox.dead_letters() == []


def test_a_group_that_cannot_be_used_yet_is_used_later(start: Start) -> None:
    """EC2 has just made the group and does not know it; the retry finds it and makes no second."""
    sandbox = start(read_lag=30, assume={"new-groups": "unknown"})
    vpc_id = build_vpc(sandbox, "10.0")
    sandbox.advance(DUE)
    assert refusals(sandbox) == {"InvalidGroup.NotFound"}
    assert endpoints_of(sandbox, vpc_id) == []
    sandbox.advance(RETRIES)
    (endpoint,) = endpoints_of(sandbox, vpc_id)
    made = [w for w in sandbox.writes() if w["eventName"] == "CreateSecurityGroup"]
    assert len(made) == 1
    assert is_bound(endpoint)
    assert sandbox.dead_letters() == []


def test_a_group_that_goes_meanwhile_is_made_again(start: Start) -> None:
    """Somebody deletes the new group before the endpoint stands; the retry makes another."""
    sandbox = start()
    vpc_id = build_vpc(sandbox, "10.0")

    def delete_group() -> None:
        ec2 = sandbox.client("ec2")
        filters = [{"Name": "vpc-id", "Values": [vpc_id]}]
        for group in ec2.describe_security_groups(Filters=filters)["SecurityGroups"]:
            if group["GroupName"] != "default":
                ec2.delete_security_group(GroupId=group["GroupId"])

    sandbox.ec2.before_next("CreateVpcEndpoint", delete_group)
    sandbox.advance(DUE)
    assert refusals(sandbox) == {"InvalidGroup.NotFound"}
    sandbox.advance(RETRIES)
    (endpoint,) = endpoints_of(sandbox, vpc_id)
    assert [group["GroupName"] for group in endpoint["Groups"]] == ["sfn-endpoint-guardrail-states"]
    assert sandbox.dead_letters() == []


def test_the_owner_cannot_take_the_last_group_off(start: Start) -> None:
    """EC2 refuses him, and the guardrail, which takes no group off, has nothing to mend."""
    sandbox = start()
    vpc_id = build_vpc(sandbox, "10.0")
    sandbox.advance(DUE + AWS_PACE.pending)
    (endpoint,) = endpoints_of(sandbox, vpc_id)
    before = len(sandbox.writes())
    (own,) = [group["GroupId"] for group in endpoint["Groups"]]
    with pytest.raises(ClientError, match="at least one security group"):
        sandbox.client("ec2").modify_vpc_endpoint(
            VpcEndpointId=endpoint["VpcEndpointId"], RemoveSecurityGroupIds=[own]
        )
    sandbox.advance(RETRIES)
    (after,) = endpoints_of(sandbox, vpc_id)
    assert after["Groups"] == endpoint["Groups"]
    assert len(sandbox.writes()) == before


def test_a_group_that_was_swapped_comes_back_beside_the_owners(start: Start) -> None:
    """In one call the owner puts his own group in the place of the guardrail's."""
    sandbox = start()
    vpc_id, ec2 = build_vpc(sandbox, "10.0"), sandbox.client("ec2")
    sandbox.advance(DUE + AWS_PACE.pending)
    (endpoint,) = endpoints_of(sandbox, vpc_id)
    (ours,) = [group["GroupId"] for group in endpoint["Groups"]]
    theirs = ec2.create_security_group(GroupName="own", Description="own", VpcId=vpc_id)["GroupId"]
    ec2.modify_vpc_endpoint(
        VpcEndpointId=endpoint["VpcEndpointId"],
        AddSecurityGroupIds=[theirs],
        RemoveSecurityGroupIds=[ours],
    )
    sandbox.settle()
    (after,) = endpoints_of(sandbox, vpc_id)
    assert {group["GroupId"] for group in after["Groups"]} == {ours, theirs}
    assert refusals(sandbox) == set()


def open_but_for_a_deleted_role(sandbox: Sandbox) -> str:
    """Make a VPC with an endpoint that is open to all but a role, then delete the role."""
    iam, trust = sandbox.client("iam"), json.dumps({"Version": "2012-10-17", "Statement": []})
    role = iam.create_role(RoleName="clerk", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    every: dict[str, Any] = {"Action": "*", "Resource": "*"}
    statements = [
        {"Effect": "Allow", "Principal": "*", **every},
        {"Effect": "Deny", "Principal": {"AWS": role}, **every},
    ]
    vpc_id = build_vpc(sandbox, "10.0")
    sandbox.client("ec2").create_vpc_endpoint(
        VpcId=vpc_id,
        VpcEndpointType="Interface",
        ServiceName="com.amazonaws.us-east-1.states",
        SubnetIds=subnets_of(sandbox, vpc_id),
        PrivateDnsEnabled=False,
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
    )
    iam.delete_role(RoleName="clerk")
    sandbox.advance(SETTLE)
    sandbox.update({"Mode": "enforce"})
    return vpc_id


def test_where_ec2_refuses_a_kept_deny_the_baseline_alone_is_written(start: Start) -> None:
    """The owner's Deny is kept, but it names a role that is deleted: EC2 takes it no more.

    Whether it refuses that on endpoints is not known. The endpoint does not stay open for it.
    """
    sandbox = start(parameters={"Mode": "observe"}, assume={"write-deleted-principal": "refused"})
    vpc_id = open_but_for_a_deleted_role(sandbox)
    sandbox.advance(SWEEP)
    (endpoint,) = endpoints_of(sandbox, vpc_id)
    assert refusals(sandbox) == {"InvalidPolicyDocument"}
    assert {s["Effect"] for s in policy_of(endpoint)["Statement"]} == {"Allow"}
    assert causes(sandbox) == []


def test_where_ec2_takes_it_the_deny_of_a_deleted_role_is_kept(start: Start) -> None:
    """The same, with the other answer to what is not known: the endpoint ends bound."""
    sandbox = start(parameters={"Mode": "observe"})
    vpc_id = open_but_for_a_deleted_role(sandbox)
    sandbox.advance(SWEEP)
    (endpoint,) = endpoints_of(sandbox, vpc_id)
    (deny,) = [s for s in policy_of(endpoint)["Statement"] if s["Effect"] == "Deny"]
    assert deny["Principal"]["AWS"].startswith("AROA")
    assert sandbox.dead_letters() == []

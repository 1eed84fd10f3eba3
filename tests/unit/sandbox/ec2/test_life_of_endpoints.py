"""From creation to deletion: states, tokens, dry runs, quotas, throttles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ec2_world import POLICY, Ec2World, refused, status

from guardrail_sandbox.ec2.behaviour import AWS_PACE
from guardrail_sandbox.ec2.endpoint_quota import MOST_ENDPOINTS

Make = Callable[..., Ec2World]


def test_an_endpoint_is_pending_before_it_is_available(world: Ec2World) -> None:
    """The answer of the creation says pending; time makes it available."""
    made = world.create(world.vpc())
    assert made["State"] == "pending"
    assert world.read(made["VpcEndpointId"])["State"] == "pending"
    world.clock.advance(AWS_PACE.pending)
    assert world.read(made["VpcEndpointId"])["State"] == "available"


def test_a_deleted_endpoint_is_described_for_a_while(world: Ec2World) -> None:
    """It is deleting, then deleted, then gone."""
    endpoint_id = world.endpoint(world.vpc())
    world.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint_id])
    assert world.read(endpoint_id)["State"] == "deleting"
    world.clock.advance(AWS_PACE.deleting)
    assert world.read(endpoint_id)["State"] == "deleted"
    world.clock.advance(AWS_PACE.described_as_deleted)
    code, _ = refused(world.read, endpoint_id)
    assert code == "InvalidVpcEndpointId.NotFound"


def test_a_deleted_endpoint_cannot_be_modified(world: Ec2World) -> None:
    """EC2 says that it does not exist, although it still describes it."""
    endpoint_id = world.endpoint(world.vpc())
    world.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint_id])
    code, _ = refused(world.modify, endpoint_id, PrivateDnsEnabled=False)
    assert code == "InvalidVpcEndpointId.NotFound"


@pytest.mark.parametrize("answer", ["accepted", "refused"])
def test_whether_a_pending_endpoint_can_be_modified_is_a_choice(make: Make, answer: str) -> None:
    """AWS does not say; both ways can be had, and an available one always can."""
    world = make(assume={"modify-pending": answer})
    endpoint_id = world.create(world.vpc())["VpcEndpointId"]
    if answer == "refused":
        assert refused(world.modify, endpoint_id, PrivateDnsEnabled=True)[0] == "IncorrectState"
        world.clock.advance(AWS_PACE.pending)
    world.modify(endpoint_id, PrivateDnsEnabled=True)
    assert world.read(endpoint_id)["PrivateDnsEnabled"] is True


def test_what_cannot_be_deleted_is_listed_in_a_success(world: Ec2World) -> None:
    """Those that exist go, the others come back with the code that only Delete has."""
    endpoint_id, missing = world.endpoint(world.vpc()), "vpce-0123456789abcdef0"
    answer = world.ec2.delete_vpc_endpoints(VpcEndpointIds=[missing, endpoint_id])
    (failed,) = answer["Unsuccessful"]
    assert failed["ResourceId"] == missing
    assert failed["Error"]["Code"] == "InvalidVpcEndpoint.NotFound"
    assert world.read(endpoint_id)["State"] == "deleting"


def test_a_token_used_again_returns_the_first_endpoint(world: Ec2World) -> None:
    """Nothing new is made, also where a second endpoint would conflict."""
    vpc_id = world.vpc()
    first, again = (
        world.create(vpc_id, ClientToken="once", PrivateDnsEnabled=True) for _ in range(2)
    )
    assert again["VpcEndpointId"] == first["VpcEndpointId"]
    assert world.count(vpc_id=vpc_id) == 1


def test_a_token_with_other_parameters_is_refused(world: Ec2World) -> None:
    """A token stands for one request."""
    vpc_id = world.vpc()
    world.create(vpc_id, ClientToken="once")
    code, _ = refused(world.create, vpc_id, ClientToken="once", PrivateDnsEnabled=True)
    assert code == "IdempotentParameterMismatch"


@pytest.mark.parametrize(("answer", "count"), [("first-answer", 1), ("new-endpoint", 2)])
def test_what_a_token_does_after_deletion_is_a_choice(make: Make, answer: str, count: int) -> None:
    """AWS does not say; both ways can be had."""
    world = make(assume={"token-after-deletion": answer})
    vpc_id = world.vpc()
    first = world.create(vpc_id, ClientToken="once")["VpcEndpointId"]
    world.ec2.delete_vpc_endpoints(VpcEndpointIds=[first])
    again = world.create(vpc_id, ClientToken="once")["VpcEndpointId"]
    assert len({first, again}) == count


def test_a_dry_run_changes_nothing(world: Ec2World) -> None:
    """It answers with an error that means success, without looking for conflicts."""
    vpc_id = world.vpc(dns=False)
    code, _ = refused(world.create, vpc_id, DryRun=True, PrivateDnsEnabled=True)
    assert code == "DryRunOperation"
    assert world.count(vpc_id=vpc_id) == 0


def test_a_vpc_holds_fifty_endpoints(make: Make) -> None:
    """The next one is refused; a deleted one makes room."""
    world = make(without={"throttles"})
    vpc_id = world.vpc()
    ids = [world.create(vpc_id)["VpcEndpointId"] for _ in range(MOST_ENDPOINTS)]
    assert refused(world.create, vpc_id)[0] == "VpcEndpointLimitExceeded"
    world.ec2.delete_vpc_endpoints(VpcEndpointIds=ids[:1])
    assert world.create(vpc_id)["State"] == "pending"


def test_the_fifth_write_in_a_row_is_throttled(world: Ec2World) -> None:
    """Four tokens for each action, a third of a token each second, HTTP 503."""
    endpoint_id = world.endpoint(world.vpc())
    change: dict[str, Any] = {"PrivateDnsEnabled": False}
    for _ in range(4):
        world.modify(endpoint_id, **change)
    assert refused(world.modify, endpoint_id, **change)[0] == "RequestLimitExceeded"
    assert status(world.modify, endpoint_id, **change) == 503
    world.clock.advance(3)
    assert refused(world.modify, endpoint_id, **change)[0] == "RequestLimitExceeded"
    world.clock.advance(0.4)
    world.modify(endpoint_id, **change)


def test_reads_have_a_bucket_of_their_own(world: Ec2World) -> None:
    """A hundred reads in a row are answered, the next one is not."""
    for _ in range(100):
        world.ec2.describe_vpcs(MaxResults=5)
    assert refused(world.ec2.describe_vpcs, MaxResults=5)[0] == "RequestLimitExceeded"
    world.create(world.vpc())


def test_reads_lag_behind_writes(make: Make) -> None:
    """A new endpoint is not found, a changed policy not seen, until the lag is over."""
    world = make(read_lag=5)
    vpc_id = world.vpc()
    world.clock.advance(5)
    endpoint_id = world.create(vpc_id)["VpcEndpointId"]
    assert refused(world.read, endpoint_id)[0] == "InvalidVpcEndpointId.NotFound"
    assert world.count(vpc_id=vpc_id) == 0
    world.clock.advance(5)
    before = world.read(endpoint_id)["PolicyDocument"]
    world.modify(endpoint_id, PolicyDocument=POLICY)
    assert world.read(endpoint_id)["PolicyDocument"] == before
    world.clock.advance(5)
    assert "aws:PrincipalAccount" in world.read(endpoint_id)["PolicyDocument"]


def test_attributes_and_groups_lag_too(make: Make) -> None:
    """What was just switched on still reads as off; a new group cannot be found."""
    world = make(read_lag=5)
    vpc_id = world.vpc()
    group_id = world.group(vpc_id)
    world.clock.advance(1)
    groups = world.ec2.describe_security_groups()["SecurityGroups"]
    assert group_id not in {group["GroupId"] for group in groups}
    world.clock.advance(5)
    read = world.ec2.describe_vpc_attribute
    assert read(VpcId=vpc_id, Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"]
    world.ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": False})
    assert read(VpcId=vpc_id, Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"]


@pytest.mark.parametrize("answer", ["known", "unknown"])
def test_whether_writes_know_a_new_group_is_a_choice(make: Make, answer: str) -> None:
    """Where they do not, it can be used once the lag is over."""
    world = make(read_lag=5, assume={"new-groups": answer})
    vpc_id = world.vpc()
    endpoint_id = world.endpoint(vpc_id)
    group_id = world.group(vpc_id)
    rule = {"GroupId": group_id, "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    let_in, attach = world.ec2.authorize_security_group_ingress, {"AddSecurityGroupIds": [group_id]}
    if answer == "unknown":
        assert refused(let_in, **rule, CidrIp="10.0.0.0/16")[0] == "InvalidGroup.NotFound"
        assert refused(world.modify, endpoint_id, **attach)[0] == "InvalidGroup.NotFound"
        world.clock.advance(5)
    let_in(**rule, CidrIp="10.0.0.0/16")
    world.modify(endpoint_id, **attach)
    world.clock.advance(5)
    assert group_id in {group["GroupId"] for group in world.read(endpoint_id)["Groups"]}


def test_somebody_acts_right_before_a_call(world: Ec2World) -> None:
    """Once, and before that call only: the answer shows what was done."""
    vpc_id = world.vpc()
    world.layer.before_next("DescribeVpcEndpoints", lambda: world.create(vpc_id))
    world.ec2.describe_vpcs()
    assert [world.count(), world.count()] == [1, 1]

"""The guardrail meets what EC2 refuses: it ends compliant, or in the dead-letter queue with why.

Time is driven and everything takes as long as on AWS.
"""

from __future__ import annotations

from typing import Any

import pytest
from driven import DUE, RETRIES, SETTLE, Start, is_bound, refusals
from scenes import OPEN_POLICY, build_vpc, endpoints_of

from guardrail.core.names import Service, client_token
from guardrail_sandbox import moto_state
from guardrail_sandbox.ec2.behaviour import AWS_PACE
from guardrail_sandbox.sandbox import Sandbox

SERVICE = "com.amazonaws.us-east-1.states"


def covered(sandbox: Sandbox, block: str = "10.0") -> Any:
    """Make a VPC and return the endpoint that the guardrail made in it, available."""
    vpc_id = build_vpc(sandbox, block)
    sandbox.advance(DUE + AWS_PACE.pending)
    (endpoint,) = endpoints_of(sandbox, vpc_id)
    return endpoint


def open_one(sandbox: Sandbox) -> tuple[str, str]:
    """Make a VPC with an open endpoint of the owner's own; return the ids of both."""
    ec2 = sandbox.client("ec2")
    vpc_id: str = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_vpc_endpoint(
        VpcId=vpc_id,
        VpcEndpointType="Interface",
        ServiceName=SERVICE,
        PrivateDnsEnabled=False,
        PolicyDocument=OPEN_POLICY,
    )
    return vpc_id, made["VpcEndpoint"]["VpcEndpointId"]


def test_a_pending_endpoint_that_cannot_be_modified_is_closed_later(start: Start) -> None:
    """IncorrectState is tried again until the endpoint is available."""
    sandbox = start(assume={"modify-pending": "refused"})
    vpc_id, _ = open_one(sandbox)
    sandbox.settle()
    (endpoint,) = endpoints_of(sandbox, vpc_id)
    assert refusals(sandbox) == {"IncorrectState"}
    assert not is_bound(endpoint)
    sandbox.advance(RETRIES)
    (endpoint,) = endpoints_of(sandbox, vpc_id)
    assert is_bound(endpoint)
    assert sandbox.dead_letters() == []


def test_a_throttled_repair_is_made_when_there_are_tokens(start: Start) -> None:
    """Somebody empties the bucket of ModifyVpcEndpoint; the next retry finds it filled."""
    sandbox = start()
    endpoint = covered(sandbox)
    ec2 = sandbox.client("ec2")
    for _ in range(4):
        ec2.modify_vpc_endpoint(VpcEndpointId=endpoint["VpcEndpointId"], PolicyDocument=OPEN_POLICY)
    sandbox.settle()
    assert refusals(sandbox) == {"RequestLimitExceeded"}
    sandbox.advance(RETRIES)
    (endpoint,) = endpoints_of(sandbox, endpoint["VpcId"])
    assert is_bound(endpoint)
    assert sandbox.dead_letters() == []


def test_a_full_vpc_is_said_in_the_dead_letter(start: Start) -> None:
    """Fifty endpoints of others leave no room for that of Step Functions."""
    sandbox = start()
    vpc_id, service = build_vpc(sandbox, "10.0"), "com.amazonaws.us-east-1.sqs"
    with moto_state.LOCK:
        # Past the calls: the guardrail would look at each creation.
        for _ in range(50):
            moto_state.ec2(sandbox.region).create_vpc_endpoint(
                vpc_id, service, "Interface", policy_document=None, route_table_ids=[]
            )
    sandbox.advance(DUE)
    letters = sandbox.dead_letters()
    assert refusals(sandbox) == {"VpcEndpointLimitExceeded"}
    assert letters
    assert all("higher quota" in letter.body["causes"][vpc_id] for letter in letters)


def test_attributes_that_are_off_by_now_end_in_waiting(start: Start) -> None:
    """The guardrail still reads that DNS hostnames are on; EC2 refuses; the retry reads anew."""
    # The change puts creation off by SETTLE, and is still not to be read by then.
    sandbox = start(read_lag=SETTLE + 30)
    vpc_id = build_vpc(sandbox, "10.0")
    sandbox.advance(SETTLE - 10)
    sandbox.client("ec2").modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": False})
    sandbox.advance(RETRIES)
    assert refusals(sandbox) == {"InvalidParameter"}
    assert endpoints_of(sandbox, vpc_id) == []
    assert sandbox.logs[-1]["states"] == ["waiting-for-dns"]
    assert sandbox.dead_letters() == []


def test_an_endpoint_that_cannot_be_seen_yet_gets_no_second_one(start: Start) -> None:
    """Right after creation EC2 does not find it; more events come in the meantime."""
    sandbox = start(read_lag=30)
    vpc_id = build_vpc(sandbox, "10.0")
    sandbox.advance(DUE)
    sandbox.client("ec2").create_subnet(
        VpcId=vpc_id, CidrBlock="10.0.9.0/24", AvailabilityZone="us-east-1d"
    )
    sandbox.advance(DUE + RETRIES)
    made = [w for w in sandbox.writes() if w["eventName"] == "CreateVpcEndpoint"]
    (endpoint,) = endpoints_of(sandbox, vpc_id)
    assert len(made) == 1
    assert is_bound(endpoint)
    assert sandbox.dead_letters() == []


def test_two_subnets_of_a_zone_end_in_the_owners_choice(start: Start) -> None:
    """The owner swaps subnets of a zone; a stale read adds the old one, which EC2 refuses."""
    sandbox = start(read_lag=30)
    endpoint = covered(sandbox)
    ec2, endpoint_id = sandbox.client("ec2"), endpoint["VpcEndpointId"]
    found = ec2.describe_subnets(SubnetIds=endpoint["SubnetIds"])["Subnets"]
    (old,) = [s["SubnetId"] for s in found if s["AvailabilityZone"] == "us-east-1a"]
    new = ec2.create_subnet(
        VpcId=endpoint["VpcId"], CidrBlock="10.0.8.0/24", AvailabilityZone="us-east-1a"
    )["Subnet"]["SubnetId"]
    sandbox.advance(40)
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint_id, RemoveSubnetIds=[old])
    sandbox.advance(20)
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint_id, AddSubnetIds=[new])
    sandbox.advance(RETRIES)
    (after,) = endpoints_of(sandbox, endpoint["VpcId"])
    assert len(after["SubnetIds"]) == 3
    assert sandbox.dead_letters() == []


def test_a_client_token_that_was_used_otherwise_is_said_in_the_dead_letter(start: Start) -> None:
    """Somebody else used the guardrail's token: every attempt is refused, and the last one kept."""
    sandbox = start()
    vpc_id = build_vpc(sandbox, "10.0")
    sandbox.client("ec2").create_vpc_endpoint(
        VpcId=vpc_id,
        VpcEndpointType="Interface",
        ServiceName="com.amazonaws.us-east-1.sqs",
        PrivateDnsEnabled=False,
        ClientToken=client_token(vpc_id, Service.STATES, 0),
    )
    sandbox.advance(DUE + RETRIES)
    assert refusals(sandbox) == {"IdempotentParameterMismatch"}
    assert sandbox.dead_letters()


def test_a_zone_without_the_service_is_left_out(start: Start) -> None:
    """Two zones offer it, one does not: an endpoint in two zones, and no refusal."""
    sandbox = start()
    vpc_id = build_vpc(sandbox, "10.0", "ace")
    sandbox.advance(DUE)
    (endpoint,) = endpoints_of(sandbox, vpc_id)
    assert len(endpoint["SubnetIds"]) == 2
    assert refusals(sandbox) == set()


def test_what_belongs_to_others_is_left_alone(start: Start) -> None:
    """A shared VPC gets no endpoint, and an endpoint that a service manages keeps its policy."""
    sandbox = start()
    shared, own = build_vpc(sandbox, "10.0"), build_vpc(sandbox, "10.1")
    sandbox.ec2.share_vpc(shared, "210987654321")
    managed = sandbox.ec2.add_managed_endpoint(own, SERVICE)
    sandbox.advance(DUE)
    sandbox.invoke("Sweep", {})
    sandbox.settle()
    found = {e["VpcEndpointId"]: e for e in endpoints_of(sandbox, own)}
    assert "Condition" not in found[managed]["PolicyDocument"]
    assert endpoints_of(sandbox, shared) == []
    assert refusals(sandbox) == set()


@pytest.mark.parametrize("answer", ["no", "yes"])
def test_a_deleted_endpoint_is_replaced_by_a_sweep(start: Start, answer: str) -> None:
    """After half an hour, when nothing that is being deleted can conflict any more.

    Whether it conflicts on AWS is not known.
    """
    sandbox = start(assume={"deleting-conflicts": answer})
    endpoint = covered(sandbox)
    sandbox.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"]])
    sandbox.settle()
    sandbox.invoke("Sweep", {})
    assert endpoints_of(sandbox, endpoint["VpcId"]) == []
    sandbox.advance(31 * 60)
    sandbox.invoke("Sweep", {})
    sandbox.settle()
    (after,) = endpoints_of(sandbox, endpoint["VpcId"])
    assert after["PrivateDnsEnabled"] is True
    assert is_bound(after)
    assert sandbox.dead_letters() == []

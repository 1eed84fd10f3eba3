"""What only EndpointChange hears of, and only VpcChange may do: the pause between them leads there.

Time is driven and everything takes as long as on AWS.
"""

from __future__ import annotations

from driven import DUE, Start, is_bound
from scenes import build_vpc, endpoints_of

from guardrail_sandbox.ec2.behaviour import AWS_PACE
from guardrail_sandbox.sandbox import Sandbox

SERVICE, TAG = "com.amazonaws.us-east-1.states", "guardrail-exemption"


def subnets_of(sandbox: Sandbox, vpc_id: str) -> list[str]:
    """Return the subnets of a VPC."""
    of_vpc = [{"Name": "vpc-id", "Values": [vpc_id]}]
    found = sandbox.client("ec2").describe_subnets(Filters=of_vpc)["Subnets"]
    return [subnet["SubnetId"] for subnet in found]


def test_an_endpoint_that_its_owner_takes_out_of_its_subnets_is_made_up_for(start: Start) -> None:
    """It carries no traffic any more; VpcChange does not hear of that."""
    sandbox = start()
    ec2, vpc_id = sandbox.client("ec2"), build_vpc(sandbox, "10.0")
    subnet_ids = subnets_of(sandbox, vpc_id)
    theirs = ec2.create_vpc_endpoint(
        VpcId=vpc_id,
        VpcEndpointType="Interface",
        ServiceName=SERVICE,
        SubnetIds=subnet_ids,
        PrivateDnsEnabled=False,
    )["VpcEndpoint"]["VpcEndpointId"]
    sandbox.advance(DUE + AWS_PACE.pending)
    assert [e["VpcEndpointId"] for e in endpoints_of(sandbox, vpc_id)] == [theirs]
    ec2.modify_vpc_endpoint(VpcEndpointId=theirs, RemoveSubnetIds=subnet_ids)
    sandbox.advance(DUE)
    (ours,) = (e for e in endpoints_of(sandbox, vpc_id) if e["VpcEndpointId"] != theirs)
    assert is_bound(ours)
    assert ours["PrivateDnsEnabled"] is True
    assert sandbox.dead_letters() == []


def test_a_vpc_gets_its_endpoint_when_its_exemption_is_taken_off(start: Start) -> None:
    """Both functions hear of that, and both begin the pause."""
    sandbox = start(parameters={"ExemptionTag": TAG})
    ec2, vpc_id = sandbox.client("ec2"), build_vpc(sandbox, "10.0")
    exempt = {"Key": TAG, "Value": "until=2100-01-01; reason=no Step Functions here"}
    ec2.create_tags(Resources=[vpc_id], Tags=[exempt])
    sandbox.advance(DUE)
    assert endpoints_of(sandbox, vpc_id) == []
    ec2.delete_tags(Resources=[vpc_id], Tags=[{"Key": TAG}])
    sandbox.advance(DUE)
    (ours,) = endpoints_of(sandbox, vpc_id)
    assert is_bound(ours)

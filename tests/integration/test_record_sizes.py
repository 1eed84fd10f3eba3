"""CloudTrail's odd records, and what the guardrail makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest
from scenes import OPEN_POLICY, build_vpc, endpoints_of, policy_of

from guardrail_sandbox.clock import DrivenClock
from guardrail_sandbox.sandbox import Sandbox
from guardrail_sandbox.trail import deliverable

HOUR = 3600.0


def default_vpc(sandbox: Sandbox) -> str:
    """Return the id of the default VPC."""
    filters = [{"Name": "is-default", "Values": ["true"]}]
    vpc_id: str = sandbox.client("ec2").describe_vpcs(Filters=filters)["Vpcs"][0]["VpcId"]
    return vpc_id


def delete_vpc(sandbox: Sandbox, vpc_id: str) -> None:
    """Delete a VPC with its subnets, which nothing holds."""
    ec2 = sandbox.client("ec2")
    filters = [{"Name": "vpc-id", "Values": [vpc_id]}]
    for subnet in ec2.describe_subnets(Filters=filters)["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    ec2.delete_vpc(VpcId=vpc_id)


@pytest.mark.parametrize("layout", ["nested", "legacy"])
def test_a_new_default_vpc_gets_its_endpoint_in_either_layout(
    artifact: Path, layout: Literal["nested", "legacy"]
) -> None:
    """The record of CreateDefaultVpc has been reported in two shapes."""
    with Sandbox(artifact=artifact, default_vpc_layout=layout) as sandbox:
        sandbox.settle()
        delete_vpc(sandbox, default_vpc(sandbox))
        sandbox.update({"DefaultVpcs": "include"})
        vpc_id = sandbox.client("ec2").create_default_vpc()["Vpc"]["VpcId"]
        assert sandbox.wait_until(lambda: endpoints_of(sandbox, vpc_id), timeout=60)
        sandbox.settle()
        made = [r for r in sandbox.records if r["eventName"] == "CreateDefaultVpc"]
        shape = made[0]["responseElements"]
        assert ("vpc" in shape) is (layout == "legacy")
        assert sandbox.dead_letters() == []


def test_a_deletion_that_failed_inside_of_a_success_changes_nothing(artifact: Path) -> None:
    """DeleteVpcEndpoints answers 200 with failed items: the event comes, nothing is to be done."""
    with Sandbox(artifact=artifact) as sandbox:
        vpc_id = build_vpc(sandbox, "10.0")
        assert sandbox.wait_until(lambda: endpoints_of(sandbox, vpc_id), timeout=60)
        sandbox.settle()
        (endpoint,) = endpoints_of(sandbox, vpc_id)
        before = len(sandbox.writes())
        gone = "vpce-00000000000000000"
        answer = sandbox.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[gone])
        sandbox.settle()
        (record,) = [r for r in sandbox.records if r["eventName"] == "DeleteVpcEndpoints"]
        (failed,) = answer["Unsuccessful"]
        assert failed["Error"]["Code"] == "InvalidVpcEndpoint.NotFound"
        assert "errorCode" not in record
        assert "InvalidVpcEndpoint.NotFound" in str(record["responseElements"])
        assert len(sandbox.writes()) == before
        assert endpoints_of(sandbox, vpc_id)[0]["VpcEndpointId"] == endpoint["VpcEndpointId"]
        assert sandbox.dead_letters() == []


def test_a_record_without_its_request_is_left_to_the_sweep(artifact: Path) -> None:
    """CloudTrail omits a request of more than 100 KB, so no event names what was deleted.

    The sweep sees that it is gone, which may begin a teardown; half an hour later it comes back.
    """
    with Sandbox(artifact=artifact, clock=DrivenClock()) as sandbox:
        vpc_id = build_vpc(sandbox, "10.0")
        sandbox.advance(60)
        (endpoint,) = endpoints_of(sandbox, vpc_id)
        gone = [endpoint["VpcEndpointId"], *(f"vpce-{number:017x}" for number in range(2500))]
        sandbox.client("ec2").delete_vpc_endpoints(VpcEndpointIds=gone)
        sandbox.settle()
        record = [r for r in sandbox.records if r["eventName"] == "DeleteVpcEndpoints"][-1]
        assert record["requestParameters"] is None
        sandbox.advance(3 * HOUR)
        (again,) = endpoints_of(sandbox, vpc_id)
        assert again["VpcEndpointId"] != endpoint["VpcEndpointId"]
        assert sandbox.dead_letters() == []


FOUR_BYTES = "\N{LOCK}"


def create_with_a_large_record(sandbox: Sandbox, vpc_id: str) -> str:
    """Make an open endpoint whose record has almost 100 KB in request, response and beside them.

    What is over 100 KB would be left out. Tags are counted in characters and recorded in bytes;
    the user agent is recorded as it is here (AWS cuts it).
    """
    policy = {"Id": "x" * 20_300, **json.loads(OPEN_POLICY)}
    tags = [{"Key": f"{n}{FOUR_BYTES * 126}", "Value": FOUR_BYTES * 256} for n in range(50)]
    ec2 = sandbox.client("ec2")
    agent = {"User-Agent": "x" * 65_400}
    ec2.meta.events.register("before-send.ec2", lambda request, **_: request.headers.update(agent))
    made = ec2.create_vpc_endpoint(
        VpcId=vpc_id,
        VpcEndpointType="Interface",
        ServiceName="com.amazonaws.us-east-1.states",
        PrivateDnsEnabled=False,
        PolicyDocument=json.dumps(policy),
        TagSpecifications=[{"ResourceType": "vpc-endpoint", "Tags": tags}],
    )
    endpoint_id: str = made["VpcEndpoint"]["VpcEndpointId"]
    return endpoint_id


def test_an_event_that_is_too_large_is_made_good_by_the_sweep(artifact: Path) -> None:
    """More than 256 KB never reach EventBridge: the guardrail hears nothing, then looks itself."""
    with Sandbox(artifact=artifact, clock=DrivenClock()) as sandbox:
        vpc_id = sandbox.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        sandbox.advance(60)
        heard = len(sandbox.logs)
        endpoint_id = create_with_a_large_record(sandbox, vpc_id)
        sandbox.settle()
        theirs = sandbox.writes(by_guardrail=False)
        (record,) = [r for r in theirs if r["eventName"] == "CreateVpcEndpoint"]
        assert endpoint_id in str(record["responseElements"])
        assert record["requestParameters"] is not None
        assert not deliverable(record)
        assert len(sandbox.logs) == heard
        (found,) = endpoints_of(sandbox, vpc_id)
        assert "Condition" not in policy_of(found)["Statement"][0]
        sandbox.advance(HOUR)
        (found,) = endpoints_of(sandbox, vpc_id)
        assert all("Condition" in statement for statement in policy_of(found)["Statement"])
        assert sandbox.dead_letters() == []

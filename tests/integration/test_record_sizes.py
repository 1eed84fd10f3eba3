"""CloudTrail's odd records, and what the guardrail makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from scenes import build_vpc, endpoints_of

from guardrail_sandbox.sandbox import Sandbox


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
        assert sandbox.wait_until(lambda: endpoints_of(sandbox, vpc_id), timeout=20)
        sandbox.settle()
        made = [r for r in sandbox.records if r["eventName"] == "CreateDefaultVpc"]
        shape = made[0]["responseElements"]
        assert ("vpc" in shape) is (layout == "legacy")
        assert sandbox.dead_letters() == []


@pytest.fixture(scope="module")
def with_endpoint(sandbox: Sandbox) -> tuple[Sandbox, str, dict[str, Any]]:
    """Return a VPC with the guardrail's endpoint."""
    vpc_id = build_vpc(sandbox, "10.0")
    assert sandbox.wait_until(lambda: endpoints_of(sandbox, vpc_id), timeout=20)
    sandbox.settle()
    return sandbox, vpc_id, endpoints_of(sandbox, vpc_id)[0]


def test_a_deletion_that_failed_inside_of_a_success_changes_nothing(with_endpoint: Any) -> None:
    """DeleteVpcEndpoints answers 200 with failed items: the event comes, nothing is to be done."""
    sandbox, vpc_id, endpoint = with_endpoint
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


def test_a_record_without_its_request_is_left_to_the_sweep(with_endpoint: Any) -> None:
    """CloudTrail omits a request of more than 100 KB, so no event names what was deleted."""
    sandbox, vpc_id, endpoint = with_endpoint
    others = [f"vpce-{number:017x}" for number in range(2500)]
    sandbox.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"], *others])
    sandbox.settle()
    record = [r for r in sandbox.records if r["eventName"] == "DeleteVpcEndpoints"][-1]
    assert record["requestParameters"] is None
    assert sandbox.dead_letters() == []
    assert sandbox.wait_until(lambda: _swept(sandbox, vpc_id), timeout=20)
    assert endpoints_of(sandbox, vpc_id)[0]["VpcEndpointId"] != endpoint["VpcEndpointId"]


def _swept(sandbox: Sandbox, vpc_id: str) -> bool:
    """Sweep, and tell whether the VPC has its endpoint again."""
    sandbox.invoke("Sweep", {})
    return bool(endpoints_of(sandbox, vpc_id))

"""Late, doubled and disordered events lead to the same state with as few writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from scenes import OPEN_POLICY, build_vpc, endpoints_of, policy_of

from guardrail_sandbox.bus import Delivery
from guardrail_sandbox.sandbox import Sandbox

CREATED = "CreateVpcEndpoint"


@pytest.fixture(scope="module", params=[1, 2], ids=["seed-1", "seed-2"])
def sandbox(artifact: Path, request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Start a sandbox whose bus is as unkind as EventBridge may be."""
    delivery = Delivery(delay_seconds=0.4, duplicate=True, shuffle=True, seed=request.param)
    with Sandbox(artifact=artifact, delivery=delivery) as running:
        running.settle()
        yield running


def test_two_vpcs_get_one_endpoint_each(sandbox: Sandbox) -> None:
    """However the events come, each VPC has one complete endpoint in the end."""
    vpc_ids = [build_vpc(sandbox, "10.0"), build_vpc(sandbox, "10.1")]
    sandbox.settle()
    for vpc_id in vpc_ids:
        (endpoint,) = endpoints_of(sandbox, vpc_id)
        assert len(endpoint["SubnetIds"]) == 3
        assert endpoint["PrivateDnsEnabled"] is True
        assert len(endpoint["Groups"]) == 1
    # Two invocations at once may both ask: by the client token they get one endpoint.
    made = [r["responseElements"] for r in sandbox.writes() if r["eventName"] == CREATED]
    assert len({json.dumps(one, sort_keys=True).partition("vpce-")[2][:17] for one in made}) == 2


def test_a_loosened_policy_ends_closed(sandbox: Sandbox) -> None:
    """Opened three times in a row, the endpoint has the baseline when all is quiet."""
    ec2 = sandbox.client("ec2")
    (endpoint,) = endpoints_of(sandbox, build_and_settle(sandbox))
    for _ in range(3):
        ec2.modify_vpc_endpoint(VpcEndpointId=endpoint["VpcEndpointId"], PolicyDocument=OPEN_POLICY)
    sandbox.settle()
    (after,) = endpoints_of(sandbox, endpoint["VpcId"])
    assert policy_of(after) == policy_of(endpoint)


def test_nothing_is_lost_on_the_way(sandbox: Sandbox) -> None:
    """No event ended in the dead-letter queue, and quiet means no more writes."""
    count = len(sandbox.writes())
    sandbox.invoke("Sweep", {})
    sandbox.settle()
    assert sandbox.dead_letters() == []
    assert len(sandbox.writes()) == count


def build_and_settle(sandbox: Sandbox) -> str:
    """Make a VPC and wait for its endpoint."""
    vpc_id = build_vpc(sandbox, "10.2")
    sandbox.settle()
    return vpc_id

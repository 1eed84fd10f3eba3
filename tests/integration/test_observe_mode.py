"""Mode observe: the same decisions, no write to EC2; the mode can be changed in place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scenes import OPEN_POLICY, build_vpc, endpoints_of, policy_of

from guardrail_sandbox.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox(artifact: Path) -> Iterator[Sandbox]:
    """Start a sandbox in observe mode."""
    with Sandbox(artifact=artifact, parameters={"Mode": "observe"}) as running:
        running.settle()
        yield running


def planned(sandbox: Sandbox, vpc_id: str) -> set[Any]:
    """Return the actions that were only recorded, however often."""
    return {
        action["action"]
        for fields in sandbox.logs
        if fields.get("vpc_id") == vpc_id
        for action in fields["actions"]
        if action["result"] == "recorded"
    }


def test_a_new_vpc_gets_a_plan_and_no_endpoint(sandbox: Sandbox) -> None:
    """What enforce mode would do stands in the log; EC2 was not written to."""
    vpc_id = build_vpc(sandbox, "10.0")
    sandbox.settle()
    assert planned(sandbox, vpc_id) == {"CreateSecurityGroup", "AuthorizeClients", "CreateEndpoint"}
    assert endpoints_of(sandbox, vpc_id) == []
    assert sandbox.writes() == []


def test_an_open_endpoint_is_reported_and_stays_open(sandbox: Sandbox) -> None:
    """A person's open endpoint is named in the log with the action that would close it."""
    vpc_id = build_vpc(sandbox, "10.1", zones="a")
    sandbox.client("ec2").create_vpc_endpoint(
        VpcId=vpc_id,
        VpcEndpointType="Interface",
        ServiceName="com.amazonaws.us-east-1.states",
        PolicyDocument=OPEN_POLICY,
    )
    sandbox.settle()
    (endpoint,) = endpoints_of(sandbox, vpc_id)
    assert "WritePolicy" in planned(sandbox, vpc_id)
    assert policy_of(endpoint) == json.loads(OPEN_POLICY)
    assert sandbox.writes() == []


def test_nothing_failed_while_observing(sandbox: Sandbox) -> None:
    """Observe mode lacks the permissions to write and does not miss them."""
    assert sandbox.dead_letters() == []
    assert {fields["outcome"] for fields in sandbox.logs if "outcome" in fields} >= {"reported"}


def test_enforce_acts_on_what_was_only_observed(sandbox: Sandbox) -> None:
    """Deployed again with Mode=enforce, a sweep does what the log had announced."""
    sandbox.update({"Mode": "enforce"})
    sandbox.invoke("Sweep", {})
    sandbox.settle()
    vpcs = sandbox.client("ec2").describe_vpcs(
        Filters=[{"Name": "is-default", "Values": ["false"]}]
    )["Vpcs"]
    found = [endpoints_of(sandbox, vpc["VpcId"]) for vpc in vpcs]
    assert [len(endpoints) for endpoints in found] == [1, 1]
    assert all("PrincipalAccount" in e["PolicyDocument"] for (e,) in found)

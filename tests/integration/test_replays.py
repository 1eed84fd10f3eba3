"""Recorded calls of Terraform and Ansible, played again while the guardrail runs.

They end where the tool itself ends, on machines that do not have it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from owned_network import OwnedNetwork, local_aws
from recordings import recorded

from guardrail_sandbox.sandbox import Sandbox
from support.recorder import Recorder
from support.recording import Call, Recording
from support.replay import Replay


@pytest.fixture(scope="module")
def sandbox(artifact: Path) -> Iterator[Sandbox]:
    """Start one for tools."""
    with local_aws(artifact) as running:
        yield running


@pytest.mark.parametrize(("tool", "block"), [("terraform", "10.8"), ("ansible", "10.6")])
def test_recorded_calls_end_where_the_tool_ended(sandbox: Sandbox, tool: str, block: str) -> None:
    """Built, closed, changed, left alone, destroyed.

    A run that plans no change is one that reads and finds what the owner wants. So the recorded
    one has reads only, finds the same each time, and the network is as the owner wants it.
    """
    network = OwnedNetwork(sandbox, f"{block}.0.0/16")
    replay = Replay(recorded(tool), sandbox.url)
    replay.play("built")
    network.was_closed()
    replay.play("changed")
    network.was_left_alone()
    replay.play("run again")
    assert [call for call in replay.play("run again") if call.service == "ec2"] == []
    replay.play("destroyed")
    network.is_gone()


def test_what_a_tool_asks_through_the_recorder_can_be_replayed(sandbox: Sandbox) -> None:
    """Another VPC is made, looked at and deleted, by the id that it has."""
    with Recorder(sandbox.url) as recorder:
        keys = {"aws_access_key_id": "typed-by-hand", "aws_secret_access_key": "sandbox"}
        ec2 = boto3.client("ec2", region_name="us-east-1", endpoint_url=recorder.url, **keys)
        ec2.describe_vpcs()
        recorder.step("all")
        vpc_id = ec2.create_vpc(CidrBlock="10.4.0.0/16")["Vpc"]["VpcId"]
        assert ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0]["CidrBlock"] == "10.4.0.0/16"
        ec2.delete_vpc(VpcId=vpc_id)
    # A call's record comes after its answer.
    assert sandbox.wait_until(lambda: _theirs(sandbox, 2))
    asked = Replay(recorder.recording("boto3"), sandbox.url).play("all")
    assert [call.action for call in asked] == ["CreateVpc", "DescribeVpcs", "DeleteVpc"]
    assert sandbox.wait_until(lambda: _theirs(sandbox, 4))
    made, deleted = _theirs(sandbox, 4)[-2:]
    again = made["responseElements"]["vpc"]["vpcId"]
    assert again != vpc_id
    assert deleted["requestParameters"]["vpcId"] == again


def _theirs(sandbox: Sandbox, least: int) -> list[Any]:
    """Return the owner's last calls about VPCs, once there are so many."""
    block, found = "10.4.0.0/16", sandbox.writes(by_guardrail=False)
    made = {
        r["responseElements"]["vpc"]["vpcId"]
        for r in found
        if r["eventName"] == "CreateVpc" and r["requestParameters"]["cidrBlock"] == block
    }
    about = [
        r
        for r in found
        if r["eventName"] in {"CreateVpc", "DeleteVpc"} and any(vpc_id in str(r) for vpc_id in made)
    ]
    return about if len(about) >= least else []


def test_a_replay_notices_what_has_changed(sandbox: Sandbox) -> None:
    """The same question, answered otherwise after somebody made a VPC."""
    asks = Call("ec2", "DescribeVpcs", {"Filter.1.Name": "cidr", "Filter.1.Value.1": "10.5.0.0/16"})
    versions = {"ec2": "2016-11-15"}
    replay = Replay(Recording("nothing", versions, {"asked": [asks]}), sandbox.url)
    assert replay.play("asked") == [asks]
    assert replay.play("asked") == []
    made = sandbox.client("ec2").create_vpc(CidrBlock="10.5.0.0/16")["Vpc"]["VpcId"]
    assert replay.play("asked") == [asks]
    sandbox.client("ec2").delete_vpc(VpcId=made)


def test_a_replay_does_not_go_on_without_the_answer_that_the_tool_had(sandbox: Sandbox) -> None:
    """It says which call that was, and what was answered."""
    asks = Call("ec2", "DescribeVpcs", {"VpcId.1": "vpc-00000000000000000"}, {}, "available")
    recording = Recording("nothing", {"ec2": "2016-11-15"}, {"asked": [asks]})
    with pytest.raises(
        AssertionError, match=r"(?s)available expected, got .*InvalidVpcID\.NotFound"
    ):
        Replay(recording, sandbox.url, patience=0).play("asked")

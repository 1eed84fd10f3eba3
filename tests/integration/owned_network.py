"""What holds for a network that its owner builds, changes and destroys beside the guardrail.

The same for every tool, and for calls of a tool that are replayed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from scenes import COMPLIANT_POLICY, OPEN_POLICY, endpoints_of, policy_of

from guardrail_sandbox.ec2.behaviour import SHORT_PACE
from guardrail_sandbox.sandbox import Sandbox

PATIENCE_SECONDS = 120


@contextmanager
def local_aws(artifact: Path) -> Iterator[Sandbox]:
    """Start a local AWS for tools.

    The guardrail waits, as on AWS, until a network is complete, for longer than any tool takes.
    Deleted endpoints are soon forgotten: Ansible takes what is described for what there is.
    """
    pace = replace(SHORT_PACE, described_as_deleted=1)
    with Sandbox(artifact=artifact, parameters={"SettleSeconds": "900"}, pace=pace) as running:
        running.settle(PATIENCE_SECONDS)
        yield running


class OwnedNetwork:
    """A VPC with this CIDR block, and what the guardrail has written since it is looked at."""

    def __init__(self, sandbox: Sandbox, block: str) -> None:
        self._sandbox = sandbox
        self._block = block
        self._before = len(sandbox.writes())

    def was_closed(self) -> None:
        """Its open endpoint got a policy that is bound to the account, and nothing else."""
        endpoint = self.endpoint()
        assert policy_of(endpoint) != json.loads(OPEN_POLICY)
        assert all("Condition" in one for one in policy_of(endpoint)["Statement"])
        assert len(endpoint["SubnetIds"]) == 3
        assert endpoint["PrivateDnsEnabled"] is True
        assert self._writes() == ["ModifyVpcEndpoint"]

    def was_left_alone(self) -> None:
        """Its endpoint has the owner's compliant policy and two subnets, as the owner wants."""
        endpoint = self.endpoint()
        assert policy_of(endpoint) == json.loads(COMPLIANT_POLICY)
        assert len(endpoint["SubnetIds"]) == 2
        assert [group["GroupName"] for group in endpoint["Groups"]] == ["clients"]
        assert {tag["Key"] for tag in endpoint["Tags"]} <= {"Name"}
        assert endpoint["PrivateDnsEnabled"] is True
        assert self._writes() == ["ModifyVpcEndpoint"]

    def is_gone(self) -> None:
        """Nothing is left of it, and the guardrail neither held it up nor gave up anything."""
        self._rest()
        assert self._vpcs() == []
        assert self._writes() == ["ModifyVpcEndpoint"]
        assert self._sandbox.dead_letters() == []

    def endpoint(self) -> dict[str, Any]:
        """Return its one endpoint, once that is available and nobody does anything any more."""
        self._rest()
        (vpc_id,) = self._vpcs()
        assert self._sandbox.wait_until(
            lambda: {e["State"] for e in endpoints_of(self._sandbox, vpc_id)} == {"available"},
            timeout=PATIENCE_SECONDS,
        )
        (endpoint,) = endpoints_of(self._sandbox, vpc_id)
        return endpoint

    def _rest(self) -> None:
        """Wait until nothing is pending but the settling of a network."""
        assert self._sandbox.wait_until(
            lambda: set(self._sandbox.pending()) <= {"schedules"}, timeout=PATIENCE_SECONDS
        )

    def _vpcs(self) -> list[str]:
        by_block = {"Name": "cidr-block", "Values": [self._block]}
        found = self._sandbox.client("ec2").describe_vpcs(Filters=[by_block])
        return [vpc["VpcId"] for vpc in found["Vpcs"]]

    def _writes(self) -> list[str]:
        return [record["eventName"] for record in self._sandbox.writes()[self._before :]]

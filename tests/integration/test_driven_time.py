"""The guardrail at AWS's own pace: five minutes to settle, minutes until an endpoint is there."""

from __future__ import annotations

from pathlib import Path

from scenes import build_vpc, endpoints_of

from guardrail_sandbox.clock import DrivenClock
from guardrail_sandbox.sandbox import Sandbox

MINUTE = 60.0


def test_a_vpc_settles_for_five_minutes_and_its_endpoint_takes_two(artifact: Path) -> None:
    """Nothing is made earlier, and the wait costs the test nothing."""
    parameters = {"SettleSeconds": "300"}
    with Sandbox(artifact=artifact, parameters=parameters, clock=DrivenClock()) as sandbox:
        sandbox.settle()
        vpc_id = build_vpc(sandbox, "10.0")
        sandbox.advance(4 * MINUTE)
        assert sandbox.writes() == []
        sandbox.advance(1.5 * MINUTE)
        assert "CreateVpcEndpoint" in [record["eventName"] for record in sandbox.writes()]
        assert [one["State"] for one in endpoints_of(sandbox, vpc_id)] == ["pending"]
        sandbox.advance(2 * MINUTE)
        assert [one["State"] for one in endpoints_of(sandbox, vpc_id)] == ["available"]
        assert sandbox.dead_letters() == []

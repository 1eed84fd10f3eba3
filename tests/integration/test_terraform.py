"""A network that is built, changed and destroyed with Terraform, while the guardrail runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from owned_network import OwnedNetwork, local_aws
from provisioning import CHANGES, NO_CHANGE, Value, terraform
from recordings import keep
from scenes import COMPLIANT_POLICY, OPEN_POLICY

from support.recorder import Recorder

# The provider's schema alone takes some seconds of each command.
pytestmark = pytest.mark.timeout(900)
PLAN = ("plan", "-detailed-exitcode")


def test_a_network_lives_and_dies_beside_the_guardrail(artifact: Path, tmp_path: Path) -> None:
    """Built with an open policy, corrected, changed, planned without a change, destroyed.

    One test, because each step needs the one before: the open policy is put back and shows as a
    change of the plan; with a compliant policy there is nothing to do for either side.
    """
    tool = terraform(tmp_path)
    with local_aws(artifact) as sandbox, Recorder(sandbox.url) as recorder:
        run, network = tool.at(recorder.url), OwnedNetwork(sandbox, "10.8.0.0/16")
        recorder.step("built")
        run("apply", "-auto-approve", policy=OPEN_POLICY)
        network.was_closed()
        recorder.step(None)
        assert run(*PLAN, policy=OPEN_POLICY, allowed=CHANGES) == CHANGES

        wanted: dict[str, Value] = {"policy": COMPLIANT_POLICY, "subnets": 2}
        recorder.step("changed")
        run("apply", "-auto-approve", **wanted)
        network.was_left_alone()
        recorder.step("run again")
        assert run(*PLAN, **wanted, allowed=CHANGES) == NO_CHANGE

        recorder.step("destroyed")
        run("destroy", "-auto-approve", **wanted)
        network.is_gone()
        keep("terraform", recorder.recording(run.version))

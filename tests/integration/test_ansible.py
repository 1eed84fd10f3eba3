"""A network that is built, changed and destroyed with Ansible, while the guardrail runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from owned_network import OwnedNetwork, local_aws
from provisioning import Value, ansible
from recordings import keep
from scenes import COMPLIANT_POLICY, OPEN_POLICY

from support.recorder import Recorder

# Ansible starts Python anew for each task.
pytestmark = pytest.mark.timeout(900)
BUILD, DESTROY = "build.yml", "destroy.yml"


def test_a_network_lives_and_dies_beside_the_guardrail(artifact: Path, tmp_path: Path) -> None:
    """Built with an open policy, corrected, replaced by a compliant one, run again, destroyed.

    Ansible changes no endpoint, so another policy is another endpoint. That the policy was put
    back is no change to it; nothing is, when it runs again.
    """
    tool = ansible(tmp_path)
    with local_aws(artifact) as sandbox, Recorder(sandbox.url) as recorder:
        run, network = tool.at(recorder.url), OwnedNetwork(sandbox, "10.6.0.0/16")
        recorder.step("built")
        assert run(BUILD, policy=OPEN_POLICY) > 0
        network.was_closed()

        wanted: dict[str, Value] = {"policy": COMPLIANT_POLICY, "subnets": 2}
        recorder.step("changed")
        assert run(BUILD, replace=True, **wanted) > 0
        network.was_left_alone()
        recorder.step("run again")
        assert run(BUILD, **wanted) == 0

        recorder.step("destroyed")
        assert run(DESTROY) > 0
        network.is_gone()
        keep("ansible", recorder.recording(run.version))

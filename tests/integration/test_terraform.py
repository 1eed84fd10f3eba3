"""A network that is built, changed and destroyed with Terraform, while the guardrail runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from owned_network import OwnedNetwork
from provisioning import CHANGES, NO_CHANGE, terraform
from scenes import COMPLIANT_POLICY, OPEN_POLICY

from guardrail_sandbox.sandbox import Sandbox

# The provider's schema alone takes some seconds of each command.
pytestmark = pytest.mark.timeout(900)
PLAN = ("plan", "-detailed-exitcode")


@pytest.fixture(scope="module")
def sandbox(artifact: Path) -> Iterator[Sandbox]:
    """Start one that waits, as on AWS, until a network is complete."""
    with Sandbox(artifact=artifact, parameters={"SettleSeconds": "300"}) as running:
        running.settle()
        yield running


def test_a_network_lives_and_dies_beside_the_guardrail(sandbox: Sandbox, tmp_path: Path) -> None:
    """Built with an open policy, corrected, changed, planned without a change, destroyed.

    One test, because each step needs the one before: the open policy is put back and shows as a
    change of the plan; with a compliant policy there is nothing to do for either side.
    """
    run, network = terraform(tmp_path, sandbox.url), OwnedNetwork(sandbox, "10.8.0.0/16")
    run("apply", "-auto-approve", policy=OPEN_POLICY)
    network.was_closed()
    assert run(*PLAN, policy=OPEN_POLICY, allowed=CHANGES) == CHANGES

    run("apply", "-auto-approve", policy=COMPLIANT_POLICY, subnets=2)
    network.was_left_alone()
    assert run(*PLAN, policy=COMPLIANT_POLICY, subnets=2, allowed=CHANGES) == NO_CHANGE

    run("destroy", "-auto-approve", policy=COMPLIANT_POLICY, subnets=2)
    network.is_gone()

"""A network that is built, changed and destroyed with Terraform, while the guardrail runs.

Needs terraform and a folder of provider plugins, laid out as a filesystem mirror; nothing is
downloaded. TF_PLUGIN_MIRROR names the folder; without it the system's folder for add-on packages
is looked at.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scenes import OPEN_POLICY, policy_of

from guardrail_sandbox.sandbox import Sandbox

PROVIDER = "registry.terraform.io/hashicorp/aws"
NETWORK = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "%s" }
  }
}
variable "policy" { type = string }
variable "subnets" { type = number }
provider "aws" {
  region                      = "us-east-1"
  skip_credentials_validation = true
}
resource "aws_vpc" "net" {
  cidr_block           = "10.8.0.0/16"
  enable_dns_hostnames = true
}
resource "aws_subnet" "net" {
  count             = 3
  vpc_id            = aws_vpc.net.id
  cidr_block        = "10.8.${count.index}.0/24"
  availability_zone = "us-east-1${element(["a", "b", "c"], count.index)}"
}
resource "aws_security_group" "net" {
  name   = "clients"
  vpc_id = aws_vpc.net.id
  ingress {
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["10.8.0.0/16"]
  }
}
resource "aws_vpc_endpoint" "states" {
  vpc_id              = aws_vpc.net.id
  service_name        = "com.amazonaws.us-east-1.states"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = slice(aws_subnet.net[*].id, 0, var.subnets)
  security_group_ids  = [aws_security_group.net.id]
  policy              = var.policy
}
"""
NO_CHANGE, CHANGES = 0, 2
"""What `plan -detailed-exitcode` ends with."""

Terraform = Callable[..., int]


@pytest.fixture(scope="module")
def sandbox(artifact: Path) -> Iterator[Sandbox]:
    """Start one that waits, as on AWS, until a network is complete."""
    with Sandbox(artifact=artifact, parameters={"SettleSeconds": "60"}) as running:
        running.settle()
        yield running


@pytest.fixture(scope="module")
def mirror() -> Path:
    """Return the folder of plugins."""
    named = os.environ.get("TF_PLUGIN_MIRROR")
    candidates = [Path(named)] if named else sorted(Path("/opt").glob("*"))
    for folder in candidates:
        if (folder / PROVIDER).is_dir():
            return folder
    pytest.skip("no Terraform plugins: name a mirror with the AWS provider in TF_PLUGIN_MIRROR")


@pytest.fixture(scope="module")
def terraform(
    sandbox: Sandbox, mirror: Path, tmp_path_factory: pytest.TempPathFactory
) -> Terraform:
    """Return a function that runs terraform in a folder with the network, initialised."""
    command = shutil.which("terraform")
    if command is None:
        pytest.skip("terraform is not installed")
    folder = tmp_path_factory.mktemp("network")
    version = sorted(path.name for path in (mirror / PROVIDER).iterdir())[-1]
    (folder / "main.tf").write_text(NETWORK.replace("%s", version))
    settings = folder / "terraform.rc"
    settings.write_text(
        f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n'
    )
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "TF_CLI_CONFIG_FILE": str(settings),
        "CHECKPOINT_DISABLE": "1",
        "AWS_ENDPOINT_URL": sandbox.url,
        "AWS_ACCESS_KEY_ID": "typed-by-hand",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_EC2_METADATA_DISABLED": "true",
    }

    def run(*arguments: str, policy: str = OPEN_POLICY, subnets: int = 3, allowed: int = 0) -> int:
        variables = {"TF_VAR_policy": policy, "TF_VAR_subnets": str(subnets)}
        done = subprocess.run(
            [command, *arguments, "-no-color"],
            cwd=folder,
            env={**environment, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode in {0, allowed}, f"{done.stdout}\n{done.stderr}"
        return done.returncode

    run("init")
    return run


def endpoint(sandbox: Sandbox) -> dict[str, Any]:
    """Return the one live endpoint."""
    found = sandbox.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    (alive,) = [one for one in found if one["State"] == "available"]
    return dict(alive)


def quiet(sandbox: Sandbox) -> bool:
    """Wait until nothing but the settling of the network is pending."""
    return sandbox.wait_until(lambda: set(sandbox.pending()) <= {"schedules"}, timeout=30)


def test_a_network_lives_and_dies_beside_the_guardrail(
    sandbox: Sandbox, terraform: Terraform
) -> None:
    """Built with an open policy, corrected, changed, planned without a change, destroyed.

    One test, because each step needs the one before: the open policy is put back and shows as a
    change of the plan; with a compliant policy there is nothing to do for either side.
    """
    terraform("apply", "-auto-approve")
    assert quiet(sandbox)
    compliant = endpoint(sandbox)["PolicyDocument"]
    assert json.loads(compliant) != json.loads(OPEN_POLICY)
    plan = ("plan", "-detailed-exitcode")
    assert terraform(*plan, allowed=CHANGES) == CHANGES
    assert terraform(*plan, policy=compliant, allowed=CHANGES) == NO_CHANGE

    terraform("apply", "-auto-approve", policy=compliant, subnets=2)
    assert quiet(sandbox)
    after = endpoint(sandbox)
    assert len(after["SubnetIds"]) == 2
    assert policy_of(after) == json.loads(compliant)
    assert terraform(*plan, policy=compliant, subnets=2, allowed=CHANGES) == NO_CHANGE

    terraform("destroy", "-auto-approve", policy=compliant, subnets=2)
    assert quiet(sandbox)
    vpcs = sandbox.client("ec2").describe_vpcs()["Vpcs"]
    assert "10.8.0.0/16" not in [vpc["CidrBlock"] for vpc in vpcs]
    assert [r["eventName"] for r in sandbox.writes()] == ["ModifyVpcEndpoint"]
    assert sandbox.dead_letters() == []

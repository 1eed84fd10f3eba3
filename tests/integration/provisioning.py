"""Terraform and Ansible, run as owners of networks run them, on the local AWS at an address.

Both build the same network, described in `networks/`: a VPC with three subnets, a group for
clients and, unless `endpoint` is false, an endpoint of its own for Step Functions.

Nothing is downloaded. Terraform's provider is looked for unpacked in a filesystem mirror, named
by TF_PLUGIN_MIRROR or standing in the system's folder for add-on packages; `ansible-playbook` on
the PATH or in the folder ANSIBLE_BIN, with the collection amazon.aws importable. A test is
skipped where its tool is missing, with the reason.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import pytest

NETWORKS = Path(__file__).parent / "networks"
NO_CHANGE, CHANGES = 0, 2
"""What `terraform plan -detailed-exitcode` ends with."""

_PROVIDER = "registry.terraform.io/hashicorp/aws"
_PATIENCE_SECONDS = 280
_CHANGED = re.compile(r"^localhost +:.* changed=(\d+) ", re.MULTILINE)

Value = str | int | bool


@dataclass(frozen=True, slots=True)
class Tool:
    """A command with its environment; `version` says what is run."""

    folder: Path
    command: str
    environment: Mapping[str, str]
    version: str

    def at(self, url: str) -> Self:
        """Return the tool for the local AWS at this address."""
        return replace(self, environment={**self.environment, "AWS_ENDPOINT_URL": url})


class Terraform(Tool):
    """Runs terraform in a folder that has the network's configuration."""

    def __call__(self, *arguments: str, allowed: int = 0, **variables: Value) -> int:
        """Return the exit status of a command; fail unless it is 0 or `allowed`."""
        given = {f"TF_VAR_{name}": _text(value) for name, value in variables.items()}
        done = _run(
            [self.command, *arguments, "-no-color"], self.folder, {**self.environment, **given}
        )
        assert done.returncode in {0, allowed}, f"{done.stdout}\n{done.stderr}"
        return done.returncode


class Ansible(Tool):
    """Runs playbooks of `networks/`."""

    def __call__(self, playbook: str, **variables: Value) -> int:
        """Return how many tasks changed something; fail unless all succeeded."""
        given = ("--extra-vars", json.dumps(variables))
        done = _run([self.command, str(NETWORKS / playbook), *given], self.folder, self.environment)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        (changed,) = _CHANGED.findall(done.stdout)
        return int(changed)


def terraform(folder: Path, url: str = "") -> Terraform:
    """Prepare a folder for Terraform; skip the test where it or its provider is missing."""
    command = shutil.which("terraform")
    if command is None:
        pytest.skip("terraform is not installed")
    plugin = _plugin()
    shutil.copy(NETWORKS / "network.tf", folder)
    # The provider is used as it lies there: `init` would copy and hash its 700 MB.
    settings = folder / "terraform.rc"
    used = f'dev_overrides {{ "hashicorp/aws" = "{plugin}" }}'
    settings.write_text(f"provider_installation {{\n  {used}\n}}\n")
    environment = {
        **_environment(folder, url),
        "TF_CLI_CONFIG_FILE": str(settings),
        "CHECKPOINT_DISABLE": "1",
        # Most of a run's time goes into reading the provider's schema, and half of that into
        # collecting garbage.
        "GOGC": "400",
    }
    asked = _run([command, "version", "-json"], folder, environment)
    own = json.loads(asked.stdout)["terraform_version"]
    return Terraform(
        folder, command, environment, f"Terraform {own}, provider aws {plugin.parent.name}"
    )


def ansible(folder: Path, url: str = "") -> Ansible:
    """Prepare a folder for Ansible; skip the test where it or the collection is missing."""
    command = shutil.which("ansible-playbook", path=os.environ.get("ANSIBLE_BIN"))
    if command is None:
        pytest.skip("ansible-playbook is neither on the PATH nor in ANSIBLE_BIN")
    python = Path(command).read_text().splitlines()[0].removeprefix("#!")
    code = (
        "import json, boto3, ansible.release, ansible_collections.amazon.aws as aws, pathlib;"
        "about = json.loads((pathlib.Path(list(aws.__path__)[0]) / 'MANIFEST.json').read_text());"
        "print(ansible.release.__version__, about['collection_info']['version'])"
    )
    environment = {
        **_environment(folder, url),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
        "LC_ALL": "C.UTF-8",
    }
    asked = _run([python, "-c", code], folder, environment)
    if asked.returncode:
        pytest.skip(f"amazon.aws is not importable: {asked.stderr.strip().splitlines()[-1]}")
    own, collection = asked.stdout.split()
    return Ansible(
        folder, command, environment, f"ansible-core {own}, collection amazon.aws {collection}"
    )


def _plugin() -> Path:
    """Return the folder of the newest provider, unpacked."""
    named = os.environ.get("TF_PLUGIN_MIRROR")
    mirrors = [Path(named)] if named else sorted(Path("/opt").glob("*"))
    found = [path for mirror in mirrors for path in (mirror / _PROVIDER).glob("*/*_*/")]
    if not found:
        pytest.skip("no Terraform provider: name a mirror with hashicorp/aws in TF_PLUGIN_MIRROR")
    return max(found, key=lambda path: [int(part) for part in path.parent.name.split(".")])


def _environment(folder: Path, url: str) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "HOME": str(folder),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "typed-by-hand",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=_PATIENCE_SECONDS,
        check=False,
    )


def _text(value: Value) -> str:
    """Return a variable as Terraform reads it from the environment."""
    return value if isinstance(value, str) else json.dumps(value)

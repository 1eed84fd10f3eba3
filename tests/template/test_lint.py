"""The linters on the template, and what no file of the repository may hold."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from stack_template import ROOT, template

# The tools of this environment first, whether or not it is activated.
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
SAM, CFN_LINT = (shutil.which(tool, path=PATH) for tool in ("sam", "cfn-lint"))


@pytest.mark.skipif(SAM is None, reason="the SAM CLI is not installed")
def test_sam_finds_the_template_valid() -> None:
    """`sam validate --lint` has nothing to say; no credentials are needed."""
    env = {**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run(
        [str(SAM), "validate", "--lint"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(CFN_LINT is None, reason="cfn-lint is not installed")
def test_the_expanded_template_is_valid_too(tmp_path: Path) -> None:
    """What CloudFormation gets after the transform is linted as well as what we wrote."""
    expanded = {
        **{k: v for k, v in template().source.items() if k not in {"Transform", "Globals"}},
        "Resources": template().resources,
    }
    path = tmp_path / "expanded.json"
    path.write_text(json.dumps(expanded, default=str))
    done = subprocess.run(
        [str(CFN_LINT), str(path)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_built_template_has_no_aliases() -> None:
    """template.yaml uses YAML anchors, which CloudFormation does not read: sam resolves them."""
    built = ROOT / ".aws-sam" / "build" / "template.yaml"
    if not built.exists():
        pytest.skip("no artifact; run `make build`")
    assert "&id0" not in built.read_text()


def test_no_file_names_a_machine_or_a_package_index() -> None:
    """Paths of one machine and index addresses would fail everywhere else."""
    marks = ["/" + "root/", "/" + "work/", "--" + "index-url", "--" + "extra-index-url"]
    found = [
        f"{path.relative_to(ROOT)}: {mark}"
        for path in _tracked()
        for mark in marks
        if mark in path.read_text(encoding="utf-8", errors="replace")
    ]
    assert not found


def _tracked() -> Iterator[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git working tree")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.split("\0"):
        if name and (ROOT / name).is_file():
            yield ROOT / name

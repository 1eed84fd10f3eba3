"""The built artifact: everything that Lambda needs, nothing else, for any Python from 3.11."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from stack_template import FUNCTIONS, ROOT, template

BUILD = ROOT / ".aws-sam" / "build"
SHIPPED = {"handlers", "guardrail", "baseline"}
pytestmark = pytest.mark.skipif(not BUILD.is_dir(), reason="no artifact; run `make build`")


@cache
def _files(function: str) -> dict[str, str]:
    """Return path and hash of every file in an artifact."""
    root = BUILD / function
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _sources() -> dict[str, str]:
    root = ROOT / "src"
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for name in SHIPPED
        for path in (root / name).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_artifact_holds_the_sources_as_they_are(function: str) -> None:
    """Byte for byte what stands under src/ now: neither stale nor extended."""
    ours = {p: h for p, h in _files(function).items() if p.split("/")[0] in SHIPPED}
    assert ours == _sources(), "the artifact is stale; run `make build`"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_artifact_holds_nothing_else_but_the_pinned_packages(function: str) -> None:
    """Each top-level name is ours or belongs to a package of src/requirements.txt."""
    pinned = re.findall(r"^([a-z0-9-]+)==", (ROOT / "src/requirements.txt").read_text(), re.M)
    recorded = {
        line.split(",")[0].split("/")[0]
        for path in (BUILD / function).glob("*.dist-info/RECORD")
        for line in path.read_text().splitlines()
    }
    top = {path.split("/")[0] for path in _files(function)}
    assert top <= recorded | SHIPPED
    assert len([name for name in top if name.endswith(".dist-info")]) == len(pinned)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_artifact_runs_on_any_machine(function: str) -> None:
    """Pure Python only: what runs locally is what arm64 runs."""
    binaries = [p for p in _files(function) if p.endswith((".so", ".pyd", ".pyc", ".dylib"))]
    assert not binaries


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_artifact_has_no_build_files_or_scripts(function: str) -> None:
    """Makefile, requirements, tests, tools and console scripts stay at home."""
    top = {path.split("/")[0] for path in _files(function)}
    assert not top & {"Makefile", "requirements.txt", "tests", "tools", "events", "bin"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_artifact_does_not_depend_on_who_built_it(function: str) -> None:
    """No console scripts (their first line names the Python of the builder), and no installer."""
    records = (BUILD / function).glob("*.dist-info/RECORD")
    lines = [line for path in records for line in path.read_text().splitlines()]
    assert lines
    assert not [line for line in lines if re.search(r"(^|/)(bin/|INSTALLER,|REQUESTED,)", line)]
    assert not list((BUILD / function).glob("*.dist-info/INSTALLER"))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_artifact_is_far_below_the_limit(function: str) -> None:
    """Lambda unpacks 250 MB at most; ours is a seventh of that, nearly all of it the SDK."""
    size = sum((BUILD / function / path).stat().st_size for path in _files(function))
    assert size < 36_000_000


def test_the_three_artifacts_are_identical() -> None:
    """Three builds of the same sources give the same bytes."""
    first, *others = (_files(function) for function in FUNCTIONS)
    assert all(other == first for other in others)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_handler_can_be_imported_from_the_artifact_alone(function: str, tmp_path: Path) -> None:
    """Without this project's environment, and with the SDK that was packed."""
    module = template().properties(function)["Handler"].rpartition(".")[0]
    artifact = BUILD / function
    code = (
        f"import sys; sys.dont_write_bytecode = True; sys.path.insert(0, {str(artifact)!r})\n"
        f"import {module}, boto3, aws_lambda_powertools\n"
        "print(boto3.__file__, aws_lambda_powertools.__file__, sep='\\n')"
    )
    # -I: no PYTHONPATH and no folder of the caller; -S: no site-packages.
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert all(Path(line).is_relative_to(artifact) for line in done.stdout.split())

"""The one artifact of all functions: what the build holds, the same bytes each time."""

from __future__ import annotations

import io
import os
import re
import shutil
import zipfile
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse

from guardrail_cli.documents import UsageError
from guardrail_cli.org.artifact import built_files, zipped
from guardrail_cli.org.packaging import Release, release, write
from guardrail_sandbox.sandbox import ROOT

FUNCTIONS = ("One", "Two")
PIN = "some-package==1.2.3 \\\n    --hash=sha256:00\n"
METADATA = "some_package-1.2.3.dist-info"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project of two functions that is built."""
    _write(tmp_path / "src/requirements.txt", PIN)
    _write(tmp_path / "src/Makefile", "build-One:")
    for folder in ("src", *(f".aws-sam/build/{name}" for name in FUNCTIONS)):
        _write(tmp_path / folder / "handlers/sweep.py", "SWEEP = 1\n")
        _write(tmp_path / folder / "baseline/states.json", "{}\n")
    for name in FUNCTIONS:
        _write(tmp_path / ".aws-sam/build" / name / METADATA / "RECORD", "")
        _write(tmp_path / ".aws-sam/build" / name / "some_package/__init__.py", "")
    return tmp_path


def test_the_zip_holds_what_the_build_holds(project: Path) -> None:
    """Every file, byte for byte, readable for the user that Lambda runs the code as."""
    build = project / ".aws-sam/build/One"
    with zipfile.ZipFile(io.BytesIO(zipped(built_files(project, FUNCTIONS)))) as archive:
        held = {entry.filename: archive.read(entry) for entry in archive.infolist()}
        modes = {entry.external_attr >> 16 for entry in archive.infolist()}
    assert held == {
        str(path.relative_to(build)): path.read_bytes()
        for path in build.rglob("*")
        if path.is_file()
    }
    assert modes == {0o100644}


def test_times_permissions_and_compiled_modules_do_not_count(project: Path) -> None:
    """Whoever built it, and whenever: the same files are the same bytes."""
    before = zipped(built_files(project, FUNCTIONS))
    for path in (project / ".aws-sam").rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    _write(project / ".aws-sam/build/One/handlers/__pycache__/sweep.cpython-313.pyc", "x")
    _write(project / "src/handlers/__pycache__/sweep.cpython-311.pyc", "y")
    assert zipped(built_files(project, FUNCTIONS)) == before


def test_the_order_in_which_files_are_found_does_not_count() -> None:
    """File systems list folders in any order."""
    assert zipped({"b": b"2", "a": b"1"}) == zipped({"a": b"1", "b": b"2"})


def test_another_content_is_another_zip() -> None:
    """Else an upgrade would not be noticed."""
    assert zipped({"a": b"1"}) != zipped({"a": b"2"})


@pytest.mark.parametrize("missing", [".aws-sam", ".aws-sam/build/One", ".aws-sam/build/Two"])
def test_without_a_build_it_says_to_make_one(project: Path, missing: str) -> None:
    """Of all functions, and where it was looked for."""
    shutil.rmtree(project / missing)
    with pytest.raises(UsageError, match=r"build/(One|Two): there is no build; run `make build`"):
        built_files(project, FUNCTIONS)


@pytest.mark.parametrize(
    ("path", "text", "named"),
    [
        ("src/handlers/sweep.py", "SWEEP = 2\n", "handlers/sweep.py"),
        ("src/handlers/new.py", "", "handlers/new.py"),
        (".aws-sam/build/One/handlers/old.py", "", "handlers/old.py"),
        ("src/requirements.txt", PIN.replace("1.2.3", "1.2.4"), "some_package-1.2.4.dist-info"),
        ("src/requirements.txt", PIN + "other==1\n", "other-1.dist-info"),
    ],
)
def test_a_build_of_other_sources_is_refused(
    project: Path, path: str, text: str, named: str
) -> None:
    """Changed, added, removed, or with other packages: it names what is different."""
    _write(project / path, text)
    with pytest.raises(UsageError, match=r"older than the sources.*run `make build`") as refused:
        built_files(project, FUNCTIONS)
    assert named in str(refused.value)


def test_functions_of_different_files_cannot_share_an_artifact(project: Path) -> None:
    """It says which, and what is different."""
    _write(project / ".aws-sam/build/Two/some_package/more.py", "")
    with pytest.raises(UsageError, match=r"One and Two .*\(some_package/more\.py\)"):
        built_files(project, FUNCTIONS)


def test_a_folder_without_template_is_no_project(project: Path) -> None:
    """It says where one would have to stand."""
    with pytest.raises(UsageError, match=r"template\.yaml: No such file"):
        release(project)


def test_a_template_that_is_no_yaml_is_refused(project: Path) -> None:
    """With the file's name and the place."""
    _write(project / "template.yaml", "Resources: [")
    with pytest.raises(UsageError, match=r"(?s)template\.yaml: .*line 1"):
        release(project)


def test_what_is_written_is_laid_out_as_a_bucket_is(tmp_path: Path) -> None:
    """So that `aws s3 sync` publishes it; the template once more by a name that changes with it."""
    key = "sfn-endpoint-guardrail/d.zip"
    written = [Release(text, b"zip", "d" * 64, key) for text in ("{}", '{"A":1}')]
    for one in written:
        write(one, tmp_path)
    assert (tmp_path / "template.json").read_text() == '{"A":1}'
    assert (tmp_path / "artifacts" / key).read_bytes() == b"zip"
    for one in written:
        assert (tmp_path / "artifacts" / one.template_key).read_text() == one.template


def test_the_stack_set_in_cloudformation_takes_a_template_by_its_hash_alone() -> None:
    """An update sees a new release by another address; a template may change without the code."""
    one, other = (Release(text, b"zip", "d" * 64, "d.zip") for text in ("{}", '{"A":1}'))
    assert one.template_key != other.template_key
    template = yaml_parse((ROOT / "deploy" / "stack-set.yaml").read_text(encoding="utf-8"))
    pattern = template["Parameters"]["TemplateUrl"]["AllowedPattern"]
    bucket = "https://acme-eu-west-1.s3.eu-west-1.amazonaws.com"
    assert re.fullmatch(pattern, f"{bucket}/{one.template_key}")
    assert not re.fullmatch(pattern, f"{bucket}/sfn-endpoint-guardrail/template.json")

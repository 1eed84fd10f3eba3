"""The organisation's template: what SAM would deploy, without SAM, in every region."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from sam_by_hand import by_hand
from stack_template import FUNCTIONS, ROOT, template, texts
from test_lint import CFN_LINT

from guardrail.aws.last_sweep import KEY
from guardrail_cli.documents import UsageError
from guardrail_cli.org.packaging import Release, release, write
from guardrail_cli.org.problems import ROLE
from guardrail_cli.org.template import PREFIX, expanded, source

pytestmark = pytest.mark.skipif(
    not (ROOT / ".aws-sam" / "build").is_dir(), reason="no artifact; run `make build`"
)
LONGEST_NAME_OF_A_REGION = 16
DESCRIBE_HASH = (
    "import hashlib; from pathlib import Path; from guardrail_cli.org.packaging import release;"
    "made = release(Path());"
    "print(hashlib.sha256(made.template.encode()).hexdigest(), made.digest)"
)


@cache
def _release() -> Release:
    return release(ROOT)


@cache
def _addition() -> Mapping[str, Any]:
    added: dict[str, Any] = json.loads(json.dumps(source(ROOT / "deploy" / "status-role.yaml")))
    return added


@cache
def _plain() -> Mapping[str, Any]:
    plain: dict[str, Any] = json.loads(_release().template)
    return plain


def _of_type(kind: str) -> dict[str, Mapping[str, Any]]:
    found = _plain()["Resources"].items()
    return {k: r.get("Properties", {}) for k, r in found if r["Type"] == kind}


def test_it_has_no_transform_and_no_leftover_of_sam() -> None:
    """Service-managed StackSets refuse transforms, and nothing that SAM alone reads is left."""
    assert set(_plain()) == {
        *("AWSTemplateFormatVersion", "Description", "Metadata", "Parameters"),
        *("Conditions", "Resources", "Outputs"),
    }
    assert not [r for r in _plain()["Resources"].values() if "Metadata" in r]
    assert "AWS::Serverless" not in _release().template
    assert "Fn::Transform" not in _release().template
    assert "AWS::CloudFormation::Stack" not in _release().template


def test_its_resources_are_those_that_sam_would_deploy() -> None:
    """All but the code's place, compared with what SAM's specification says, done by hand."""
    ours = json.loads(_release().template)["Resources"]
    for addition in _addition()["Resources"]:
        del ours[addition]
    for function in FUNCTIONS:
        del ours[function]["Properties"]["Code"]
    wanted = by_hand(template().source)
    assert set(ours) == set(wanted)
    for name, resource in wanted.items():
        assert ours[name] == resource, name


def test_parameters_conditions_outputs_and_texts_are_kept() -> None:
    """One parameter and one output are added, with a group and a label; and the status role."""
    ours, written = json.loads(_release().template), template().source
    added = set(_addition()["Parameters"])
    for section, members in _addition().items():
        for name in members:
            assert ours[section].pop(name) == members[name]
    del ours["Parameters"][PREFIX], ours["Outputs"]["Version"]
    interface = ours["Metadata"]["AWS::CloudFormation::Interface"]
    assert interface["ParameterGroups"].pop()["Parameters"] == [PREFIX]
    assert interface["ParameterLabels"].pop(PREFIX)
    for part in ("Description", "Metadata", "Parameters", "Conditions", "Outputs"):
        assert ours[part] == written[part], part
    assert set(_plain()["Parameters"]) == {*written["Parameters"], PREFIX, *added}


def test_all_functions_run_the_artifact_of_their_own_region() -> None:
    """Lambda takes code from a bucket of its region only; the hash makes an upgrade a change."""
    made = _release()
    codes = [p["Code"] for p in _of_type("AWS::Lambda::Function").values()]
    assert len(codes) == len(FUNCTIONS)
    for code in codes:
        assert code == {
            "S3Bucket": {"Fn::Sub": "${ArtifactPrefix}-${AWS::Region}"},
            "S3Key": f"sfn-endpoint-guardrail/{made.digest}.zip",
        }
    assert made.digest == hashlib.sha256(made.artifact).hexdigest()
    assert made.key == codes[0]["S3Key"]
    assert _plain()["Outputs"]["Version"]["Value"] == made.version
    assert made.digest.startswith(made.version)


@pytest.mark.parametrize(
    ("prefix", "taken"),
    [
        ("acme-guardrail", True),
        ("a" * 46, True),
        ("a" * 47, False),
        ("acme.guardrail", False),
        ("Acme", False),
        ("acme-", False),
        ("", False),
    ],
)
def test_the_prefix_makes_names_that_buckets_may_have(prefix: str, taken: bool) -> None:  # noqa: FBT001 - a table
    """63 characters with the longest region, and no dot, which TLS could not serve."""
    parameter = _plain()["Parameters"][PREFIX]
    assert "Default" not in parameter
    assert bool(re.search(parameter["AllowedPattern"], prefix)) == taken
    assert not taken or len(prefix) + 1 + LONGEST_NAME_OF_A_REGION <= 63


def test_no_region_and_no_partition_is_baked_in() -> None:
    """Neither by the translator, whatever region it believes to be in, nor by us."""
    anywhere = expanded(source(ROOT / "template.yaml"))
    for region in ("cn-north-1", "us-gov-west-1", "us-iso-east-1"):
        assert expanded(source(ROOT / "template.yaml"), region) == anywhere
    session = botocore.session.get_session()
    regions = [
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("ec2", partition)
    ]
    assert max(map(len, regions)) <= LONGEST_NAME_OF_A_REGION
    assert not [text for text in texts(_plain()) for region in regions if region in text]
    assert not re.findall(r"arn:aws[a-z-]*:", _release().template)


def test_what_sam_would_refuse_is_refused_with_its_reason() -> None:
    """It names the resource."""
    wrong = source(ROOT / "template.yaml")
    wrong["Resources"]["Sweep"]["Properties"]["Handlers"] = "handlers.sweep.handler"
    with pytest.raises(UsageError, match=r"\[Sweep\].*Handlers"):
        expanded(wrong)


def test_another_machine_makes_the_same_bytes() -> None:
    """Another region in the environment and another order of sets change nothing."""
    env = {
        **os.environ,
        "AWS_DEFAULT_REGION": "cn-north-1",
        "AWS_REGION": "cn-north-1",
        "PYTHONHASHSEED": "7",
        "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("src", "tools")),
    }
    done = subprocess.run(
        [sys.executable, "-c", DESCRIBE_HASH],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    made = _release()
    here = hashlib.sha256(made.template.encode()).hexdigest()
    assert done.stdout.split() == [here, made.digest]


def test_it_stays_below_the_limits() -> None:
    """A request takes 51,200 bytes of template, a stack 500 resources and 200 parameters.

    Source: CloudFormation quotas.
    """
    assert len(_release().template.encode()) <= 51_200
    assert len(_plain()["Resources"]) <= 500
    assert len(_plain()["Parameters"]) <= 200
    assert len(_plain()["Outputs"]) <= 200


def test_stacks_of_two_regions_do_not_meet_in_iam() -> None:
    """Names in IAM are global: one role has its own, and is made in a single region."""
    roles = _of_type("AWS::IAM::Role")
    assert [name for name, properties in roles.items() if "RoleName" in properties] == [
        "StatusRole"
    ]
    assert _plain()["Resources"]["StatusRole"]["Condition"] == "HasStatusRole"
    here = {"Fn::Equals": [{"Ref": "StatusRegion"}, {"Ref": "AWS::Region"}]}
    assert here in _plain()["Conditions"]["HasStatusRole"]["Fn::And"]
    kinds = {r["Type"] for r in _plain()["Resources"].values()}
    assert {k for k in kinds if k.startswith("AWS::IAM")} == {"AWS::IAM::Role", "AWS::IAM::Policy"}


def test_the_status_role_reads_the_stacks_and_one_item_of_their_tables() -> None:
    """Nothing else, and nobody but who was named; the commands know its name."""
    role = _of_type("AWS::IAM::Role")["StatusRole"]
    assert role["RoleName"] == ROLE
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": {"Ref": "StatusReader"}}
    (policy,) = role["Policies"]
    by_action = {s["Action"]: s for s in policy["PolicyDocument"]["Statement"]}
    assert set(by_action) == {"cloudformation:DescribeStacks", "dynamodb:GetItem"}
    keys = by_action["dynamodb:GetItem"]["Condition"]["ForAllValues:StringEquals"]
    assert keys == {"dynamodb:LeadingKeys": [KEY["pk"]["S"]]}


def test_the_artifact_holds_the_build() -> None:
    """File by file, those of any function, and unpacked it stays below Lambda's 250 MB."""
    build = ROOT / ".aws-sam" / "build" / "Sweep"
    with zipfile.ZipFile(io.BytesIO(_release().artifact)) as archive:
        held = {entry.filename: entry.CRC for entry in archive.infolist()}
        size = sum(entry.file_size for entry in archive.infolist())
    assert held == {
        path.relative_to(build).as_posix(): zlib.crc32(path.read_bytes())
        for path in build.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert size < 250_000_000


@pytest.mark.skipif(CFN_LINT is None, reason="cfn-lint is not installed")
def test_cfn_lint_has_nothing_to_say(tmp_path: Path) -> None:
    """Of the bytes that CloudFormation gets."""
    write(_release(), tmp_path)
    done = subprocess.run(
        [str(CFN_LINT), "template.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

"""What status tells of the management account, which no stack set reaches."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import Result
from moto.core import DEFAULT_ACCOUNT_ID
from organisation_site import NAME, RECORDS, new_organisation, refuse
from typer.testing import CliRunner

from guardrail.aws.last_sweep import LastSweep
from guardrail_cli.main import app
from guardrail_cli.org.model import Definition
from guardrail_cli.org.row import UNCOVERED, Row
from guardrail_cli.org.status import of_management
from guardrail_cli.org.target import Target
from guardrail_cli.org.told import Own
from support.stack_sets import FakeOrganisation, FakeStackSets

RUN = CliRunner()
REGION = "us-east-1"
TEMPLATE = json.dumps(
    {
        "Parameters": {"Mode": {"Type": "String", "Default": "observe"}},
        "Resources": {"Records": RECORDS},
        "Outputs": {"Table": {"Value": {"Ref": "Records"}}, "Version": {"Value": "0123456789ab"}},
    }
)
STANDING = Definition(TEMPLATE, {"Mode": "enforce"}, ("ou-1",), (REGION,))


@pytest.fixture(autouse=True)
def management(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be the management account of moto's own id."""
    monkeypatch.delenv("MOTO_ACCOUNT_ID")
    new_organisation()


def deploy_plain() -> None:
    """Deploy the plain stack, and let it sweep."""
    boto3.client("cloudformation").create_stack(StackName=NAME, TemplateBody=TEMPLATE)
    LastSweep(boto3.client("dynamodb"), "records").note(datetime.now(UTC), "observe", {})


def row(standing: Definition = STANDING) -> Row:
    """Return the row of the only region."""
    (only,) = of_management(DEFAULT_ACCOUNT_ID, standing, Own(), Target(NAME, REGION))
    assert (only.account, only.region) == (DEFAULT_ACCOUNT_ID, REGION)
    return only


def test_its_plain_stack_is_a_row_as_any_other() -> None:
    """With version, mode and last sweep."""
    deploy_plain()
    found = row(Definition(TEMPLATE, {"Mode": "observe"}, (), (REGION,)))
    assert (found.state, found.version, found.mode) == ("PLAIN", "0123456789ab", "observe")
    assert (found.fine, found.problem) == (True, "")


def test_a_plain_stack_of_another_version_is_told() -> None:
    """An upgrade of the set does not reach it."""
    deploy_plain()
    newer = Definition(TEMPLATE.replace("0123456789ab", "ba9876543210"), {}, (), (REGION,))
    assert "the stack set has ba9876543210: update the plain stack" in row(newer).line()
    assert not row(newer).fine


def test_a_plain_stack_of_another_mode_is_told() -> None:
    """Nor does a change of its mode; somebody may have deployed it anew as it was at first."""
    deploy_plain()
    assert "its mode is observe, the stack set's enforce: update the plain" in row().line()
    assert not row().fine


def test_vpcs_without_a_plain_stack_are_told() -> None:
    """Default ones do not count, as the guardrail leaves them alone unless told otherwise."""
    assert (row().state, row().fine) == (UNCOVERED, True)
    assert "there is no VPC but default ones" in row().line()
    boto3.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")
    assert not row().fine
    assert "1 VPCs are not covered" in row().line()
    assert "deploy/README.md" in row().line()


def test_default_vpcs_are_told_where_they_would_be_covered() -> None:
    """With DefaultVpcs=include the guardrail gives them endpoints, too."""
    including = replace(STANDING, parameters={"DefaultVpcs": "include"})
    assert "1 VPCs are not covered" in row(including).line()


@pytest.mark.parametrize("operation", ["DescribeVpcs", "DescribeStacks"])
def test_what_may_not_be_looked_at_is_told(monkeypatch: pytest.MonkeyPatch, operation: str) -> None:
    """Nobody can say whether it is covered."""
    refuse(monkeypatch, operation, "AccessDenied")
    assert not row().fine
    assert "AccessDenied" in row().problem


OBSERVING = Definition(TEMPLATE, {}, (), (REGION,))


def status(
    monkeypatch: pytest.MonkeyPatch, *options: str, standing: Definition = OBSERVING
) -> Result:
    """Run the command for a set that has no stack, but is known in a region."""
    sets = FakeStackSets(FakeOrganisation({}), STANDING)
    monkeypatch.setattr(Target, "sets", lambda _: sets)
    monkeypatch.setattr(Target, "definition", lambda _: standing)
    return RUN.invoke(app, ["org", "status", "--home", REGION, *options])


def test_the_command_shows_it_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A place without a stack is not counted as one."""
    result = status(monkeypatch)
    assert result.stdout.startswith(f"{DEFAULT_ACCOUNT_ID} {REGION}      UNCOVERED")
    assert result.stdout.endswith("0 stacks, 0 to look at\n")
    deploy_plain()
    result = status(monkeypatch)
    assert (result.exit_code, result.stdout.endswith("1 stacks, 0 to look at\n")) == (0, True)
    told: dict[str, Any] = json.loads(status(monkeypatch, "--format", "json").stdout)
    assert (told["state"], told["problem"]) == ("PLAIN", "")


def test_a_second_set_is_no_measure_of_the_plain_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sets of different modes would never both be fine."""
    deploy_plain()
    pilot = Definition(TEMPLATE, {"Mode": "enforce"}, (), (REGION,))
    for name, code in ((NAME, 1), (f"{NAME}-pilot", 0)):
        result = status(monkeypatch, "--stack-set", name, standing=pilot)
        assert (result.exit_code, "its mode is observe" in result.stdout) == (code, code == 1)
    assert f"compared with the stack set {NAME} alone" in result.stdout


def test_a_delegated_administrator_cannot_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own account is a member, which the set may reach."""
    result = status(monkeypatch, "--delegated")
    assert "the management account, which no stack set reaches, is not looked at" in result.output
    assert result.stdout == "0 stacks, 0 to look at\n"


def test_aws_says_that_a_stack_does_not_exist() -> None:
    """The sentence that tells an absent stack from a refusal."""
    with pytest.raises(ClientError, match="does not exist"):
        boto3.client("cloudformation").describe_stacks(StackName=NAME)

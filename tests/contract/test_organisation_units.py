"""Units and regions that the set does not cover as they are named, or not any more.

The units are moto's; the stack set is in memory.
"""

from __future__ import annotations

import json
from dataclasses import replace

import boto3
import pytest
from click.testing import Result
from organisation_site import (
    NAME,
    ROLE,
    be_quick,
    made_by_stack,
    new_organisation,
    new_unit,
    standing,
)
from typer.testing import CliRunner

from guardrail_cli.documents import UsageError
from guardrail_cli.main import app
from guardrail_cli.org import packaging
from guardrail_cli.org.model import Definition
from guardrail_cli.org.organisation import AwsOrganisation, UnitNotFoundError
from guardrail_cli.org.packaging import Release
from guardrail_cli.org.rollout import Rollout
from guardrail_cli.org.row import Row
from guardrail_cli.org.target import Target
from support.stack_sets import FakeArtifacts, FakeOrganisation, FakeStackSets, Said

RUN = CliRunner()
US, EU = REGIONS = ("us-east-1", "eu-west-1")
DECLARED = ("Mode", "ArtifactPrefix", "StatusRegion", "StatusReader")
TEMPLATE = json.dumps(
    {"Parameters": {name: {"Type": "String", "Default": ""} for name in DECLARED}}
)
GONE = "ou-abcd-11111111"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be the management account of moto's own id, and wait for nothing."""
    be_quick(monkeypatch)


@pytest.fixture
def unit() -> str:
    """Make an organisation with an account in a unit, and one in another below."""
    return new_organisation()


@pytest.fixture
def members(unit: str) -> list[str]:
    """Return the accounts of the unit."""
    return AwsOrganisation(US).accounts((unit,))


@pytest.fixture
def sets(members: list[str], unit: str, monkeypatch: pytest.MonkeyPatch) -> FakeStackSets:
    """Deploy a set to the unit, and so to both accounts, in two regions."""
    sets = FakeStackSets(FakeOrganisation({unit: list(members)}))
    deploy(sets, unit)
    sets.looks = 1
    monkeypatch.setattr(Target, "sets", lambda _: sets)
    return sets


def deploy(sets: FakeStackSets, *units: str) -> None:
    """Deploy the set to the accounts of the units."""
    given = {"StatusRegion": EU, "ArtifactPrefix": "acme", "Mode": "observe"}
    wanted = Definition(TEMPLATE, given, units, REGIONS)
    rollout = Rollout(sets, sets.organisation, FakeArtifacts(), Said(), sleep=lambda _: None)
    assert rollout.deploy(wanted) == {}


def org(command: str, *options: str) -> Result:
    """Run a command."""
    return RUN.invoke(app, ["org", command, "--home", US, *options])


def of(units: str, *regions: str) -> list[str]:
    """Return the other options that plan and deploy need."""
    where = ("--organization-units", units, "--regions", ",".join(regions))
    return [*where, "--artifact-prefix", "acme"]


def release(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the template of the set be the release, whose code is in every bucket."""
    today = Release(TEMPLATE, b"code", "ab" * 32, "key")
    monkeypatch.setattr(packaging, "release", lambda _: today)
    monkeypatch.setattr(Rollout, "publish", lambda *_: None)


def below(unit: str) -> str:
    """Return the unit that is below another."""
    client = boto3.client("organizations")
    units = client.list_organizational_units_for_parent(ParentId=unit)["OrganizationalUnits"]
    return str(units[0]["Id"])


def test_a_part_of_a_unit_cannot_be_taken_out(sets: FakeStackSets, unit: str) -> None:
    """Its stacks are those of the unit above, which is told, and what can be done."""
    part = below(unit)
    refused = org("remove", "--yes", "--organization-units", part)
    assert f"the stack set was not deployed to {part} itself" in str(refused.exception)
    assert f"belong to {unit}: name that" in str(refused.exception)
    assert "move accounts that are to have none out of it" in str(refused.exception)
    assert len(sets.stacks) == 4


def test_what_is_above_the_units_of_the_set_is_none_of_them(sets: FakeStackSets, unit: str) -> None:
    """The root holds every stack, and owns none."""
    root = boto3.client("organizations").list_roots()["Roots"][0]["Id"]
    refused = org("remove", "--yes", "--organization-units", root)
    assert f"belong to {unit}: name that" in str(refused.exception)
    assert len(sets.stacks) == 4


def test_a_unit_that_was_taken_out_can_be_named_again(sets: FakeStackSets, unit: str) -> None:
    """Nothing is left to do then, there and in the units below, which the set never had."""
    other = new_unit(boto3.client("organizations"), unit, "other")
    sets.organisation.units[other] = ["000000000099"]
    deploy(sets, unit, other)
    for _ in range(2):
        removed = org("remove", "--yes", "--organization-units", f"{unit},{below(unit)}")
        assert removed.exit_code == 0, removed.output
    assert "the set has no stacks there" in removed.output
    assert {one.unit for one in sets.stacks.values()} == {other}


def test_a_unit_that_is_not_there_is_named_with_what_takes_it_out(unit: str) -> None:
    """Beside others that are."""
    told = f"there is no unit {GONE} in it.*org remove --organization-units {GONE}, with the same"
    with pytest.raises(UnitNotFoundError, match=told):
        AwsOrganisation(US).accounts((unit, GONE))


def test_status_tells_of_a_unit_that_is_not_there_and_goes_on(
    sets: FakeStackSets, members: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody has to look at it, though all rows are printed and fine."""
    monkeypatch.setattr(Row, "fine", True)
    assert org("status").exit_code == 0
    sets.registered[GONE] = frozenset(REGIONS)
    told = org("status", "--format", "json")
    assert isinstance(told.exception, SystemExit), told.exception
    assert told.exit_code == 1
    assert f"there is no unit {GONE}" in told.stderr
    rows = [json.loads(line) for line in told.stdout.splitlines()]
    assert {row["account"] for row in rows} >= set(members)


def test_a_unit_that_is_not_there_can_be_taken_out(sets: FakeStackSets, members: list[str]) -> None:
    """With what stacks of it made in an account that has left it; a second time it is nothing."""
    place = (members[0], US)
    made_by_stack(place)
    sets.organisation.units[GONE] = []
    sets.registered[GONE] = frozenset(REGIONS)
    sets.stacks[place] = replace(sets.stacks[place], unit=GONE)
    for _ in range(2):
        options = ("--delete-endpoints", "--role", ROLE, "--organization-units", GONE)
        removed = org("remove", "--yes", *options)
        assert removed.exit_code == 0, removed.output
    assert GONE not in sets.registered
    assert (len(sets.stacks), standing(place)) == (3, set())


@pytest.mark.parametrize("command", ["plan", "deploy"])
def test_deploying_to_a_unit_that_is_not_there_is_refused_by_its_name(
    sets: FakeStackSets, unit: str, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Whether the set has it or it is a slip."""
    release(monkeypatch)
    sets.registered[GONE] = frozenset(REGIONS)
    refused = org(command, *of(f"{unit},{GONE}", *REGIONS))
    assert f"there is no unit {GONE}" in str(refused.exception)


@pytest.mark.usefixtures("sets")
def test_a_set_can_be_planned_after_the_region_of_the_status_roles_was_taken_out(
    unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody may read the status, so no stack has such a role; another region is chosen."""
    release(monkeypatch)
    assert org("remove", "--yes", "--regions", EU).exit_code == 0
    planned = org("plan", *of(unit, US))
    assert planned.exit_code == 0, planned.exception
    assert f"StatusRegion: '{EU}' becomes '{US}'" in planned.output
    given = org("plan", *of(unit, US), "--parameter", f"StatusRegion={EU}")
    assert isinstance(given.exception, UsageError)
    assert f"give --parameter StatusRegion={US}" in str(given.exception)


def test_a_home_that_is_empty_is_refused() -> None:
    """A variable of the shell that is not set."""
    refused = RUN.invoke(app, ["org", "status", "--home", "", "--stack-set", NAME])
    assert isinstance(refused.exception, UsageError)
    assert "--home names no region" in str(refused.exception)

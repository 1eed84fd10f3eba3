"""The command that takes a stack set, and what its stacks made, out of an organisation.

Accounts and what is in them are moto's. The stack set is in memory: moto does not delete stacks of
a service-managed one.
"""

from __future__ import annotations

import boto3
import pytest
from click.testing import Result
from organisation_site import (
    NAME,
    ROLE,
    be_quick,
    made,
    made_by_stack,
    new_organisation,
    refuse,
    removed,
    stack_id,
    standing,
)
from typer.testing import CliRunner

from guardrail_cli.main import app
from guardrail_cli.org import removing
from guardrail_cli.org.model import Definition
from guardrail_cli.org.organisation import AwsOrganisation
from guardrail_cli.org.rollout import Rollout
from guardrail_cli.org.target import Target
from support.stack_sets import FakeArtifacts, FakeOrganisation, FakeStackSets, Said

RUN = CliRunner()
REGIONS = ("us-east-1", "eu-west-1")
READER = "arn:aws:iam::111122223333:role/platform"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be the management account of moto's own id, and wait for nothing."""
    be_quick(monkeypatch)


@pytest.fixture
def unit() -> str:
    """Make an organisation with two accounts in a unit."""
    return new_organisation()


@pytest.fixture
def members(unit: str) -> list[str]:
    """Return the accounts of the unit."""
    return AwsOrganisation("us-east-1").accounts((unit,))


@pytest.fixture
def sets(members: list[str], unit: str, monkeypatch: pytest.MonkeyPatch) -> FakeStackSets:
    """Deploy a set to both accounts in a region, in which each has an endpoint."""
    sets = FakeStackSets(FakeOrganisation({unit: list(members)}))
    deploy(sets, unit, REGIONS[:1])
    sets.looks = 1
    for account in members:
        made_by_stack((account, "us-east-1"))
    monkeypatch.setattr(Target, "sets", lambda _: sets)
    return sets


def deploy(sets: FakeStackSets, unit: str, regions: tuple[str, ...], **parameters: str) -> None:
    """Deploy the set to the unit's accounts in those regions."""
    wanted = Definition('{"Parameters": {}}', parameters, (unit,), regions)
    rollout = Rollout(sets, sets.organisation, FakeArtifacts(), Said(), sleep=lambda _: None)
    assert rollout.deploy(wanted) == {}


def remove(*options: str, answer: str = "y\ny\n") -> Result:
    """Run the command."""
    arguments = ["org", "remove", "--home", "us-east-1", *options]
    return RUN.invoke(app, arguments, input=answer)


DELETING = ("--delete-endpoints", "--role", ROLE)


def test_stacks_then_endpoints_then_the_set(sets: FakeStackSets, members: list[str]) -> None:
    """Listed and asked about before, with their number."""
    result = remove(*DELETING)
    assert result.exit_code == 0, result.output
    assert result.stdout.count("vpce-") == 2
    assert f"Delete 2 stacks and the stack set {NAME}?" in result.output
    assert "Delete the 2 endpoints and 2 security groups that stacks made, too?" in result.output
    assert "nothing is left of what the deleted stacks made" in result.output
    assert (sets.stacks, sets.standing) == ({}, None)
    assert [standing((account, "us-east-1")) for account in members] == [set(), set()]


@pytest.mark.parametrize("answer", ["n\n", "y\nn\n"])
def test_nothing_is_deleted_unless_both_questions_are_answered_yes(
    sets: FakeStackSets, members: list[str], answer: str
) -> None:
    """The second one is about the endpoints alone, but nothing has happened by then."""
    assert remove(*DELETING, answer=answer).exit_code == 1
    assert len(sets.stacks) == 2
    assert all(standing((account, "us-east-1")) for account in members)


def test_without_the_option_the_endpoints_stay(sets: FakeStackSets, members: list[str]) -> None:
    """They are listed, since there is a role to look with."""
    result = remove("--role", ROLE, answer="y\n")
    assert (result.exit_code, sets.standing) == (0, None)
    asked = f"Delete 2 stacks and the stack set {NAME}, and leave their endpoints?"
    assert asked in result.output
    assert all(standing((account, "us-east-1")) for account in members)


def test_what_is_only_tagged_stays_and_keeps_nothing(
    sets: FakeStackSets, members: list[str]
) -> None:
    """A team copied the tag of the stack: its endpoint is listed, and is its own business."""
    here = (members[0], "us-east-1")
    copied = set(made(here, removed(here)))
    result = remove(*DELETING)
    assert result.exit_code == 0, result.output
    asked = "2 endpoints and 2 security groups that stacks made, too (2 more are not proven"
    assert asked in result.output
    assert f"left alone: {members[0]} us-east-1: not proven to be made by this" in result.output
    assert standing(here) == copied
    assert sets.standing is None


def test_what_is_only_tagged_goes_if_that_is_asked_for(
    sets: FakeStackSets, members: list[str]
) -> None:
    """The second question says how much of it is not proven; set and tables may be gone."""
    here = (members[0], "us-east-1")
    made(here, stack_id(here, number=2))
    asking = (*DELETING, "--also-unproven")
    assert remove(*asking, answer="y\nn\n").exit_code == 1
    assert len(standing(here)) == 4
    result = remove(*asking)
    assert "(2 of these are not proven to be made by this guardrail)" in result.output
    assert (result.exit_code, sets.standing, standing(here)) == (0, None, set())


def test_tables_that_cannot_be_read_keep_the_set(
    sets: FakeStackSets, members: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows what is whose; once the role may read them, the same command does the rest."""
    with monkeypatch.context() as patch:
        refuse(patch, "BatchGetItem", "AccessDeniedException")
        result = remove(*DELETING, "--yes")
    assert result.exit_code == 1
    assert "let the role read the stack's table, or decide: --also-unproven" in result.output
    assert all(standing((account, "us-east-1")) for account in members)
    assert sets.standing
    assert remove(*DELETING, "--yes").exit_code == 0
    assert not any(standing((account, "us-east-1")) for account in members)


def test_deleting_what_is_unproven_needs_the_other_option(sets: FakeStackSets) -> None:
    """It is about endpoints that are deleted."""
    assert "needs --delete-endpoints" in str(remove("--also-unproven").exception)
    assert len(sets.stacks) == 2


def test_a_role_must_be_named(sets: FakeStackSets) -> None:
    """That of status may not delete."""
    assert "needs --role" in str(remove("--delete-endpoints").exception)
    assert len(sets.stacks) == 2


def test_a_region_of_one_unit_alone_is_refused(sets: FakeStackSets, unit: str) -> None:
    """The next deploy would make its stacks again."""
    refused = remove("--regions", "us-east-1", "--organization-units", unit)
    assert "not both" in str(refused.exception)
    assert len(sets.stacks) == 2


def test_where_a_stack_is_left_its_endpoint_stays(sets: FakeStackSets, members: list[str]) -> None:
    """Told with the cause; once that is mended, the same command does the rest."""
    sets.broken[members[0], "us-east-1"] = "AccessDenied"
    result = remove(*DELETING, "--yes")
    assert result.exit_code == 1
    assert f"{members[0]} us-east-1: AccessDenied" in result.output
    assert len(standing((members[0], "us-east-1"))) == 2
    assert standing((members[1], "us-east-1")) == set()
    assert sets.standing
    sets.broken.clear()
    assert remove(*DELETING, "--yes").exit_code == 0
    assert (standing((members[0], "us-east-1")), sets.standing) == (set(), None)


def test_interrupted_between_stacks_and_endpoints_it_goes_on(
    sets: FakeStackSets, members: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The set remembers where its stacks were."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(removing, "take_out", interrupt)
        assert remove(*DELETING, "--yes").exit_code != 0
    assert (sets.stacks, bool(sets.standing)) == ({}, True)
    result = remove(*DELETING, "--yes")
    assert (result.exit_code, sets.standing) == (0, None)
    assert [standing((account, "us-east-1")) for account in members] == [set(), set()]


def test_what_is_left_keeps_the_set_for_the_next_time(
    sets: FakeStackSets, members: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with its cause, and what to do."""
    with monkeypatch.context() as patch:
        refuse(patch, "DeleteVpcEndpoints", "UnauthorizedOperation")
        result = remove(*DELETING, "--yes")
    assert result.exit_code == 1
    assert result.output.count("UnauthorizedOperation") == 2
    assert "the same command goes on from here" in result.output
    assert sets.standing
    assert remove(*DELETING, "--yes").exit_code == 0
    assert all(not standing((account, "us-east-1")) for account in members)


@pytest.mark.usefixtures("sets")
def test_when_the_set_is_gone_the_regions_have_to_be_named(members: list[str], unit: str) -> None:
    """Then the accounts of the organisation are looked through, or of a unit; twice is nothing."""
    assert remove("--yes").exit_code == 0
    assert "--regions has to say where" in str(remove(*DELETING).exception)
    assert all(standing((account, "us-east-1")) for account in members)
    named = (*DELETING, "--regions", "us-east-1", "--organization-units", unit)
    result = remove(*named, answer="y\n")
    assert result.exit_code == 0, result.output
    assert "Delete the 2 endpoints" in result.output
    assert all(not standing((account, "us-east-1")) for account in members)
    again = remove(*DELETING, "--regions", "us-east-1", answer="")
    assert (again.exit_code, "vpce-" in again.output) == (0, False)


def test_a_region_is_taken_out_with_its_endpoints(
    sets: FakeStackSets, members: list[str], unit: str
) -> None:
    """Those of other regions stay, and so do their stacks and the set."""
    deploy(sets, unit, REGIONS)
    there = (members[0], "eu-west-1")
    _, group_id = made_by_stack(there, service="com.amazonaws.eu-west-1.states")
    result = remove(*DELETING, "--regions", "eu-west-1")
    assert result.exit_code == 0, result.output
    assert f"Delete 2 stacks of the stack set {NAME}?" in result.output
    assert group_id in result.stdout
    assert standing(there) == set()
    assert all(standing((account, "us-east-1")) for account in members)
    assert {region for _, region in sets.stacks} == {"us-east-1"}


def test_the_region_with_the_status_roles_stays_while_others_do(
    sets: FakeStackSets, unit: str
) -> None:
    """Its stacks make the only role that status reads an account through; told is what to do."""
    deploy(sets, unit, REGIONS, StatusRegion="us-east-1", StatusReader=READER)
    refused = str(remove("--regions", "us-east-1").exception)
    assert "status could not read the stacks in eu-west-1 any more" in refused
    assert "org upgrade --home us-east-1 --parameter StatusRegion= and then" in refused
    assert "--parameter StatusRegion=eu-west-1" in refused
    assert len(sets.stacks) == 4
    deploy(sets, unit, REGIONS, StatusRegion="eu-west-1", StatusReader=READER)
    assert remove("--regions", "us-east-1").exit_code == 0
    assert {region for _, region in sets.stacks} == {"eu-west-1"}


def test_the_way_out_names_the_set_that_is_meant(sets: FakeStackSets, unit: str) -> None:
    """The command is copied, and without the name would be about another set."""
    deploy(sets, unit, REGIONS, StatusRegion="us-east-1", StatusReader=READER)
    pilot = ("--stack-set", f"{NAME}-pilot", "--delegated")
    refused = str(remove("--regions", "us-east-1", *pilot).exception)
    assert f"org upgrade --home us-east-1 {' '.join(pilot)} --parameter StatusRegion= " in refused


def test_where_nobody_may_read_there_are_no_status_roles_to_keep(
    sets: FakeStackSets, unit: str
) -> None:
    """The region goes as any other."""
    deploy(sets, unit, REGIONS, StatusRegion="us-east-1")
    assert remove("--regions", "us-east-1").exit_code == 0
    assert {region for _, region in sets.stacks} == {"eu-west-1"}


@pytest.mark.parametrize("options", [(), ("--regions", ",".join(REGIONS))])
def test_the_region_with_the_status_roles_goes_with_all_others(
    sets: FakeStackSets, unit: str, options: tuple[str, ...]
) -> None:
    """Nothing is left to read then."""
    deploy(sets, unit, REGIONS, StatusRegion="us-east-1", StatusReader=READER)
    assert remove(*options).exit_code == 0
    assert sets.stacks == {}


def test_what_is_left_in_a_region_without_stacks_goes_whatever_is_its_name(
    sets: FakeStackSets, members: list[str], unit: str
) -> None:
    """A command that was interrupted goes on: the roles are gone already."""
    deploy(sets, unit, REGIONS)
    assert remove("--regions", "us-east-1").exit_code == 0
    deploy(sets, unit, REGIONS[1:], StatusRegion="us-east-1")
    assert remove(*DELETING, "--regions", "us-east-1").exit_code == 0
    assert all(not standing((account, "us-east-1")) for account in members)


def test_an_account_that_is_closed_is_not_looked_into(
    sets: FakeStackSets, members: list[str]
) -> None:
    """The set lets go of its stacks, and the command comes to an end."""
    boto3.client("organizations").close_account(AccountId=members[0])
    result = remove(*DELETING, "--yes")
    assert result.exit_code == 1
    assert result.output.count("the account is suspended, so the set let go of the stack") == 1
    assert (sets.standing, len(sets.detached)) == (None, 1)
    assert standing((members[1], "us-east-1")) == set()

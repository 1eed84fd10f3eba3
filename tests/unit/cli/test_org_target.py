"""What a stack set is to give: what was chosen before, and where the role of status is made."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from guardrail_cli.deployed import STACK
from guardrail_cli.documents import UsageError
from guardrail_cli.org.model import Definition
from guardrail_cli.org.packaging import Release
from guardrail_cli.org.target import (
    Target,
    changed,
    checked,
    given,
    kept,
    next_definition,
    refuse_moved_role,
)

EU = "eu-west-1"
REGIONS = (EU, "us-east-1")
READER = "arn:aws:iam::111122223333:role/platform"


def template(mode: str = "enforce-new", writes: int = 60) -> str:
    """Return a template with these defaults."""
    defaults = {"Mode": mode, "SweepWrites": writes, "StatusRegion": "", "StatusReader": ""}
    return json.dumps({"Parameters": {name: {"Default": it} for name, it in defaults.items()}})


def standing(**parameters: str) -> Definition:
    """Return a set with its parameters as AWS tells them: the defaults, too."""
    told = Definition(template(), parameters).effective
    return Definition(template(), told, ("ou-1",), REGIONS)


def upgraded(before: Definition, changes: dict[str, str], home: str = EU) -> Definition:
    """Return what an upgrade of a set would want, in the set's own regions."""
    release, target = Release(before.template, b"", "", ""), Target(STACK, home)
    return next_definition(release, target, before, before.units, before.regions, changes)


def test_a_mode_is_the_owners_whatever_the_default() -> None:
    """Another release with another default must not change what the guardrail may do."""
    release = Release(template("enforce", 5), b"", "", "")
    before = standing(Mode="enforce-new")
    after = replace(before, template=release.template, parameters=kept(before, release, {}))
    assert after.effective["Mode"] == "enforce-new"
    assert changed(before, after) == ["SweepWrites: '60' becomes '5'"]


@pytest.mark.parametrize("region", [*REGIONS, ""])
def test_the_role_of_status_can_be_put_into_any_region_of_the_set(region: str) -> None:
    """Or into none; it is a parameter as others are."""
    parameters = given([f"StatusRegion={region}"])
    assert checked(replace(standing(), parameters=parameters)).parameters == parameters


def test_the_role_of_status_is_made_where_a_stack_is() -> None:
    """Elsewhere nobody would make it, and every account could not be read."""
    told = "eu-west-1, us-east-1, not 'eu-north-1': give --parameter StatusRegion=eu-west-1"
    with pytest.raises(UsageError, match=told):
        checked(standing(StatusRegion="eu-north-1"))


@pytest.mark.parametrize(("home", "chosen"), [("us-east-1", "us-east-1"), (EU, "ap-south-1")])
@pytest.mark.parametrize("changes", [{}, {"StatusReader": READER}])
def test_a_region_that_was_taken_out_does_not_stay_the_one_of_the_role(
    home: str, chosen: str, changes: dict[str, str]
) -> None:
    """Nobody may read the status, so no stack has the role, and no command names the region."""
    after = replace(standing(StatusRegion=EU), regions=("ap-south-1", "us-east-1"))
    wanted = upgraded(after, changes, home)
    assert checked(wanted).parameters["StatusRegion"] == chosen
    refuse_moved_role(after, wanted)


@pytest.mark.parametrize(
    ("before", "changes", "region"),
    [
        (standing(StatusRegion=EU), {}, EU),
        (standing(), {}, ""),
        (standing(StatusRegion="eu-north-1"), {"StatusRegion": "eu-south-1"}, "eu-south-1"),
        (standing(StatusRegion="eu-north-1", StatusReader=READER), {}, "eu-north-1"),
    ],
)
def test_the_region_of_the_role_stays_where_it_can_or_was_given(
    before: Definition, changes: dict[str, str], region: str
) -> None:
    """One of the set's, or none; what was given, or has the role, is for a person to change."""
    assert upgraded(before, changes).effective["StatusRegion"] == region


def test_the_role_of_status_does_not_move_in_one_step() -> None:
    """Two stacks of an account would have it at once, and IAM's names are global."""
    before = standing(StatusRegion="us-east-1", StatusReader=READER)
    there = standing(StatusRegion="eu-west-1", StatusReader=READER)
    nowhere = standing(StatusRegion="", StatusReader=READER)
    with pytest.raises(UsageError, match=r"StatusRegion= first.*StatusRegion=eu-west-1"):
        refuse_moved_role(before, there)
    refuse_moved_role(before, nowhere)
    refuse_moved_role(nowhere, there)


def test_what_has_no_role_can_be_given_another_region() -> None:
    """Nobody may read it, or the region has no stack any more, or it stays where it is."""
    there = standing(StatusRegion="eu-west-1", StatusReader=READER)
    refuse_moved_role(standing(StatusRegion="us-east-1"), there)
    refuse_moved_role(standing(StatusRegion="eu-north-1", StatusReader=READER), there)
    refuse_moved_role(there, there)


@pytest.mark.parametrize(
    ("target", "options"),
    [
        (Target("sfn-endpoint-guardrail", "eu-west-1"), "--home eu-west-1"),
        (
            Target("sfn-endpoint-guardrail-pilot", "eu-west-1", delegated=True),
            "--home eu-west-1 --stack-set sfn-endpoint-guardrail-pilot --delegated",
        ),
    ],
)
def test_a_command_that_is_told_can_be_copied(target: Target, options: str) -> None:
    """Without the name it would be about another set."""
    assert target.options == options


@pytest.mark.parametrize("home", ["", " "])
def test_a_home_that_names_no_region_is_refused(home: str) -> None:
    """A variable of the shell that is not set."""
    with pytest.raises(UsageError, match=r"--home names no region: .*--home eu-west-1"):
        Target(STACK, home)


@pytest.mark.parametrize(
    ("parameter", "option"),
    [("Mode=enforce", "--mode"), ("ArtifactPrefix=x", "--artifact-prefix of `org deploy`")],
)
def test_a_parameter_with_an_option_of_its_own_names_it(parameter: str, option: str) -> None:
    """And the command, where not all have it: `org upgrade` has no prefix."""
    with pytest.raises(UsageError, match=f"is set by {option}, not by --parameter"):
        given([parameter])

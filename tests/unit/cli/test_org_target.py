"""What a stack set is to give: what was chosen before, and where the role of status is made."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from guardrail_cli.documents import UsageError
from guardrail_cli.org.model import Definition
from guardrail_cli.org.packaging import Release
from guardrail_cli.org.target import Target, changed, checked, given, kept, refuse_moved_role

REGIONS = ("eu-west-1", "us-east-1")
READER = "arn:aws:iam::111122223333:role/platform"


def template(mode: str = "enforce-new", writes: int = 60) -> str:
    """Return a template with these defaults."""
    defaults = {"Mode": mode, "SweepWrites": writes, "StatusRegion": "", "StatusReader": ""}
    return json.dumps({"Parameters": {name: {"Default": it} for name, it in defaults.items()}})


def standing(**parameters: str) -> Definition:
    """Return a set with its parameters as AWS tells them: the defaults, too."""
    told = Definition(template(), parameters).effective
    return Definition(template(), told, ("ou-1",), REGIONS)


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
    with pytest.raises(UsageError, match=r"eu-west-1, us-east-1, .*not 'eu-north-1'"):
        checked(standing(StatusRegion="eu-north-1"))


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


@pytest.mark.parametrize(
    ("parameter", "option"),
    [("Mode=enforce", "--mode"), ("ArtifactPrefix=x", "--artifact-prefix of `org deploy`")],
)
def test_a_parameter_with_an_option_of_its_own_names_it(parameter: str, option: str) -> None:
    """And the command, where not all have it: `org upgrade` has no prefix."""
    with pytest.raises(UsageError, match=f"is set by {option}, not by --parameter"):
        given([parameter])

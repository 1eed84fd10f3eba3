"""The commands `sfn-guardrail org …`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from guardrail_cli.deployed import STACK
from guardrail_cli.documents import UsageError
from guardrail_cli.org import packaging
from guardrail_cli.org import planning as plans
from guardrail_cli.org import status as statuses
from guardrail_cli.org.accounts import Accounts
from guardrail_cli.org.artifacts import AwsArtifacts
from guardrail_cli.org.counting import Counting, counted, one_each, with_defaults
from guardrail_cli.org.model import Definition, Organisation
from guardrail_cli.org.operations import UNITS_AT_ONCE
from guardrail_cli.org.options import DELEGATED, HOME, NAME, REGIONS, UNITS, end
from guardrail_cli.org.organisation import UnitNotFoundError
from guardrail_cli.org.problems import ROLE
from guardrail_cli.org.removing import remove
from guardrail_cli.org.rollout import Rollout
from guardrail_cli.org.row import UNCOVERED, Row, as_json
from guardrail_cli.org.screen import Terminal
from guardrail_cli.org.target import (
    Target,
    account_id,
    changed,
    checked,
    first_definition,
    given,
    listed,
    next_definition,
    refuse_moved_role,
)
from guardrail_cli.org.told import Own
from guardrail_cli.org.waves import AT_ONCE, MAY_FAIL, Waves

org = typer.Typer(
    name="org",
    help="The guardrail in every account and region of an AWS Organization.",
    no_args_is_help=True,
)


class Format(StrEnum):
    """How a status is printed."""

    TEXT = "text"
    JSON = "json"


_PREFIX = typer.Option("--artifact-prefix", help="how the artifact buckets' names begin")
_OWNER = typer.Option("--artifact-account", help="account of those buckets, if not this one")
_MODE = typer.Option("--mode", help="observe, enforce-new or enforce; as it is, or observe if new")
_PARAMETER = typer.Option("--parameter", help="Name=value; the others stay as they are")
_FIRST = typer.Option("--first", help="account to begin with, before the waves")
_AT_ONCE = typer.Option("--at-once", min=0.01, max=1, help="share of a wave's accounts at once")
_MAY_FAIL = typer.Option(
    "--may-fail", min=0, max=1, help="share of a wave's accounts that may fail"
)


def _wanted(
    target: Target, units: str, regions: str, changes: dict[str, str]
) -> tuple[Definition, Definition | None, packaging.Release]:
    """Return what the set is to give, what it gives, and the release."""
    release = packaging.release(Path())
    named, where = listed(units, "--organization-units"), listed(regions, "--regions")
    if len(named) > UNITS_AT_ONCE:
        raise UsageError(
            f"--organization-units names {len(named)} units, and AWS takes {UNITS_AT_ONCE} at once:"
            " name units above them, or make several stack sets (--stack-set)"
        )
    standing = target.sets().definition()
    if standing is None:
        if unseen := target.refuse_second(where):
            typer.echo(unseen, err=True)
        new = first_definition(
            release, target, target.organisation().organization_id(), named, where
        )
        wanted = replace(new, parameters={**new.parameters, **changes})
    else:
        wanted = next_definition(release, target, standing, named, where, changes)
    checked(wanted)
    if standing:
        refuse_moved_role(standing, wanted)
    return wanted, standing, release


def _changes(prefix: str, mode: str, parameters: list[str]) -> dict[str, str]:
    own = {"ArtifactPrefix": prefix, "Mode": mode}
    return {**given(parameters), **{name: value for name, value in own.items() if value}}


@org.command("plan")
def plan(
    units: Annotated[str, UNITS],
    regions: Annotated[str, REGIONS],
    prefix: Annotated[str, _PREFIX],
    home: Annotated[str, HOME],
    mode: Annotated[str, _MODE] = "",
    parameter: Annotated[list[str], _PARAMETER] = [],  # noqa: B006 - typer's way
    name: Annotated[str, NAME] = STACK,
    count_with: Annotated[
        str, typer.Option(help="role of every account to count the VPCs with")
    ] = "",
    *,
    delegated: Annotated[bool, DELEGATED] = False,
) -> None:
    """Say what would be made where and what it costs a month; nothing is changed."""
    target = Target(name, home, delegated)
    wanted, standing, _ = _wanted(target, units, regions, _changes(prefix, mode, parameter))
    organisation = target.organisation()
    count: Counting = one_each
    if count_with:
        accounts = Accounts(count_with, organisation.partition(), home)
        defaults, seen = with_defaults(wanted), Terminal().looked
        count = partial(counted, accounts=accounts, defaults=defaults, seen=seen)
    made = plans.plan(target.sets(), organisation, wanted, count)
    typer.echo("\n".join([*(changed(standing, wanted) if standing else []), *made.lines()]))


@org.command("deploy")
def deploy(
    units: Annotated[str, UNITS],
    regions: Annotated[str, REGIONS],
    prefix: Annotated[str, _PREFIX],
    home: Annotated[str, HOME],
    mode: Annotated[str, _MODE] = "",
    parameter: Annotated[list[str], _PARAMETER] = [],  # noqa: B006 - typer's way
    name: Annotated[str, NAME] = STACK,
    owner: Annotated[str, _OWNER] = "",
    first: Annotated[str, _FIRST] = "",
    at_once: Annotated[float, _AT_ONCE] = AT_ONCE,
    may_fail: Annotated[float, _MAY_FAIL] = MAY_FAIL,
    *,
    delegated: Annotated[bool, DELEGATED] = False,
) -> None:
    """Publish the code, make or update the stack set, and follow it: one account, then waves.

    Parameters that are not given stay as they are. Interrupted, the same command goes on. Exit
    code: 0 everywhere, 1 some failed, 2 it stopped.
    """
    target = Target(name, home, delegated)
    wanted, standing, release = _wanted(target, units, regions, _changes(prefix, mode, parameter))
    _roll_out(target, standing, wanted, release, Waves(may_fail, at_once), owner, first)


@org.command("upgrade")
def upgrade(
    home: Annotated[str, HOME],
    name: Annotated[str, NAME] = STACK,
    mode: Annotated[str, _MODE] = "",
    parameter: Annotated[list[str], _PARAMETER] = [],  # noqa: B006 - typer's way
    owner: Annotated[str, _OWNER] = "",
    first: Annotated[str, _FIRST] = "",
    at_once: Annotated[float, _AT_ONCE] = AT_ONCE,
    may_fail: Annotated[float, _MAY_FAIL] = MAY_FAIL,
    *,
    delegated: Annotated[bool, DELEGATED] = False,
) -> None:
    """Deploy this version where the stack set is, with the parameters that it has.

    Interrupted, the same command goes on. Exit code: 0 everywhere, 1 some failed, 2 it stopped.
    """
    target = Target(name, home, delegated)
    standing = target.definition()
    if not standing.units or not standing.regions:
        raise UsageError(f"{name} has no stacks to upgrade; `org deploy` says where they are to be")
    units, regions = ",".join(standing.units), ",".join(standing.regions)
    wanted, _, release = _wanted(target, units, regions, _changes("", mode, parameter))
    _roll_out(target, standing, wanted, release, Waves(may_fail, at_once), owner, first)


def _roll_out(
    target: Target,
    standing: Definition | None,
    wanted: Definition,
    release: packaging.Release,
    waves: Waves,
    owner: str,
    first: str,
) -> None:
    screen = Terminal()
    for line in changed(standing, wanted) if standing else ():
        screen.say(line)
    artifacts = AwsArtifacts(wanted.parameters["ArtifactPrefix"], owner or account_id(target.home))
    rollout = Rollout(target.sets(), target.organisation(), artifacts, screen, waves, first)
    rollout.publish(wanted.regions, release.key, release.artifact)
    end(rollout.deploy(wanted))


def _management(target: Target, standing: Definition) -> Iterable[Row]:
    """Return the rows of the management account; say so if this is another, which cannot look."""
    account = account_id(target.home)
    if target.delegated or account != target.organisation().management():
        typer.echo("the management account, which no stack set reaches, is not looked at", err=True)
        return ()
    return statuses.of_management(account, standing, Own(), target)


def _members(organisation: Organisation, units: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the active accounts of the units, and a line for each unit that is not there."""
    members: set[str] = set()
    gone: list[str] = []
    for unit in units:
        try:
            members.update(organisation.accounts((unit,)))
        except UnitNotFoundError as error:
            gone.append(str(error))
    return sorted(members), gone


@org.command("status")
def status(
    home: Annotated[str, HOME],
    name: Annotated[str, NAME] = STACK,
    role: Annotated[str, typer.Option(help="role of every account to read through")] = ROLE,
    output: Annotated[
        Format, typer.Option("--format", help="text, or one JSON a line")
    ] = Format.TEXT,
    *,
    delegated: Annotated[bool, DELEGATED] = False,
) -> None:
    """Say what runs where and what is wrong there, as it is read.

    The management account's plain stacks come first, if this is that account.
    Exit code: 0 all is fine, 1 somebody has to look, 2 it could not be asked.
    """
    target = Target(name, home, delegated)
    standing, organisation = target.definition(), target.organisation()
    instances = list(target.sets().instances())
    accounts = Accounts(role, organisation.partition(), home)
    members, gone = _members(organisation, standing.units)
    for line in gone:
        typer.echo(line, err=True)
    places = [(account, region) for account in members for region in standing.regions]
    total = bad = 0
    for row in chain(
        _management(target, standing),
        statuses.rows(instances, accounts, standing, target),
        statuses.absent(places, instances),
    ):
        total, bad = total + (row.state != UNCOVERED), bad + (not row.fine)
        typer.echo(as_json(row) if output is Format.JSON else row.line())
    if output is Format.TEXT:
        typer.echo(f"{total} stacks, {bad} to look at")
    raise typer.Exit(int(bad > 0 or total == 0 or bool(gone)))


org.command("remove")(remove)

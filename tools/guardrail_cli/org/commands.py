"""The commands `sfn-guardrail org …`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from guardrail.core.names import MANAGED_TAG
from guardrail_cli.deployed import STACK
from guardrail_cli.documents import UsageError
from guardrail_cli.org import leftovers, packaging
from guardrail_cli.org import planning as plans
from guardrail_cli.org import status as statuses
from guardrail_cli.org.accounts import Accounts
from guardrail_cli.org.artifacts import AwsArtifacts
from guardrail_cli.org.causes import advice
from guardrail_cli.org.model import Definition, Place
from guardrail_cli.org.rollout import AT_ONCE, MAY_FAIL, Rollout, Waves
from guardrail_cli.org.screen import Terminal
from guardrail_cli.org.target import (
    Target,
    account_id,
    changed,
    checked,
    first_definition,
    given,
    kept,
    listed,
)

org = typer.Typer(
    name="org",
    help="The guardrail in every account and region of an AWS Organization.",
    no_args_is_help=True,
)


class Format(StrEnum):
    """How a status is printed."""

    TEXT = "text"
    JSON = "json"


_UNITS = typer.Option("--organization-units", help="ou-…, several with commas; or the root, r-…")
_REGIONS = typer.Option("--regions", help="regions, several with commas")
_PREFIX = typer.Option("--artifact-prefix", help="how the artifact buckets' names begin")
_OWNER = typer.Option("--artifact-account", help="account of those buckets, if not this one")
_MODE = typer.Option("--mode", help="observe, enforce-new or enforce; as it is, or observe if new")
_PARAMETER = typer.Option("--parameter", help="Name=value; the others stay as they are")
_NAME = typer.Option("--stack-set", help="name of the stack set; it begins with the project's")
_HOME = typer.Option("--home", help="region of the stack set itself")
_DELEGATED = typer.Option("--delegated", help="this is a delegated administrator's account")
_FIRST = typer.Option("--first", help="account to begin with, before the waves")
_AT_ONCE = typer.Option("--at-once", min=0.01, max=1, help="share of a wave's accounts at once")
_MAY_FAIL = typer.Option(
    "--may-fail", min=0, max=1, help="share of a wave's accounts that may fail"
)
_YES = typer.Option("--yes", "-y", help="do not ask")


def _wanted(
    target: Target, units: str, regions: str, changes: dict[str, str]
) -> tuple[Definition, Definition | None, packaging.Release]:
    """Return what the set is to give, what it gives, and the release."""
    release = packaging.release(Path())
    named, where = listed(units, "--organization-units"), listed(regions, "--regions")
    standing = target.sets().definition()
    if standing is None:
        target.refuse_second(where)
        new = first_definition(
            release, target, target.organisation().organization_id(), named, where
        )
        parameters = {**new.parameters, **changes}
    else:
        parameters = kept(standing, release, changes)
    return checked(Definition(release.template, parameters, named, where)), standing, release


def _changes(prefix: str, mode: str, parameters: list[str]) -> dict[str, str]:
    own = {"ArtifactPrefix": prefix, "Mode": mode}
    return {**given(parameters), **{name: value for name, value in own.items() if value}}


@org.command("plan")
def plan(
    units: Annotated[str, _UNITS],
    regions: Annotated[str, _REGIONS],
    prefix: Annotated[str, _PREFIX],
    home: Annotated[str, _HOME],
    mode: Annotated[str, _MODE] = "",
    parameter: Annotated[list[str], _PARAMETER] = [],  # noqa: B006 - typer's way
    name: Annotated[str, _NAME] = STACK,
    count_with: Annotated[
        str, typer.Option(help="role of every account to count the VPCs with")
    ] = "",
    *,
    delegated: Annotated[bool, _DELEGATED] = False,
) -> None:
    """Say what would be made where and what it costs a month; nothing is changed."""
    target = Target(name, home, delegated)
    wanted, standing, _ = _wanted(target, units, regions, _changes(prefix, mode, parameter))
    organisation = target.organisation()
    vpcs = None
    if count_with:
        accounts = Accounts(count_with, organisation.partition(), home)
        vpcs = plans.counted_vpcs(accounts, organisation.accounts(wanted.units), wanted.regions)
    made = plans.plan(target.sets(), organisation, wanted, vpcs)
    typer.echo("\n".join([*(changed(standing, wanted) if standing else []), *made.lines()]))


@org.command("deploy")
def deploy(
    units: Annotated[str, _UNITS],
    regions: Annotated[str, _REGIONS],
    prefix: Annotated[str, _PREFIX],
    home: Annotated[str, _HOME],
    mode: Annotated[str, _MODE] = "",
    parameter: Annotated[list[str], _PARAMETER] = [],  # noqa: B006 - typer's way
    name: Annotated[str, _NAME] = STACK,
    owner: Annotated[str, _OWNER] = "",
    first: Annotated[str, _FIRST] = "",
    at_once: Annotated[float, _AT_ONCE] = AT_ONCE,
    may_fail: Annotated[float, _MAY_FAIL] = MAY_FAIL,
    *,
    delegated: Annotated[bool, _DELEGATED] = False,
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
    home: Annotated[str, _HOME],
    name: Annotated[str, _NAME] = STACK,
    mode: Annotated[str, _MODE] = "",
    parameter: Annotated[list[str], _PARAMETER] = [],  # noqa: B006 - typer's way
    owner: Annotated[str, _OWNER] = "",
    first: Annotated[str, _FIRST] = "",
    at_once: Annotated[float, _AT_ONCE] = AT_ONCE,
    may_fail: Annotated[float, _MAY_FAIL] = MAY_FAIL,
    *,
    delegated: Annotated[bool, _DELEGATED] = False,
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
    _end(rollout.deploy(wanted))


def _end(failed: dict[Place, str]) -> None:
    for (account, region), reason in sorted(failed.items()):
        typer.echo(f"{account} {region}: {reason} ({advice(reason)})", err=True)
    raise typer.Exit(int(bool(failed)))


@org.command("status")
def status(
    home: Annotated[str, _HOME],
    name: Annotated[str, _NAME] = STACK,
    role: Annotated[
        str, typer.Option(help="role of every account to read through")
    ] = statuses.ROLE,
    output: Annotated[
        Format, typer.Option("--format", help="text, or one JSON a line")
    ] = Format.TEXT,
    *,
    delegated: Annotated[bool, _DELEGATED] = False,
) -> None:
    """Say what runs where and what is wrong there, as it is read.

    Exit code: 0 all is fine, 1 somebody has to look, 2 it could not be asked.
    """
    target = Target(name, home, delegated)
    standing, organisation = target.definition(), target.organisation()
    instances = list(target.sets().instances())
    accounts = Accounts(role, organisation.partition(), home)
    members = organisation.accounts(standing.units) if standing.units else []
    places = [(account, region) for account in members for region in standing.regions]
    total = bad = 0
    for found in (statuses.rows(instances, accounts, standing), statuses.absent(places, instances)):
        for row in found:
            total, bad = total + 1, bad + (not row.fine)
            typer.echo(statuses.as_json(row) if output is Format.JSON else row.line())
    if output is Format.TEXT:
        typer.echo(f"{total} stacks, {bad} to look at")
    raise typer.Exit(int(bad > 0 or total == 0))


@org.command("remove")
def remove(
    home: Annotated[str, _HOME],
    name: Annotated[str, _NAME] = STACK,
    role: Annotated[
        str, typer.Option(help="role of every account that may look at its endpoints")
    ] = "",
    *,
    delegated: Annotated[bool, _DELEGATED] = False,
    sure: Annotated[bool, _YES] = False,
) -> None:
    """Delete the stacks and the stack set; the endpoints that they made stay, and cost.

    With --role they are listed first. Interrupted, the same command goes on. Exit code: 0 all is
    deleted, 1 something is left, 2 it could not be begun.
    """
    target = Target(name, home, delegated)
    target.definition()
    organisation = target.organisation()
    instances = list(target.sets().instances())
    if role:
        accounts = Accounts(role, organisation.partition(), home)
        for left in leftovers.left_by(instances, accounts):
            typer.echo(left.line())
    else:
        typer.echo(
            "The endpoints stay and are not listed here (--role). In an account, the tag"
            f" {MANAGED_TAG} finds them; each costs about $7.30 a month and zone."
        )
    if not sure:
        typer.confirm(f"Delete {len(instances)} stacks, and leave their endpoints?", abort=True)
    unused = AwsArtifacts("", "")
    _end(Rollout(target.sets(), organisation, unused, Terminal()).remove())

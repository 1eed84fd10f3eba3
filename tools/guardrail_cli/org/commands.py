"""The commands `sfn-guardrail org …`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from guardrail_cli.deployed import STACK
from guardrail_cli.documents import UsageError
from guardrail_cli.org import leftovers, packaging
from guardrail_cli.org import planning as plans
from guardrail_cli.org import status as statuses
from guardrail_cli.org.accounts import Accounts
from guardrail_cli.org.artifacts import AwsArtifacts
from guardrail_cli.org.causes import advice
from guardrail_cli.org.model import Definition, Instance
from guardrail_cli.org.organisation import AwsOrganisation
from guardrail_cli.org.rollout import AT_ONCE, MAY_FAIL, Rollout, Waves
from guardrail_cli.org.screen import Terminal
from guardrail_cli.org.stack_set import AwsStackSets

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
_MODE = typer.Option("--mode", help="observe, enforce-new or enforce: the parameter Mode")
_PARAMETER = typer.Option("--parameter", help="Name=value, as often as there are parameters to set")
_NAME = typer.Option("--stack-set", help="name of the stack set; it begins with the project's")
_HOME = typer.Option("--home", help="region of the stack set; the first of --regions if left out")
_DELEGATED = typer.Option("--delegated", help="this is a delegated administrator's account")
_AT_ONCE = typer.Option("--at-once", min=0.01, max=1, help="share of a wave's accounts at once")
_MAY_FAIL = typer.Option(
    "--may-fail", min=0, max=1, help="share of a wave's accounts that may fail"
)
_YES = typer.Option("--yes", "-y", help="do not ask")


@dataclass(frozen=True)
class _Target:
    """Which stack set, where its API is, and through whom."""

    name: str
    home: str
    delegated: bool

    def sets(self) -> AwsStackSets:
        """Return the stack set."""
        if not self.name.startswith(STACK):
            raise UsageError(
                f"--stack-set must begin with {STACK}: deploy/scp.json and the role that status"
                " reads through go by that name"
            )
        return AwsStackSets(self.name, self.home, delegated=self.delegated)

    def definition(self) -> Definition:
        """Return what it gives now; raises UsageError when it does not exist."""
        standing = self.sets().definition()
        if standing is None:
            raise UsageError(
                f"there is no stack set {self.name} in {self.home}; `org deploy` makes it, and"
                " --stack-set and --home say which one is meant"
            )
        return standing


def _listed(text: str, option: str) -> tuple[str, ...]:
    listed = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not listed:
        raise UsageError(f"{option} names nothing")
    return listed


def _wanted(
    units: str, regions: str, prefix: str, mode: str, given: list[str]
) -> tuple[Definition, packaging.Release]:
    release = packaging.release(Path())
    where = _listed(regions, "--regions")
    chosen = dict(_parameter(one) for one in given)
    parameters = {"StatusRegion": where[0], **chosen, "ArtifactPrefix": prefix, "Mode": mode}
    if unknown := sorted(parameters.keys() - set(packaging.template_parameters(release))):
        raise UsageError(f"the template has no parameter {', '.join(unknown)}")
    listed = _listed(units, "--organization-units")
    return Definition(release.template, parameters, listed, where), release


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--parameter takes Name=value, not {text!r}")
    return name, value


@org.command("plan")
def plan(
    units: Annotated[str, _UNITS],
    regions: Annotated[str, _REGIONS],
    prefix: Annotated[str, _PREFIX],
    mode: Annotated[str, _MODE] = "observe",
    parameter: Annotated[list[str], _PARAMETER] = [],  # noqa: B006 - typer's way
    name: Annotated[str, _NAME] = STACK,
    home: Annotated[str, _HOME] = "",
    count_with: Annotated[
        str, typer.Option(help="role of every account to count the VPCs with")
    ] = "",
    *,
    delegated: Annotated[bool, _DELEGATED] = False,
) -> None:
    """Say what would be made where and what it costs a month; nothing is changed."""
    wanted, _ = _wanted(units, regions, prefix, mode, parameter)
    organisation = AwsOrganisation()
    vpcs = None
    if count_with:
        accounts = Accounts(count_with, organisation.partition())
        vpcs = plans.counted_vpcs(accounts, organisation.accounts(wanted.units), wanted.regions)
    target = _Target(name, home or wanted.regions[0], delegated)
    made = plans.plan(target.sets(), organisation, wanted, vpcs)
    typer.echo("\n".join(made.lines()))


@org.command("deploy")
def deploy(
    units: Annotated[str, _UNITS],
    regions: Annotated[str, _REGIONS],
    prefix: Annotated[str, _PREFIX],
    mode: Annotated[str, _MODE] = "observe",
    parameter: Annotated[list[str], _PARAMETER] = [],  # noqa: B006 - typer's way
    name: Annotated[str, _NAME] = STACK,
    home: Annotated[str, _HOME] = "",
    at_once: Annotated[float, _AT_ONCE] = AT_ONCE,
    may_fail: Annotated[float, _MAY_FAIL] = MAY_FAIL,
    *,
    delegated: Annotated[bool, _DELEGATED] = False,
) -> None:
    """Publish the code, make or update the stack set, and follow it: one account, then waves.

    Interrupted, the same command goes on. Exit code: 0 everywhere, 1 some failed, 2 it stopped.
    """
    wanted, release = _wanted(units, regions, prefix, mode, parameter)
    target = _Target(name, home or wanted.regions[0], delegated)
    _roll_out(target, wanted, release, Waves(may_fail, at_once))


@org.command("upgrade")
def upgrade(
    home: Annotated[str, typer.Option("--home", help="region of the stack set")],
    name: Annotated[str, _NAME] = STACK,
    mode: Annotated[str, typer.Option("--mode", help="another mode than now")] = "",
    parameter: Annotated[list[str], _PARAMETER] = [],  # noqa: B006 - typer's way
    at_once: Annotated[float, _AT_ONCE] = AT_ONCE,
    may_fail: Annotated[float, _MAY_FAIL] = MAY_FAIL,
    *,
    delegated: Annotated[bool, _DELEGATED] = False,
) -> None:
    """Deploy this version where the stack set is, with the parameters that it has.

    Interrupted, the same command goes on. Exit code: 0 everywhere, 1 some failed, 2 it stopped.
    """
    target = _Target(name, home, delegated)
    standing = target.definition()
    release = packaging.release(Path())
    kept = standing.parameters.items()
    known = {k: v for k, v in kept if k in packaging.template_parameters(release)}
    known |= dict(_parameter(one) for one in parameter) | ({"Mode": mode} if mode else {})
    wanted = Definition(release.template, known, standing.units, standing.regions)
    _roll_out(target, wanted, release, Waves(may_fail, at_once))


def _roll_out(
    target: _Target, wanted: Definition, release: packaging.Release, waves: Waves
) -> None:
    screen = Terminal()
    artifacts = AwsArtifacts(wanted.parameters["ArtifactPrefix"])
    rollout = Rollout(target.sets(), AwsOrganisation(), artifacts, screen, waves)
    rollout.publish(wanted.regions, release.key, release.artifact)
    _end(rollout.deploy(wanted))


def _end(failed: dict[tuple[str, str], str]) -> None:
    for (account, region), reason in sorted(failed.items()):
        typer.echo(f"{account} {region} failed: {reason} ({advice(reason)})", err=True)
    raise typer.Exit(int(bool(failed)))


@org.command("status")
def status(
    home: Annotated[str, typer.Option("--home", help="region of the stack set")],
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
    target = _Target(name, home, delegated)
    target.definition()
    accounts = Accounts(role, AwsOrganisation().partition())
    total = bad = 0
    for row in statuses.rows(target.sets().instances(), accounts):
        total, bad = total + 1, bad + (not row.fine)
        typer.echo(statuses.as_json(row) if output is Format.JSON else row.line())
    if output is Format.TEXT:
        typer.echo(f"{total} stacks, {bad} to look at")
    raise typer.Exit(int(bad > 0))


@org.command("remove")
def remove(
    home: Annotated[str, typer.Option("--home", help="region of the stack set")],
    name: Annotated[str, _NAME] = STACK,
    role: Annotated[
        str, typer.Option(help="role of every account that may look at its endpoints, and delete")
    ] = "",
    *,
    delete_endpoints: Annotated[
        bool, typer.Option("--delete-endpoints", help="delete the endpoints that the stacks made")
    ] = False,
    delegated: Annotated[bool, _DELEGATED] = False,
    sure: Annotated[bool, _YES] = False,
) -> None:
    """Delete the stacks and the stack set; endpoints stay, unless --delete-endpoints is given.

    With --role the endpoints that stay are listed. Interrupted, the same command goes on.
    """
    target = _Target(name, home, delegated)
    target.definition()
    if delete_endpoints and not role:
        raise UsageError("--delete-endpoints needs --role, a role that every account has")
    instances = list(target.sets().instances())
    accounts = Accounts(role, AwsOrganisation().partition()) if role else None
    left = list(leftovers.left_by(instances, accounts)) if accounts else []
    _ask(left, instances, deletes=delete_endpoints, sure=sure)
    screen = Terminal()
    failed = Rollout(target.sets(), AwsOrganisation(), AwsArtifacts(""), screen).remove()
    if accounts and delete_endpoints and not failed:
        for one in left:
            undone = [] if one.problem else leftovers.delete(one, accounts)
            typer.echo(f"{one.account} {one.region}: {'; '.join(undone) or 'deleted'}")
    _end(failed)


def _ask(
    left: list[leftovers.Left], instances: list[Instance], *, deletes: bool, sure: bool
) -> None:
    for one in left:
        typer.echo(one.line())
    endpoints = sum(len(one.endpoint_ids) for one in left)
    kept = f"and {endpoints} endpoints" if deletes else "and leave the endpoints that they made"
    if not sure:
        typer.confirm(f"Delete {len(instances)} stacks {kept}?", abort=True)

"""The command `sfn-guardrail org remove`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Annotated

import typer

from guardrail.core.names import MANAGED_TAG
from guardrail_cli.deployed import STACK
from guardrail_cli.documents import UsageError
from guardrail_cli.org.accounts import Accounts
from guardrail_cli.org.leftovers import Leavings
from guardrail_cli.org.model import Definition, Instance, Place
from guardrail_cli.org.options import DELEGATED, HOME, NAME, REGIONS, UNITS, end
from guardrail_cli.org.organisation import UnitNotFoundError
from guardrail_cli.org.removal import Removal, Scope
from guardrail_cli.org.screen import Terminal
from guardrail_cli.org.takeout import Left, counted, take_out
from guardrail_cli.org.target import Target, listed


def remove(
    home: Annotated[str, HOME],
    units: Annotated[str, UNITS] = "",
    regions: Annotated[str, REGIONS] = "",
    name: Annotated[str, NAME] = STACK,
    role: Annotated[
        str, typer.Option(help="role of every account that may look at its endpoints, or delete")
    ] = "",
    *,
    delete_endpoints: Annotated[
        bool, typer.Option("--delete-endpoints", help="and what the stacks made; needs --role")
    ] = False,
    also_unproven: Annotated[
        bool, typer.Option("--also-unproven", help="and what only its tag says they made")
    ] = False,
    let_go: Annotated[
        bool, typer.Option("--let-go", help="leave stacks whose deletion failed where they are")
    ] = False,
    delegated: Annotated[bool, DELEGATED] = False,
    sure: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
) -> None:
    """Delete the stacks and the stack set; the endpoints that they made stay, and cost.

    With --organization-units or --regions only the stacks of those, and the set stays. With --role
    the endpoints are listed first; with --delete-endpoints, which asks a second time, they are
    deleted after their stacks, and then their security groups: what the tables of the stacks say
    they made. What is only tagged so is listed and stays, or with --also-unproven goes.

    In a suspended account nothing can be deleted: the set lets go of its stacks, and with --let-go
    of any whose deletion failed. Interrupted, the same command goes on; if the set is gone by then,
    --regions has to say where to look for endpoints. Exit code: 0 all that was meant is deleted, 1
    something is left, 2 it could not be begun.
    """
    _check(role, delete_endpoints=delete_endpoints, also_unproven=also_unproven)
    target, scope = Target(name, home, delegated), _scope(units, regions)
    given = _Given(target, scope, role, let_go, also_unproven)
    instances = given.instances(must_be=not delete_endpoints)
    places = given.places(instances) if delete_endpoints else [one.place for one in instances]
    left = _list_left(given.leavings(instances), places) if role else _tell_how_to_list()
    if not sure:
        _ask(given, instances, left if delete_endpoints else None)
    end(given.delete(instances, places if delete_endpoints else None))


@dataclass(frozen=True)
class _Given:
    """What the command was given."""

    target: Target
    scope: Scope
    role: str
    let_go: bool
    also_unproven: bool

    def instances(self, *, must_be: bool) -> list[Instance]:
        """Return the stacks that are meant.

        Raises UsageError without a set, if it `must_be`; with one, for some regions of some units:
        deploy gives every unit every region, and would make those stacks again. And for a region
        without which status could not read the others, and a unit whose stacks are another's.
        """
        sets = self.target.sets()
        standing = self.target.definition() if must_be else sets.definition()
        if standing and self.scope.units and self.scope.regions:
            raise UsageError(
                "a stack set has the same regions in all its units: name --organization-units or"
                " --regions, not both"
            )
        if not standing:
            return []
        self._refuse_blindness(standing)
        instances = list(sets.instances())
        self._refuse_parts(standing, instances)
        return self.scope.of(instances)

    def _refuse_parts(self, standing: Definition, instances: list[Instance]) -> None:
        """Raise UsageError for a unit whose accounts have stacks of other units alone.

        A stack belongs to the unit that the set was deployed to, above or below this one. Source:
        AWS CloudFormation API reference, "StackInstanceSummary", OrganizationalUnitId.
        """
        for unit in sorted({*self.scope.units} - {*standing.units}):
            accounts = self._accounts(unit)
            owners = {one.unit for one in instances if one.account in accounts} - {unit}
            if others := sorted(owners - {*self.scope.units}):
                raise UsageError(
                    f"the stack set was not deployed to {unit} itself: the stacks in its accounts"
                    f" belong to {', '.join(others)}: name that with --organization-units, which"
                    " deletes all of its stacks, or move accounts that are to have none out of it,"
                    " and StackSets deletes theirs"
                )

    def _accounts(self, unit: str) -> frozenset[str]:
        """Return the active accounts in and below a unit; one that was deleted has none."""
        try:
            return frozenset(self.target.organisation().accounts((unit,)))
        except UnitNotFoundError:
            return frozenset()

    def _refuse_blindness(self, standing: Definition) -> None:
        """Raise UsageError if stacks stay, and the roles that status reads them through go."""
        given, going = standing.effective, set(self.scope.regions) & set(standing.regions)
        staying = sorted(set(standing.regions) - going)
        if staying and given.get("StatusReader") and given.get("StatusRegion") in going:
            region = given["StatusRegion"]
            raise UsageError(
                f"the stacks in {region} make the role of each account that status reads through:"
                f" without them, status could not read the stacks in {', '.join(staying)} any more."
                " Let those make it first, in two steps (IAM's names are global): sfn-guardrail"
                f" org upgrade {self.target.options} --parameter StatusRegion= and then"
                f" --parameter StatusRegion={staying[0]}"
            )

    def places(self, instances: list[Instance]) -> list[Place]:
        """Return where stacks of the set stand or have stood, in accounts that can be entered.

        The set remembers where stacks were deleted. When it is gone, that can be any account of the
        organisation, in the regions that are given; raises UsageError without any.
        """
        sets, organisation, scope = self.target.sets(), self.target.organisation(), self.scope
        active = organisation.active() - {organisation.management()}
        of_units = (self._accounts(unit) for unit in scope.units)
        members = active.intersection(chain(*of_units)) if scope.units else active
        if sets.definition() is None:
            if not scope.regions:
                raise UsageError(
                    f"the stack set {self.target.name} is gone, and with it where its stacks stood:"
                    " --regions has to say where to look for the endpoints that they left"
                )
            return sorted((account, region) for account in members for region in scope.regions)
        stood = {p for p in sets.deleted() if not scope.regions or p[1] in scope.regions}
        stand = {one.place for one in instances if one.account in active}
        return sorted(stand | {place for place in stood if place[0] in members})

    def leavings(self, instances: list[Instance]) -> Leavings:
        """Return what stacks left in other accounts."""
        partition = self.target.organisation().partition()
        accounts = Accounts(self.role, partition, self.target.home)
        known = frozenset(one.stack_id for one in instances if one.stack_id)
        return Leavings(accounts, self.target.name, known, self.also_unproven)

    def delete(self, instances: list[Instance], places: list[Place] | None) -> dict[Place, str]:
        """Delete the stacks, what they made in those places, and the set; return what is left.

        In this order: a stack puts back what it misses, and the set remembers where they stood.
        """
        screen = Terminal()
        removal = Removal(self.target.sets(), self.target.organisation(), screen)
        failed = removal.stacks(self.scope, let_go=self.let_go)
        kept: dict[Place, str] = {}
        if places is not None:
            free = [place for place in places if place not in failed]
            kept = take_out(free, self.leavings(instances).take, screen)
            screen.say(_LEFT if kept else _GONE)
        if self.scope.everything and not kept:
            removal.the_set()
        return {**failed, **kept}


_GONE = "nothing is left of what the deleted stacks made"
_LEFT = "something is left of what the deleted stacks made: the same command goes on from here"


def _check(role: str, *, delete_endpoints: bool, also_unproven: bool) -> None:
    """Raise UsageError for an option without the one that it needs."""
    if delete_endpoints and not role:
        raise UsageError(
            "--delete-endpoints needs --role: the name of a role that every account has and that"
            " may look for and delete VPC endpoints and security groups, look at stacks and read"
            " their tables, such as OrganizationAccountAccessRole"
        )
    if also_unproven and not delete_endpoints:
        raise UsageError("--also-unproven needs --delete-endpoints")


def _scope(units: str, regions: str) -> Scope:
    return Scope(
        listed(units, "--organization-units") if units else (),
        listed(regions, "--regions") if regions else (),
    )


def _list_left(leavings: Leavings, places: list[Place]) -> list[Left]:
    """Print what stacks made, as it is found; return it."""
    found: list[Left] = []
    for left in leavings.look(places):
        if not left.nothing:
            typer.echo(left.line())
            found.append(left)
    return found


def _tell_how_to_list() -> list[Left]:
    typer.echo(
        "The endpoints stay and are not listed here (--role). In an account, the tag"
        f" {MANAGED_TAG} finds them; each costs about $7.30 a month and zone."
    )
    return []


def _ask(given: _Given, instances: list[Instance], left: list[Left] | None) -> None:
    """Ask about the stacks, and about what they made if that is to be deleted; may abort."""
    everything, name = given.scope.everything, given.target.name
    of_set = f" and the stack set {name}" if everything else f" of the stack set {name}"
    what = f"{len(instances)} stacks{of_set}"
    leaving = ", and leave their endpoints" if left is None else ""
    if instances or everything:
        typer.confirm(f"Delete {what}{leaving}?", abort=True)
    if left is not None and (instances or not all(one.done for one in left)):
        typer.confirm(
            f"Delete the {counted(left)} that stacks made, too{_more(left)}?"
            " Their VPCs reach Step Functions over the internet from then on, or not at all.",
            abort=True,
        )


def _more(left: list[Left]) -> str:
    """Return what else there is to know before saying yes."""
    unproven = {i: i in one.ids for one in left for i in one.unproven_ids}
    going, staying = sum(unproven.values()), len(unproven) - sum(unproven.values())
    unknown = sum(bool(one.problem) for one in left)
    told = (
        f"{going} of these are not proven to be made by this guardrail" if going else "",
        f"{staying} more are not proven to be made by this guardrail and stay" if staying else "",
        f"{unknown} accounts and regions could not be looked at" if unknown else "",
    )
    return "".join(f" ({one})" for one in told if one)

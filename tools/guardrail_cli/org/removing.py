"""The command `sfn-guardrail org remove`."""

from __future__ import annotations

from typing import Annotated

import typer

from guardrail.core.names import MANAGED_TAG
from guardrail_cli.deployed import STACK
from guardrail_cli.org import leftovers
from guardrail_cli.org.accounts import Accounts
from guardrail_cli.org.options import DELEGATED, HOME, NAME, REGIONS, UNITS, end
from guardrail_cli.org.removal import Removal, Scope
from guardrail_cli.org.screen import Terminal
from guardrail_cli.org.target import Target, listed


def remove(
    home: Annotated[str, HOME],
    units: Annotated[str, UNITS] = "",
    regions: Annotated[str, REGIONS] = "",
    name: Annotated[str, NAME] = STACK,
    role: Annotated[
        str, typer.Option(help="role of every account that may look at its endpoints")
    ] = "",
    *,
    let_go: Annotated[
        bool, typer.Option("--let-go", help="leave stacks that cannot be deleted where they are")
    ] = False,
    delegated: Annotated[bool, DELEGATED] = False,
    sure: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
) -> None:
    """Delete the stacks and the stack set; the endpoints that they made stay, and cost.

    With --organization-units or --regions only the stacks of those, and the set stays. With --role
    the endpoints are listed first. In a suspended account nothing can be deleted: the set lets go
    of its stacks, and with --let-go of any that cannot be deleted. Interrupted, the same command
    goes on. Exit code: 0 all that was meant is deleted, 1 something is left, 2 it could not be
    begun.
    """
    target, scope = Target(name, home, delegated), _scope(units, regions)
    target.definition()
    instances = scope.of(target.sets().instances())
    if role:
        accounts = Accounts(role, target.organisation().partition(), home)
        for left in leftovers.left_by(instances, accounts):
            typer.echo(left.line())
    else:
        typer.echo(
            "The endpoints stay and are not listed here (--role). In an account, the tag"
            f" {MANAGED_TAG} finds them; each costs about $7.30 a month and zone."
        )
    if not sure:
        what = f"{len(instances)} stacks" + (" and the stack set" if scope.everything else "")
        typer.confirm(f"Delete {what}, and leave their endpoints?", abort=True)
    removal = Removal(target.sets(), target.organisation(), Terminal())
    failed = removal.stacks(scope, let_go=let_go)
    if scope.everything:
        removal.the_set()
    end(failed)


def _scope(units: str, regions: str) -> Scope:
    return Scope(
        listed(units, "--organization-units") if units else (),
        listed(regions, "--regions") if regions else (),
    )

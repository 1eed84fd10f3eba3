"""Options that several of the commands `sfn-guardrail org …` have, and how those end."""

from __future__ import annotations

from collections.abc import Mapping

import typer

from guardrail_cli.org.causes import advice, cause
from guardrail_cli.org.model import Place

UNITS = typer.Option("--organization-units", help="ou-…, several with commas; or the root, r-…")
REGIONS = typer.Option("--regions", help="regions, several with commas")
NAME = typer.Option("--stack-set", help="name of the stack set; it begins with the project's")
HOME = typer.Option("--home", help="region of the stack set itself")
DELEGATED = typer.Option("--delegated", help="this is a delegated administrator's account")


_SHOWN = 5
"""Places with one cause that are named; a region can fail in a thousand accounts."""


def end(failed: Mapping[Place, str]) -> None:
    """Print where something failed, why and what to do, and end: with 1 if anything did."""
    of_cause: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for (account, region), reason in sorted(failed.items()):
        of_cause.setdefault((region, cause(reason)), []).append((account, reason))
    for (region, same), places in of_cause.items():
        for account, reason in places[:_SHOWN]:
            typer.echo(f"{account} {region}: {reason} ({advice(reason)})", err=True)
        if more := places[_SHOWN:]:
            typer.echo(f"and {len(more)} more accounts in {region}: {same}", err=True)
    raise typer.Exit(int(bool(failed)))

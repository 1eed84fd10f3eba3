"""`make release`: write the template and the artifact into a folder."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from guardrail_cli.documents import UsageError
from guardrail_cli.org.packaging import release, write


def main(folder: str) -> None:
    """Write a release of the current folder, and say what it is."""
    made = release(Path())
    write(made, Path(folder))
    typer.echo(f"{folder}/template.json  {len(made.template):,} bytes")
    typer.echo(f"{folder}/artifacts/{made.key}  {len(made.artifact):,} bytes")
    typer.echo(f"{folder}/artifacts/{made.template_key}  the template again, for a bucket")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except UsageError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(2) from error

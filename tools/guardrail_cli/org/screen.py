"""What a person sees of a roll-out: lines, and a bar where there is a terminal."""

from __future__ import annotations

import sys

import typer

from guardrail_cli.org.model import Operation
from guardrail_cli.org.operations import Screen

_WIDTH = 30
_ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})


class Terminal(Screen):
    """Standard error, so that standard output can be piped."""

    def __init__(self) -> None:
        self._shown = ""

    def say(self, text: str) -> None:
        """Print a line."""
        typer.echo(text, err=True)

    def progress(self, operation: Operation, places: int) -> None:
        """Draw how many places are done; without a terminal a line whenever that changes."""
        results = operation.results.values()
        done = sum(outcome.status in _ENDED for outcome in results)
        failed = len(operation.failures)
        told = f"{done}/{places or '?'}" + (f", {failed} failed" if failed else "")
        self._draw(done, places, told, ended=operation.ended)

    def looked(self, done: int, places: int) -> None:
        """Draw into how many places was looked; without a terminal a line at each tenth."""
        steps = 100 if sys.stderr.isatty() else 10
        if done * steps // places > (done - 1) * steps // places:
            told = f"{done}/{places} looked into"
            self._draw(done, places, told, ended=done == places)

    def _draw(self, done: int, places: int, told: str, *, ended: bool) -> None:
        full = round(_WIDTH * min(done, places) / places) if places else 0
        if sys.stderr.isatty():
            bar = "#" * full + "." * (_WIDTH - full)
            typer.echo(f"\r[{bar}] {told} ", err=True, nl=ended)
        elif told != self._shown:
            typer.echo(f"  {told}", err=True)
        self._shown = "" if ended else told

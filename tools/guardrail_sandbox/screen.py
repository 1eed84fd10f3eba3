"""Print the timeline: in colour and to the width of a terminal, as plain lines elsewhere."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from guardrail_sandbox.timeline import Line, Timeline

if TYPE_CHECKING:
    from guardrail_sandbox.journal import Entry

_STYLES = {
    "event": "cyan",
    "decision": "dim",
    "write": "bold green",
    "closed": "bold yellow",
    "refused": "magenta",
    "buried": "bold red",
}
_KIND_WIDTH = max(map(len, _STYLES))


class Screen:
    """Where the sandbox talks to a person. Rich honours NO_COLOR and what is no terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self._timeline = Timeline()
        self._lock = threading.Lock()
        self.lines: list[Line] = []

    def entry(self, entry: Entry) -> None:
        """Print the lines of a journal entry (called from the sandbox's threads)."""
        with self._lock:
            for line in self._timeline.lines(entry):
                self.lines.append(line)
                self._print(_text(line))

    def say(self, text: str = "", style: str = "") -> None:
        """Print a line of prose."""
        with self._lock:
            self._print(Text(text, style=style), wrap=True)

    def _print(self, text: Text, *, wrap: bool = False) -> None:
        if self.console.is_terminal and not wrap:
            self.console.print(text, no_wrap=True, overflow="ellipsis")
        else:
            # Piped output is for tools: never broken into several lines.
            self.console.print(text, soft_wrap=True)
        self.console.file.flush()


def _text(line: Line) -> Text:
    kind = (f"  {line.kind:<{_KIND_WIDTH}}  ", _STYLES[line.kind])
    return Text.assemble((line.clock, "dim"), kind, (line.text, _body(line.kind)))


def _body(kind: str) -> str:
    return "yellow" if kind == "closed" else "dim" if kind == "decision" else ""

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
_LEAST_ROOM = 20
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
                self._print_line(line)

    def say(self, text: str = "", style: str = "") -> None:
        """Print a line of prose."""
        with self._lock:
            self._print(Text(text, style=style))

    def _print_line(self, line: Line) -> None:
        """Print one line; on a terminal what is too long goes on below its own beginning."""
        head = Text.assemble(
            (line.clock, "dim"), (f"  {line.kind:<{_KIND_WIDTH}}  ", _STYLES[line.kind])
        )
        body = Text(line.text, style=_body(line.kind))
        if not self.console.is_terminal:
            # Piped output is for tools: never broken into several lines.
            self._print(head + body)
            return
        room = max(_LEAST_ROOM, self.console.width - len(head))
        for place, part in enumerate(body.wrap(self.console, room)):
            self._print(head + part if place == 0 else Text(" " * len(head)) + part)

    def _print(self, text: Text) -> None:
        self.console.print(text, soft_wrap=True)
        self.console.file.flush()


def _body(kind: str) -> str:
    return "yellow" if kind == "closed" else "dim" if kind == "decision" else ""

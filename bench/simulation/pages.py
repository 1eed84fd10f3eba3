"""Answers that come in pages, and texts as an answer holds them.

Not run by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from simulation.clock import Clock
from simulation.events import Call

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pages:
    """A paginator: every page of `size` entries, under their `key`, is one `call`."""

    clock: Clock
    call: Call
    key: str
    size: int
    entries: Callable[[Mapping[str, Any]], Iterator[Entry]]

    def paginate(self, **named: Any) -> Iterator[dict[str, list[Entry]]]:  # noqa: ANN401 - as the SDK's
        """Yield the pages; an empty list has one, too."""
        entries = self.entries(named)
        page = list(islice(entries, self.size))
        while True:
            self.clock.call(self.call)
            yield {self.key: page}
            page = list(islice(entries, self.size))
            if not page:
                return


def api_of(method: str) -> str:
    """Return the API's name for a method of the SDK."""
    return "".join(part.title() for part in method.split("_"))


def own(text: str) -> str:
    """Return a copy of the text: an answer is read into texts of its own."""
    return bytes(text, "ascii").decode("ascii")

"""Somebody who keeps loosening an endpoint: how often it was put back, and what follows from that.

A contested endpoint is told of as such. Where it goes on, the endpoint's breaker opens: its policy
is still put back, but once a minute, so that the few endpoint writes that EC2 grants an account are
left for the other endpoints.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

WINDOW = timedelta(hours=1)
"""How long a revert counts."""

SPACING = timedelta(minutes=1)
"""The pause between two reverts of an endpoint whose breaker is open."""

IN_FLIGHT = timedelta(minutes=2)
"""How long a write that was begun counts although nobody knows yet whether it was made.

Several invocations may be at the same endpoint at once; each is to know of the others.
"""


@dataclass(frozen=True, slots=True)
class PastRevert:
    """One policy write of the past: when, because of whom, and whether it is known to be made."""

    at: datetime
    actor: str | None = None
    user_agent: str | None = None
    written: bool = True


@dataclass(frozen=True, slots=True)
class Loosening:
    """The change that opened a policy: by whom, with which tool, told by which event, when.

    `sha256` is of the policy that it gave.
    """

    actor: str | None
    user_agent: str | None
    event_id: str | None
    at: datetime | None
    sha256: str


class Opponent(NamedTuple):
    """Who loosened an endpoint, with which tool, how often."""

    actor: str
    user_agent: str | None
    times: int


@dataclass(frozen=True, slots=True)
class Fight:
    """The reverts of one endpoint within the window, oldest first, and what they amount to.

    It is contested with more than `contested_after` of them, and its breaker opens with more than
    `breaker_after`. Those that may have been made count for the breaker only.
    """

    reverts: Sequence[PastRevert]
    contested_after: int
    breaker_after: int

    @property
    def made(self) -> Sequence[PastRevert]:
        """The reverts that are known to have been made."""
        return [revert for revert in self.reverts if revert.written]

    @property
    def contested(self) -> bool:
        """Whether somebody keeps loosening the endpoint; one with an open breaker always is."""
        return len(self.made) > self.contested_after or self.open

    @property
    def open(self) -> bool:
        """Whether the breaker is open."""
        return len(self.reverts) > self.breaker_after

    def due(self, now: datetime) -> datetime:
        """Return when the next revert may be written: now, unless the breaker is open."""
        if not self.open:
            return now
        return max(now, self.reverts[-1].at + SPACING)

    def with_one(self, revert: PastRevert) -> Fight:
        """Return the fight after one more revert."""
        return Fight((*self.reverts, revert), self.contested_after, self.breaker_after)

    def opponents(self) -> tuple[Opponent, ...]:
        """Return who loosened it, the most frequent first."""
        counted = Counter((r.actor, r.user_agent) for r in self.made if r.actor)
        return tuple(Opponent(actor or "", tool, n) for (actor, tool), n in counted.most_common())

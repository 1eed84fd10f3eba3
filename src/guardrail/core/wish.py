"""What an owner tried in vain because something of the guardrail's was in the way.

The one thing that no Describe call tells: that somebody wants to delete, or to have an endpoint of
his own. It says where to look and what may be in the way; what is done follows from what is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from guardrail.core.memory import YIELD, Creation


class WishKind(StrEnum):
    """What was tried."""

    TEARDOWN = "teardown"
    """Deleting a VPC or a subnet, refused with DependencyViolation."""

    OWN_ENDPOINT = "own-endpoint"
    """Private DNS for an endpoint of the owner's, refused for a conflicting DNS domain."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A call that EC2 refused; `names` are the subnets, or the services and DNS names, it named.

    `about` are the endpoints that it was to change.
    """

    kind: WishKind
    names: frozenset[str] = frozenset()
    actor: str | None = None
    event_id: str | None = None
    at: datetime | None = None
    about: frozenset[str] = frozenset()

    def out_of_date(self, in_the_way: Iterable[Creation | None], now: datetime) -> str:
        """Say why it is about the past; nothing where it is not.

        `in_the_way` are the creations, as far as they are known, of what it would take away now.
        """
        if self.at is None:
            return ""
        made = list(in_the_way)
        if made and all(one and self.at < _cut(one.begun) for one in made):
            return f"{self.told()} at {self.at}, before the guardrail made what stands there now"
        if now - self.at > YIELD:
            return f"{self.told()} at {self.at}, and the event came too late to be followed"
        return ""

    def told(self) -> str:
        """Say in words who tried what."""
        what = {
            WishKind.TEARDOWN: "tried to delete the VPC or a subnet of it",
            WishKind.OWN_ENDPOINT: "tried to make an endpoint of their own with private DNS",
        }[self.kind]
        return f"{self.actor or 'somebody'} {what}"


def _cut(time: datetime) -> datetime:
    """Cut to whole seconds, as CloudTrail's times are."""
    return time.replace(microsecond=0)

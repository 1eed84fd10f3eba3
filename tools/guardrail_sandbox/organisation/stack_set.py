"""A service-managed stack set: what it gives, its stacks and its operations.

AWS: CloudFormation API reference, "StackSet", "StackInstanceSummary", "StackSetOperation".
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Place = tuple[str, str]
"""Account and region."""

Action = Literal["CREATE", "UPDATE", "DELETE"]


@dataclass(slots=True)
class Outcome:
    """How far an operation came in one place; see `ListStackSetOperationResults`."""

    status: str = "PENDING"
    reason: str = ""


@dataclass(slots=True)
class Stack:
    """A stack of the set; `unit` is the target it belongs to, `stack_id` is set once it is made."""

    account: str
    region: str
    unit: str
    state: str = "OUTDATED"
    detail: str = "PENDING"
    reason: str = ""
    stack_id: str = ""

    def became(self, state: str, detail: str, reason: str = "") -> None:
        """Note what became of it."""
        self.state, self.detail, self.reason = state, detail, reason


@dataclass(slots=True)
class Preferences:
    """Accounts at once in each region, and how many of them may fail there."""

    at_once: int = 1
    may_fail: int = 0


@dataclass(slots=True)
class Operation:
    """One operation; `retain` leaves the stacks where they are as they leave the set."""

    action: Action
    places: list[Place]
    preferences: Preferences
    retain: bool = False
    operation_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "QUEUED"
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: datetime | None = None
    results: dict[Place, Outcome] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Wait everywhere."""
        self.results = {place: Outcome() for place in self.places}


@dataclass(slots=True)
class StackSet:
    """What CreateStackSet was told, and what came of it.

    `targets` are the regions that a unit is deployed to, for accounts that join it, too.
    """

    name: str
    template: str
    parameters: dict[str, str]
    automatic: bool = True
    retain_on_leaving: bool = False
    set_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    targets: dict[str, set[str]] = field(default_factory=dict)
    stacks: dict[Place, Stack] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)

    @property
    def full_id(self) -> str:
        """The id as AWS tells it."""
        return f"{self.name}:{self.set_id}"

    @property
    def stack_name(self) -> str:
        """The name of its stacks in the accounts."""
        return f"StackSet-{self.name}-{self.set_id}"

    def target(self, unit: str, regions: Iterable[str]) -> None:
        """Deploy to a unit, and to accounts that join it, in these regions, too."""
        self.targets.setdefault(unit, set()).update(regions)

    def forget(self, unit: str, regions: Iterable[str]) -> None:
        """Deploy to a unit in these regions no more."""
        left = self.targets.pop(unit, set()) - set(regions)
        if left:
            self.targets[unit] = left

    @property
    def going_on(self) -> bool:
        """Whether an operation runs or waits."""
        return any(one.ended is None for one in self.operations)

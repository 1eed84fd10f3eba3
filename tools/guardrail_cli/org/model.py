"""A stack set as the commands see it: what is asked for, what stands, what an operation came to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Instance:
    """One stack of the set: where, whether it has the set's template, and what became of it.

    `state` is CURRENT, OUTDATED or INOPERABLE, `detail` is PENDING, RUNNING, SUCCEEDED, FAILED,
    CANCELLED or INOPERABLE, `reason` is AWS's sentence about a failure. Source: AWS CloudFormation
    API reference, "StackInstanceSummary".
    """

    account: str
    region: str
    state: str
    detail: str = ""
    reason: str = ""
    stack_id: str = ""
    drift: str = ""

    @property
    def place(self) -> tuple[str, str]:
        """Account and region."""
        return self.account, self.region

    @property
    def settled(self) -> bool:
        """Whether the stack is as the set wants it."""
        return self.state == "CURRENT"


@dataclass(frozen=True, slots=True)
class Definition:
    """What a stack set gives every account: the template and its parameters, where, by whom."""

    template: str
    parameters: Mapping[str, str]
    units: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pace:
    """How an operation goes on: accounts at once in each region, and how many may fail.

    Regions go side by side. Source: AWS CloudFormation API reference,
    "StackSetOperationPreferences".
    """

    at_once: int = 1
    may_fail: int = 0


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: RUNNING, QUEUED, STOPPING, or how it ended; `results` are by place."""

    operation_id: str
    status: str
    reason: str = ""
    results: Mapping[tuple[str, str], Outcome] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether nothing happens any more."""
        return self.status in {"SUCCEEDED", "FAILED", "STOPPED"}

    @property
    def failures(self) -> dict[tuple[str, str], str]:
        """The places where it failed, with AWS's sentence."""
        failed = ((p, o) for p, o in self.results.items() if o.status == "FAILED")
        return {place: outcome.reason for place, outcome in failed}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation came to in one place: PENDING, RUNNING, SUCCEEDED, FAILED or CANCELLED."""

    status: str
    reason: str = ""


class StackSets(Protocol):
    """The stack set of one name, service-managed, with deployment to new accounts switched on."""

    def definition(self) -> Definition | None:
        """Return what the set gives now; None when it does not exist."""

    def create(self, definition: Definition) -> None:
        """Make the set, without any instance."""

    def add(
        self, units: tuple[str, ...], accounts: list[str], regions: list[str], pace: Pace
    ) -> str:
        """Begin to make stacks in those accounts of the units; return the operation's id."""

    def update(self, definition: Definition, accounts: list[str], pace: Pace) -> str:
        """Give the set another definition, and begin to update those accounts' stacks."""

    def remove(self, definition: Definition, pace: Pace) -> str:
        """Begin to delete every stack of the set."""

    def delete(self) -> None:
        """Delete the set, which has no stacks any more."""

    def instances(self) -> Iterator[Instance]:
        """Yield the stacks of the set as they come, page by page."""

    def running(self) -> str | None:
        """Return the id of an operation that goes on, if any."""

    def operation(self, operation_id: str) -> Operation:
        """Return how far an operation came."""


class Organisation(Protocol):
    """The accounts of an organisation."""

    def accounts(self, units: tuple[str, ...]) -> list[str]:
        """Return the active accounts in and below the units, without the management account.

        A service-managed stack set never reaches that one. Source: AWS CloudFormation user guide,
        "StackSets concepts".
        """


class Artifacts(Protocol):
    """The buckets of the functions' code, one in each region."""

    def publish(self, region: str, key: str, content: bytes) -> bool:
        """Put the code where the region's stacks look for it; False when it was there already."""

"""A stack set as the commands see it: what is asked for, what stands, what an operation came to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Place = tuple[str, str]
"""Account and region."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One stack of the set: where, whether it has the set's template, and what became of it.

    `state` is CURRENT, OUTDATED or INOPERABLE; `detail` is PENDING, RUNNING, SUCCEEDED, FAILED,
    CANCELLED, INOPERABLE or SKIPPED_SUSPENDED_ACCOUNT; `reason` is AWS's sentence about a failure.
    Source: AWS CloudFormation API reference, "StackInstanceSummary".
    """

    account: str
    region: str
    state: str
    detail: str = ""
    reason: str = ""
    stack_id: str = ""
    drift: str = ""
    unit: str = ""

    @property
    def place(self) -> Place:
        """Account and region."""
        return self.account, self.region

    @property
    def settled(self) -> bool:
        """Whether the stack is as the set wants it."""
        return self.state == "CURRENT"

    @property
    def skipped(self) -> bool:
        """Whether StackSets leaves it alone because its account is suspended."""
        return self.detail == "SKIPPED_SUSPENDED_ACCOUNT"

    @property
    def failed(self) -> bool:
        """Whether an operation has tried it in vain; to be tried again after all others.

        A CANCELLED one was not tried: failures elsewhere ended the operation before its turn.
        """
        return not self.settled and self.detail == "FAILED"


@dataclass(frozen=True, slots=True)
class Definition:
    """What a stack set gives every account: the template and its parameters, where."""

    template: str
    parameters: Mapping[str, str]
    units: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()

    @property
    def declared(self) -> Mapping[str, Mapping[str, Any]]:
        """The parameters of the template, as it declares them; none if it is no JSON."""
        try:
            return dict(json.loads(self.template).get("Parameters", {}))
        except ValueError:
            return {}

    @property
    def effective(self) -> dict[str, str]:
        """Every parameter of the template with the value that holds: AWS tells defaults, too."""
        defaults = {n: str(d["Default"]) for n, d in self.declared.items() if "Default" in d}
        return {**defaults, **self.parameters}

    @property
    def chosen(self) -> dict[str, str]:
        """The parameters that are not what their default is, so that a new default can hold.

        The mode always: what the guardrail may do is the owner's word, not that of a release.
        """
        defaults = {n: str(d["Default"]) for n, d in self.declared.items() if "Default" in d}
        return {n: v for n, v in self.parameters.items() if n == "Mode" or defaults.get(n) != v}

    def gives_the_same_as(self, other: Definition) -> bool:
        """Whether two definitions give an account the same, however the template is spaced."""
        if self.effective != other.effective:
            return False
        try:
            return bool(json.loads(self.template) == json.loads(other.template))
        except ValueError:
            return self.template == other.template


@dataclass(frozen=True, slots=True)
class Pace:
    """How an operation goes on: accounts at once in each region, and how many may fail.

    Regions go side by side. Source: AWS CloudFormation API reference,
    "StackSetOperationPreferences".
    """

    at_once: int = 1
    may_fail: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation came to in one place: PENDING, RUNNING, SUCCEEDED, FAILED or CANCELLED."""

    status: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: RUNNING, QUEUED, STOPPING, or how it ended; `results` are by place."""

    operation_id: str
    status: str
    reason: str = ""
    results: Mapping[Place, Outcome] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether nothing happens any more."""
        return self.status in {"SUCCEEDED", "FAILED", "STOPPED"}

    @property
    def unreached(self) -> list[Place]:
        """The places that had not had their turn when it ended."""
        return [place for place, one in self.results.items() if one.status == "CANCELLED"]

    @property
    def failures(self) -> dict[Place, str]:
        """The places where it failed, with AWS's sentence."""
        failed = ((p, o) for p, o in self.results.items() if o.status == "FAILED")
        return {place: outcome.reason for place, outcome in failed}

    @property
    def refusal(self) -> str:
        """Why it failed as a whole, and in no place of its own; nothing if it did not."""
        if self.status != "FAILED" or self.failures:
            return ""
        return self.reason or f"the operation {self.operation_id} failed, and AWS says no more"


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

    def targets(self) -> Mapping[str, frozenset[str]]:
        """Return the regions by unit in which accounts that join get their stacks."""

    def register(self, unit: str, regions: list[str]) -> str:
        """Begin to make the stacks of a whole unit, which may have no account yet.

        Those that join get theirs from then on; return the operation's id.
        """

    def define(
        self, definition: Definition, accounts: list[str], regions: list[str], pace: Pace
    ) -> str:
        """Give the set another definition, and begin to update those accounts' stacks.

        All others count as behind from then on, whatever they have. Without accounts there must be
        no stack that could be updated: AWS would update all of them at once.
        """

    def update(
        self, definition: Definition, accounts: list[str], regions: list[str], pace: Pace
    ) -> str:
        """Begin to update those accounts' stacks to the definition that the set has.

        The units of `definition` must all be the set's already.
        """

    def remove(self, units: tuple[str, ...], regions: list[str], pace: Pace) -> str:
        """Begin to delete the stacks of whole units; accounts that join get none any more.

        Return the operation's id.
        """

    def detach(
        self, units: tuple[str, ...], accounts: list[str], regions: list[str], pace: Pace
    ) -> str:
        """Begin to let go of those accounts' stacks, which stay as they are, and return its id.

        None of them can ever be taken back into a set. Source: AWS CloudFormation API reference,
        "DeleteStackInstances", RetainStacks.
        """

    def delete(self) -> None:
        """Delete the set, which has no stacks any more."""

    def instances(self) -> Iterator[Instance]:
        """Yield the stacks of the set as they come, page by page."""

    def running(self) -> str | None:
        """Return the id of an operation that goes on or waits, if any."""

    def deleted(self) -> set[Place]:
        """Return where operations have deleted stacks, as far as the set remembers them."""

    def operation(self, operation_id: str) -> Operation:
        """Return how far an operation came."""


class Organisation(Protocol):
    """The accounts of an organisation."""

    def accounts(self, units: tuple[str, ...]) -> list[str]:
        """Return the active accounts in and below the units, without the management account.

        There may be none: units are made before their accounts. Raises UsageError that names a
        unit which is not there.
        A service-managed stack set never reaches that one. Source: AWS CloudFormation user guide,
        "StackSets concepts".
        """

    def active(self) -> frozenset[str]:
        """Return the active accounts of the whole organisation.

        Others are suspended or being closed: nothing can be done in them.
        """


class Artifacts(Protocol):
    """The buckets of the functions' code, one in each region."""

    def publish(self, region: str, key: str, content: bytes) -> bool:
        """Put the code where the region's stacks look for it; False when it was there already."""

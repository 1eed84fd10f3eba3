"""CloudFormation's side of a stack set: the client that the command's own adapter calls.

Not run by itself. Operations take their time on the caller's clock, in every region at once, and
answers come in pages. Source: AWS CloudFormation API reference; user guide, "StackSets concepts".
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from botocore.exceptions import ClientError
from simulation import rates
from simulation.clock import Clock
from simulation.events import Call
from simulation.pages import Entry, Pages, api_of, own

Place = tuple[str, str]
UNIT = "ou-abcd-11111111"
"""The unit that is deployed to."""


class Stack(NamedTuple):
    """A stack: the template's version that it has from `ready` on, unless it failed, and before."""

    made: float
    ready: float
    version: int
    before: int
    reason: str = ""


class Result(NamedTuple):
    """How one place ends in an operation, and when."""

    at: float
    status: str
    reason: str = ""


class Operation(NamedTuple):
    """When an operation's last stack is done, whether it is stopped, and what is told of each."""

    end: float
    stopped: bool
    told: list[tuple[float, Entry, Entry]]
    """When a place is done, and its entry before and after."""


@dataclass
class CloudFormation:
    """The methods of the SDK's client that a stack set needs.

    `strict` lets every operation go as with StackSets' default failure tolerance, whatever is asked
    for; `broken` are places whose stacks fail, with the reason. With `fresh`, the
    texts of each answer are its own, as they are of a real one, which takes time and memory.
    """

    clock: Clock
    strict: bool = False
    fresh: bool = False
    broken: Mapping[Place, str] = field(default_factory=dict)
    stacks: dict[Place, Stack] = field(default_factory=dict)
    _definition: Entry | None = None
    _version: int = 0
    _operations: dict[str, Operation] = field(default_factory=dict)

    def describe_stack_set(self, **_: object) -> Entry:
        """Return template, parameters, and where there are stacks."""
        self._called("DescribeStackSet")
        if self._definition is None:
            raise ClientError(
                {"Error": {"Code": "StackSetNotFoundException", "Message": "no"}},
                "DescribeStackSet",
            )
        regions = sorted({region for _, region in self.stacks})
        return {"StackSet": {**self._definition, "Regions": regions}}

    def create_stack_set(self, **given: Any) -> None:  # noqa: ANN401 - as the SDK's client
        """Make the set."""
        self._called("CreateStackSet")
        self._define(given)

    def create_stack_instances(self, **given: Any) -> Entry:  # noqa: ANN401 - as the SDK's client
        """Begin to make stacks."""
        self._called("CreateStackInstances")
        return self._begun(given)

    def update_stack_set(self, **given: Any) -> Entry:  # noqa: ANN401 - as the SDK's client
        """Begin to update stacks; a template that is given makes all others OUTDATED."""
        self._called("UpdateStackSet")
        if "TemplateBody" in given:
            self._define(given)
        return self._begun(given)

    def describe_stack_set_operation(self, **named: Any) -> Entry:  # noqa: ANN401 - as the SDK's client
        """Return how far an operation came."""
        self._called("DescribeStackSetOperation")
        return {"StackSetOperation": {"Status": self._status(named["OperationId"])}}

    def get_paginator(self, name: str) -> Pages:
        """Return what lists stacks, operations or their results."""
        lists = {
            "list_stack_instances": self._instances,
            "list_stack_set_operations": self._begun_so_far,
            "list_stack_set_operation_results": self._results,
        }
        call = Call(api_of(name), "home", rates.CLOUDFORMATION, rates.CALL)
        return Pages(self.clock, call, "Summaries", rates.PAGE, lists[name])

    def _instances(self, _: Mapping[str, Any]) -> Iterator[Entry]:
        return (self._told(place, stack) for place, stack in self.stacks.items())

    def _begun_so_far(self, _: Mapping[str, Any]) -> Iterator[Entry]:
        return ({"OperationId": one, "Status": self._status(one)} for one in self._operations)

    def _results(self, named: Mapping[str, Any]) -> Iterator[Entry]:
        for at, before, after in self._operations[named["OperationId"]].told:
            told = after if at <= self.clock.now else before
            yield {name: own(value) for name, value in told.items()} if self.fresh else told

    def _define(self, given: Mapping[str, Any]) -> None:
        self._definition = {name: given[name] for name in ("TemplateBody", "Parameters")}
        self._version += 1

    def _begun(self, given: Mapping[str, Any]) -> Entry:
        targets = given.get("DeploymentTargets", {"Accounts": [], "OrganizationalUnitIds": []})
        if self._definition is not None and targets["OrganizationalUnitIds"]:
            self._definition["OrganizationalUnitIds"] = targets["OrganizationalUnitIds"]
        results: dict[Place, Result] = {}
        regions = given.get("Regions", [])
        for region in regions:
            preferences = given["OperationPreferences"]
            results.update(self._in_region(targets["Accounts"], region, preferences, len(regions)))
        operation_id = f"operation-{len(self._operations)}"
        self._operations[operation_id] = Operation(
            max((result.at for result in results.values()), default=0.0),
            any(result.status == "CANCELLED" for result in results.values()),
            [(result.at, *_told(place, result)) for place, result in results.items()],
        )
        for place, result in results.items():
            was = self.stacks.get(place, Stack(result.at, 0.0, 0, 0))
            version = self._version if result.status == "SUCCEEDED" else was.version
            self.stacks[place] = Stack(was.made, result.at, version, was.version, result.reason)
        return {"OperationId": operation_id}

    def _in_region(
        self, accounts: list[str], region: str, preferences: Mapping[str, Any], regions: int
    ) -> Iterator[tuple[Place, Result]]:
        """Yield when each account is done in a region, by as many workers as may go at once."""
        tolerance = preferences["FailureToleranceCount"]
        at_once = preferences["MaxConcurrentCount"]
        if self.strict:
            at_once = min(at_once, tolerance + 1)
        free = [self.clock.now + rates.QUEUED] * max(1, min(at_once, rates.AT_ONCE // regions))
        failed = 0
        for account in accounts:
            place = account, region
            if failed > tolerance:
                yield place, Result(free[0], "CANCELLED", "Cancelled since too many failed")
                continue
            done = free[0] + stack_seconds(place)
            heapq.heapreplace(free, done)
            reason = self.broken.get(place, "")
            failed += bool(reason)
            yield place, Result(done, "FAILED" if reason else "SUCCEEDED", reason)

    def _status(self, operation_id: str) -> str:
        operation = self._operations[operation_id]
        if operation.end > self.clock.now:
            return "RUNNING"
        return "FAILED" if operation.stopped else "SUCCEEDED"

    def _told(self, place: Place, stack: Stack) -> Entry:
        """Return a stack as ListStackInstances tells it."""
        (account, region), text = place, own if self.fresh else str
        ready = stack.ready <= self.clock.now
        version = stack.version if ready else stack.before
        return {
            "Account": text(account),
            "Region": text(region),
            "Status": text("CURRENT" if version == self._version else "OUTDATED"),
            "StackInstanceStatus": {"DetailedStatus": text(_detail(stack, ready=ready))},
            "StatusReason": text(stack.reason if ready else ""),
            "StackId": f"arn:aws:cloudformation:{region}:{account}:stack/guardrail-{account:0>36}",
            "DriftStatus": text("NOT_CHECKED"),
            "OrganizationalUnitId": text(UNIT),
        }

    def _called(self, api: str) -> None:
        self.clock.call(Call(api, "home", rates.CLOUDFORMATION, rates.CALL))


def stack_seconds(place: Place) -> float:
    """Return how long one stack takes: spread evenly, and always the same for the same stack."""
    account, region = place
    number = int(account) * 100 + int(region.rpartition("-")[2])
    return rates.STACK + rates.spread(number) * rates.STACK_SPREAD


def _detail(stack: Stack, *, ready: bool) -> str:
    if not ready:
        return "RUNNING"
    return "FAILED" if stack.reason else "SUCCEEDED"


def _told(place: Place, result: Result) -> tuple[Entry, Entry]:
    """Return a place as ListStackSetOperationResults tells it, before and after it is done."""
    before = {"Account": place[0], "Region": place[1], "Status": "RUNNING"}
    return before, {**before, "Status": result.status, "StatusReason": result.reason}

"""Carries out the operations of stack sets, one after the other for each set (managed execution).

Regions go side by side, in each some accounts at once; more failures than are tolerated in a region
end the operation there, and what was not begun is cancelled. AWS: CloudFormation user guide,
"StackSet operation options"; API reference, "StackSetOperationPreferences".
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from guardrail_sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from guardrail_sandbox.organisation.stack_set import Operation, Place, Stack, StackSet

_logger = logging.getLogger(__name__)


class RefusedError(Exception):
    """A stack could not be made, changed or deleted; the text is CloudFormation's."""


class Deployer(Protocol):
    """Makes, changes and deletes the stacks themselves; each raises RefusedError."""

    def suspended(self, account: str) -> bool:
        """Tell whether nothing can be done in an account."""

    def create(self, stack_set: StackSet, stack: Stack) -> str:
        """Make a stack; return its id."""

    def update(self, stack_set: StackSet, stack: Stack) -> None:
        """Give a stack the set's template and parameters."""

    def delete(self, stack: Stack) -> None:
        """Delete a stack."""


class Operations:
    """Runs what stack sets are to do, in threads."""

    def __init__(self, deployer: Deployer) -> None:
        self._deployer = deployer
        self._queues: dict[str, ThreadPoolExecutor] = {}
        self._lock = threading.Lock()

    def begin(self, stack_set: StackSet, operation: Operation) -> str:
        """Queue an operation; return its id."""
        stack_set.operations.append(operation)
        with self._lock:
            queue = self._queues.setdefault(stack_set.set_id, ThreadPoolExecutor(1))
        queue.submit(self._logged, stack_set, operation)
        return operation.operation_id

    def close(self) -> None:
        """End: what waits is given up."""
        for queue in self._queues.values():
            queue.shutdown(cancel_futures=True)

    def _logged(self, stack_set: StackSet, operation: Operation) -> None:
        try:
            self._run(stack_set, operation)
        except Exception:
            operation.status = "FAILED"
            _logger.exception("an operation of %s broke off", stack_set.name)
        finally:
            operation.ended = datetime.now(UTC)

    def _run(self, stack_set: StackSet, operation: Operation) -> None:
        operation.status = "RUNNING"
        regions = sorted({region for _, region in operation.places})
        with ThreadPoolExecutor(max(1, len(regions))) as pool:
            ran = [pool.submit(self._region, stack_set, operation, one) for one in regions]
            within = [one.result() for one in ran]
        operation.status = "SUCCEEDED" if all(within) else "FAILED"

    def _region(self, stack_set: StackSet, operation: Operation, region: str) -> bool:
        """Do it in one region; tell whether no more failed than may."""
        places = [place for place in operation.places if place[1] == region]
        failed = 0
        for some in batched_places(places, operation.preferences.at_once):
            if failed > operation.preferences.may_fail:
                for place in some:
                    _cancelled(stack_set, operation, place)
                continue
            with ThreadPoolExecutor(len(some)) as pool:
                well = list(pool.map(lambda p: self._place(stack_set, operation, p), some))
            failed += well.count(False)
        return failed <= operation.preferences.may_fail

    def _place(self, stack_set: StackSet, operation: Operation, place: Place) -> bool:
        """Do it in one place; tell whether that went well."""
        stack, outcome = stack_set.stacks[place], operation.results[place]
        # A stack that stays where it is can leave the set all the same.
        if not operation.retain and self._deployer.suspended(stack.account):
            stack.became(stack.state, "SKIPPED_SUSPENDED_ACCOUNT", "The account is suspended.")
            outcome.status = "CANCELLED"
            return True
        outcome.status = "RUNNING"
        stack.became(stack.state, "RUNNING")
        try:
            self._do(stack_set, operation, stack)
        except (RefusedError, SandboxError) as error:
            outcome.status, outcome.reason = "FAILED", str(error)
            stack.became("OUTDATED", "FAILED", str(error))
            return False
        outcome.status = "SUCCEEDED"
        return True

    def _do(self, stack_set: StackSet, operation: Operation, stack: Stack) -> None:
        if operation.action == "DELETE":
            if not operation.retain and stack.stack_id:
                self._deployer.delete(stack)
            del stack_set.stacks[stack.account, stack.region]
            return
        if stack.stack_id:
            self._deployer.update(stack_set, stack)
        else:
            stack.stack_id = self._deployer.create(stack_set, stack)
        stack.became("CURRENT", "SUCCEEDED")


def batched_places(places: Sequence[Place], size: int) -> list[Sequence[Place]]:
    """Return the places in groups of at most so many."""
    return [places[start : start + size] for start in range(0, len(places), size)]


def _cancelled(stack_set: StackSet, operation: Operation, place: Place) -> None:
    operation.results[place].status = "CANCELLED"
    if operation.action != "DELETE":
        reason = "Cancelled since failure tolerance has exceeded"
        stack_set.stacks[place].became("OUTDATED", "CANCELLED", reason)

"""Operations of a stack set: one look after the other until they end, and who sees it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from guardrail_cli.org.model import Instance, Operation, StackSets

LOOK_SECONDS, STACKS_A_SECOND = 5.0, 100
"""A look at an operation reads all its results, a hundred in a call: many are looked at seldom."""

UNITS_AT_ONCE = 50
"""Of one operation.

Source: AWS CloudFormation API reference, "CreateStackInstances", "DeleteStackInstances".
"""


class Screen:
    """What a person sees of it."""

    def say(self, text: str) -> None:
        """Print a line."""

    def progress(self, operation: Operation, places: int) -> None:
        """Show how far an operation came of so many places."""


@dataclass(frozen=True)
class Watch:
    """Follows a stack set's operations."""

    sets: StackSets
    screen: Screen
    sleep: Callable[[float], None] = time.sleep

    def settle(self) -> None:
        """Let operations end that an interrupted command, or somebody else, has begun."""
        while operation_id := self.sets.running():
            self.screen.say(f"waiting for the operation {operation_id}, which is under way")
            self.follow(operation_id, 0)

    def follow(self, operation_id: str, places: int) -> Operation:
        """Return the operation, which is on so many places, when it has ended."""
        while True:
            operation = self.sets.operation(operation_id)
            self.screen.progress(operation, places)
            if operation.ended:
                return operation
            self.sleep(max(LOOK_SECONDS, places / STACKS_A_SECOND))


def by_regions(stacks: Iterable[Instance]) -> dict[tuple[str, ...], list[str]]:
    """Return the accounts by the regions of their stacks, the largest group first."""
    regions: dict[str, set[str]] = {}
    for one in stacks:
        regions.setdefault(one.account, set()).add(one.region)
    grouped: dict[tuple[str, ...], list[str]] = {}
    for account, of_account in sorted(regions.items()):
        grouped.setdefault(tuple(sorted(of_account)), []).append(account)
    return dict(sorted(grouped.items(), key=lambda group: -len(group[1])))

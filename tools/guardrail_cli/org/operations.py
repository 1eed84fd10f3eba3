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
        """Return the operation when it has ended; it is on so many places, or as it tells."""
        while True:
            operation = self.sets.operation(operation_id)
            places = max(places, len(operation.results))
            self.screen.progress(operation, places)
            if operation.ended:
                return operation
            self.sleep(max(LOOK_SECONDS, places / STACKS_A_SECOND))


def by_regions(stacks: Iterable[Instance]) -> dict[tuple[str, ...], list[str]]:
    """Return the accounts by the regions of their stacks, the largest group first.

    Accounts that have the same regions go together, unless one region after the other takes fewer
    operations.
    """
    regions: dict[str, set[str]] = {}
    for one in stacks:
        regions.setdefault(one.account, set()).add(one.region)
    together: dict[tuple[str, ...], list[str]] = {}
    apart: dict[tuple[str, ...], list[str]] = {}
    for account, of_account in sorted(regions.items()):
        together.setdefault(tuple(sorted(of_account)), []).append(account)
        for region in of_account:
            apart.setdefault((region,), []).append(account)
    fewest = min(together, apart, key=len)
    return dict(sorted(fewest.items(), key=lambda group: -len(group[1])))

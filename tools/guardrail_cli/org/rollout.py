"""Deploying, upgrading and removing a stack set.

What is missing is found anew each time. So an interrupted command goes on where it stopped, and one
that is run twice changes nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from math import ceil

from guardrail_cli.documents import UsageError
from guardrail_cli.org.causes import advice
from guardrail_cli.org.model import (
    Artifacts,
    Definition,
    Operation,
    Organisation,
    Pace,
    StackSets,
)

SHARES = (0.05, 0.25, 1.0)
"""How much of the organisation has been reached after each wave that follows the first account."""

AT_ONCE, MAY_FAIL = 0.25, 0.05
"""Shares of a wave's accounts."""

LOOK_SECONDS = 5.0
"""Between two looks at an operation."""

Place = tuple[str, str]


class Screen:
    """What a person sees of it; the default is a line for each wave and nothing in between."""

    def say(self, text: str) -> None:
        """Print a line."""

    def progress(self, operation: Operation, places: int) -> None:
        """Show how far an operation came of so many places."""


@dataclass(frozen=True, slots=True)
class Waves:
    """How fast it goes: one account first, then shares of the rest.

    `may_fail` and `at_once` are shares of a wave's accounts, in each region. In the first account
    nothing may fail.
    """

    may_fail: float = MAY_FAIL
    at_once: float = AT_ONCE
    shares: tuple[float, ...] = SHARES

    def of(self, accounts: list[str]) -> Iterator[tuple[list[str], Pace]]:
        """Yield accounts and pace of each wave."""
        done = 1
        yield accounts[:1], Pace()
        for share in self.shares:
            until = max(done, ceil(share * len(accounts)))
            if wave := accounts[done:until]:
                yield wave, self.pace(len(wave))
            done = until

    def pace(self, accounts: int) -> Pace:
        """Return the pace of an operation on so many accounts."""
        return Pace(max(1, int(self.at_once * accounts)), int(self.may_fail * accounts))


@dataclass(frozen=True)
class Rollout:
    """Brings a stack set to a definition, and the definition to every account."""

    sets: StackSets
    organisation: Organisation
    artifacts: Artifacts
    screen: Screen
    waves: Waves = field(default_factory=Waves)
    sleep: Callable[[float], None] = time.sleep

    def publish(self, regions: Iterable[str], key: str, content: bytes) -> None:
        """Put the code into every region's bucket; raises UsageError with all that failed."""
        failed: list[str] = []
        for region in regions:
            try:
                new = self.artifacts.publish(region, key, content)
            except UsageError as error:
                failed.append(f"{region}: {error}")
                continue
            self.screen.say(f"{region}: the code {'is published' if new else 'was there already'}")
        if failed:
            raise UsageError("the code cannot be published in " + "; ".join(failed))

    def deploy(self, wanted: Definition) -> dict[Place, str]:
        """Make or update the stacks of every account and region; return where that failed, why.

        Raises UsageError when the first account fails, or more than may: then no further wave
        begins.
        """
        self._await_running()
        standing = self.sets.definition()
        if standing is None:
            self.sets.create(wanted)
            self.screen.say("the stack set is made")
            standing = wanted
        failed = self._update(standing, wanted)
        failed.update(self._add(wanted))
        if not failed:
            self.screen.say("every account and region has its stack")
        return failed

    def remove(self) -> dict[Place, str]:
        """Delete every stack, then the set; return where that failed, why."""
        self._await_running()
        standing = self.sets.definition()
        if standing is None:
            self.screen.say("there is no such stack set")
            return {}
        places = {instance.place for instance in self.sets.instances()}
        if places:
            pace = self.waves.pace(len({account for account, _ in places}))
            ended = self._follow(self.sets.remove(standing, pace), len(places))
            if ended.failures or ended.status != "SUCCEEDED":
                return ended.failures or {("*", "*"): ended.reason or ended.status.lower()}
        self.sets.delete()
        self.screen.say("the stack set is deleted")
        return {}

    def _update(self, standing: Definition, wanted: Definition) -> dict[Place, str]:
        """Update the stacks that have another definition, or whose last update failed."""
        same = same_definition(standing, wanted)
        instances = [one for one in self.sets.instances() if one.region in wanted.regions]
        behind = sorted({one.account for one in instances if not (same and one.settled)})
        if not behind and not same:
            self._follow(self.sets.update(wanted, [], Pace()), 0)

        def begin(wave: list[str], pace: Pace) -> str:
            return self.sets.update(replace(wanted, units=standing.units), wave, pace)

        return self._in_waves(behind, "updating", begin, len(wanted.regions))

    def _add(self, wanted: Definition) -> dict[Place, str]:
        """Make the stacks that are missing, region by region where only some are."""
        have = {instance.place for instance in self.sets.instances()}
        accounts = self.organisation.accounts(wanted.units)
        missing: dict[tuple[str, ...], list[str]] = {}
        for account in accounts:
            regions = tuple(r for r in wanted.regions if (account, r) not in have)
            if regions:
                missing.setdefault(regions, []).append(account)
        failed: dict[Place, str] = {}
        for regions, lacking in sorted(missing.items(), key=lambda one: -len(one[1])):
            failed.update(self._add_in(wanted, lacking, list(regions)))
        return failed

    def _add_in(
        self, wanted: Definition, accounts: list[str], regions: list[str]
    ) -> dict[Place, str]:
        def begin(wave: list[str], pace: Pace) -> str:
            return self.sets.add(wanted.units, wave, regions, pace)

        return self._in_waves(accounts, "deploying to", begin, len(regions))

    def _in_waves(
        self,
        accounts: list[str],
        doing: str,
        begin: Callable[[list[str], Pace], str],
        regions: int,
    ) -> dict[Place, str]:
        """Do it wave by wave; stop where more failed than may."""
        failed: dict[Place, str] = {}
        for wave, pace in self.waves.of(accounts) if accounts else ():
            self.screen.say(f"{doing} {len(wave)} of {len(accounts)} accounts")
            ended = self._follow(begin(wave, pace), len(wave) * regions)
            failed.update(ended.failures)
            if ended.status != "SUCCEEDED":
                raise UsageError(_stopped(ended, doing))
        return failed

    def _await_running(self) -> None:
        """Let an operation end that an interrupted command, or somebody else, has begun."""
        if operation_id := self.sets.running():
            self.screen.say(f"waiting for the operation {operation_id}, which is under way")
            self._follow(operation_id, 0)

    def _follow(self, operation_id: str, places: int) -> Operation:
        while True:
            operation = self.sets.operation(operation_id)
            self.screen.progress(operation, places)
            if operation.ended:
                return operation
            self.sleep(LOOK_SECONDS)


def same_definition(one: Definition, other: Definition) -> bool:
    """Whether two definitions give an account the same, whatever the spacing of the template."""
    return dict(one.parameters) == dict(other.parameters) and (
        one.template == other.template or json.loads(one.template) == json.loads(other.template)
    )


def _stopped(ended: Operation, doing: str) -> str:
    failures = [
        f"{account} {region}: {reason} ({advice(reason)})"
        for (account, region), reason in sorted(ended.failures.items())[:5]
    ]
    told = "; ".join(failures) or ended.reason or "AWS says no more"
    return (
        f"{doing} stopped ({ended.status.lower()}): {told}. Mend this and run the same command"
        " again: it goes on from here"
    )

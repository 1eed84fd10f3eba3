"""Deploying and upgrading a stack set.

What is missing is found anew each time. So an interrupted command goes on where it stopped, and one
that is run twice changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from math import ceil

from guardrail_cli.documents import UsageError
from guardrail_cli.org.causes import advice
from guardrail_cli.org.model import (
    Artifacts,
    Definition,
    Instance,
    Operation,
    Organisation,
    Pace,
    Place,
    StackSets,
)
from guardrail_cli.org.operations import Screen, Watch, by_regions

SHARES = (0.05, 0.25, 1.0)
"""How much of the organisation has been reached after each wave that follows the first account."""

AT_ONCE, MAY_FAIL = 0.25, 0.05
"""Shares of a wave's accounts."""

Begin = Callable[[list[str], list[str], Pace], str]
"""Begins an operation on accounts and regions; returns its id."""


@dataclass(frozen=True, slots=True)
class Waves:
    """How fast it goes: one account first, in which nothing may fail, then shares of the rest.

    `may_fail` and `at_once` are shares of a wave's accounts, in each region, and never less than
    one account.
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
        return Pace(max(1, int(self.at_once * accounts)), ceil(self.may_fail * accounts))


@dataclass(frozen=True)
class Rollout:
    """Brings a stack set to a definition, and the definition to every account.

    `first` is the account that comes before the others; any if it is empty.
    """

    sets: StackSets
    organisation: Organisation
    artifacts: Artifacts
    screen: Screen
    waves: Waves = field(default_factory=Waves)
    first: str = ""
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
        begins. And when stacks stand in units or regions that `wanted` leaves out: template and
        parameters are the whole set's, so they could not stay as they are.
        """
        self._watch.settle()
        standing = self.sets.definition()
        if standing is None:
            self.sets.create(wanted)
            self.screen.say("the stack set is made")
            standing = wanted
        refuse_narrower(standing, wanted)
        active = self.organisation.accounts(wanted.units)
        self._update(standing, wanted, active)
        self._add(wanted, active)
        instances = list(self.sets.instances())
        self._register(wanted, instances)
        failed = _not_as_wanted(wanted, active, instances)
        self.screen.say(
            f"{len(failed)} stacks are not as they should be"
            if failed
            else "every account and region has its stack"
        )
        return failed

    @property
    def _watch(self) -> Watch:
        return Watch(self.sets, self.screen, self.sleep)

    def _update(self, standing: Definition, wanted: Definition, active: list[str]) -> None:
        """Update the stacks that are behind: those that failed before come last, and may again."""
        same = standing.gives_the_same_as(wanted)
        members = set(active)
        instances = [one for one in self.sets.instances() if one.account in members]
        if not instances and not same:
            self._check(self._watch.follow(self.sets.define(wanted, [], [], Pace()), 0), "updating")
            return
        behind = [i for i in instances if i.state != "INOPERABLE" and not (same and i.settled)]
        defined = same

        def begin(accounts: list[str], regions: list[str], pace: Pace) -> str:
            nonlocal defined
            update = self.sets.update if defined else self.sets.define
            defined = True
            return update(wanted, accounts, regions, pace)

        failed = {one.account for one in behind if one.failed}
        self._in_waves([one for one in behind if one.account not in failed], "updating", begin)
        again = [one for one in behind if one.account in failed]
        for regions, accounts in by_regions(again).items():
            self.screen.say(f"trying {len(accounts)} accounts again that failed before")
            pace = Pace(self.waves.pace(len(accounts)).at_once, len(accounts))
            begun = begin(accounts, list(regions), pace)
            self._watch.follow(begun, len(accounts) * len(regions))

    def _add(self, wanted: Definition, active: list[str]) -> None:
        """Make the stacks that are missing."""
        have = {instance.place for instance in self.sets.instances()}
        missing = [
            Instance(account, region, "")
            for account in active
            for region in wanted.regions
            if (account, region) not in have
        ]

        def begin(accounts: list[str], regions: list[str], pace: Pace) -> str:
            return self.sets.add(wanted.units, accounts, regions, pace)

        self._in_waves(missing, "deploying to", begin)

    def _register(self, wanted: Definition, instances: list[Instance]) -> None:
        """Have units in which no stack stands deploy to the accounts that join them."""
        stand = {(one.unit, one.region) for one in instances}
        named = {(unit, region) for unit in wanted.units for region in wanted.regions}
        if named <= stand:
            return
        targets = self.sets.targets()
        for unit in wanted.units:
            if regions := [r for r in wanted.regions if r not in targets.get(unit, ())]:
                self.screen.say(f"{unit} has no stacks yet: accounts that join it will get theirs")
                self._check(
                    self._watch.follow(self.sets.register(unit, regions), 0), f"adding {unit}"
                )

    def _in_waves(self, stacks: list[Instance], doing: str, begin: Begin) -> None:
        """Do it wave by wave, those together that lack the same regions; stop at too many failures.

        AWS refuses a whole operation that names a stack which does not stand.
        """
        for regions, accounts in by_regions(stacks).items():
            ordered = sorted(accounts, key=lambda account: (account != self.first, account))
            for wave, pace in self.waves.of(ordered):
                self.screen.say(f"{doing} {len(wave)} of {len(accounts)} accounts")
                begun = begin(wave, list(regions), pace)
                self._check(self._watch.follow(begun, len(wave) * len(regions)), doing)

    def _check(self, ended: Operation, doing: str) -> None:
        if ended.status != "SUCCEEDED":
            raise UsageError(_stopped(ended, doing))


def _not_as_wanted(
    wanted: Definition, active: list[str], instances: list[Instance]
) -> dict[Place, str]:
    """Return the places whose stack is missing or behind, with AWS's reason."""
    standing = {one.place: one for one in instances}
    failed: dict[Place, str] = {}
    for place in ((account, region) for account in active for region in wanted.regions):
        one = standing.get(place)
        if one is None or not one.settled:
            said = one and (one.reason or f"{one.state} {one.detail}")
            failed[place] = said or "there is no stack"
    return failed


def refuse_narrower(standing: Definition, wanted: Definition) -> None:
    """Raise UsageError for what the set covers and `wanted` leaves out, with what removes it."""
    for option, there, named in (
        ("--organization-units", standing.units, wanted.units),
        ("--regions", standing.regions, wanted.regions),
    ):
        if left_out := sorted(set(there) - set(named)):
            raise UsageError(
                f"{option} leaves out {', '.join(left_out)}, which the set covers: its"
                " version, mode and parameters are the same everywhere, so they would change as"
                " well. Name them too, or take those stacks out first:"
                f" sfn-guardrail org remove {option} {','.join(left_out)}, with the same --home"
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

"""One run of a deployment: what is behind is updated, what is missing is made, wave by wave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from guardrail_cli.documents import UsageError
from guardrail_cli.org.causes import advice
from guardrail_cli.org.model import Definition, Instance, Operation, Pace, Place, StackSets
from guardrail_cli.org.operations import Watch, by_regions
from guardrail_cli.org.waves import Waves

Begin = Callable[[list[str], list[str], Pace], str]
"""Begins an operation on accounts and regions; returns its id."""


@dataclass
class Run:
    """Brings the stacks of the active accounts to a definition.

    `defined` is whether the set has the definition. Regions that failed are held back: AWS ends an
    operation where one region has too many failures, and cancels it in the others, which would
    have to wait for the one to be mended.
    """

    sets: StackSets
    watch: Watch
    wanted: Definition
    active: list[str]
    waves: Waves
    first: str
    defined: bool
    _before: set[Place] | None = None
    _held: set[str] = field(default_factory=set)
    _units: dict[str, str] = field(default_factory=dict)

    def go(self) -> None:
        """Do it; raises UsageError when it fails everywhere.

        Stacks that failed in an earlier run come last, where they keep nobody waiting.
        """
        while not (self._update() and self._add()):
            self.watch.screen.say("going on in the other regions")
        if self._before:
            self._try_again(self._before)

    @property
    def held(self) -> frozenset[str]:
        """The regions that failed and are left out from then on."""
        return frozenset(self._held)

    def _standing(self) -> list[Instance]:
        """Return the stacks that are meant, where nothing keeps them from being updated.

        Those that are INOPERABLE are "excluded from further UpdateStackSet operations". Source: AWS
        CloudFormation API reference, "StackInstanceSummary".
        """
        members = set(self.active)
        stacks = [one for one in self.sets.instances() if one.account in members]
        self._units.update({one.account: one.unit for one in stacks})
        return [one for one in stacks if one.state != "INOPERABLE" and one.region not in self._held]

    def _update(self) -> bool:
        """Update the stacks that are behind; False when a region failed."""
        behind = [one for one in self._standing() if not (self.defined and one.settled)]
        failed = {one.place for one in behind if one.failed and one.account != self.first}
        if self._before is None:
            self._before = failed
        healthy = [one for one in behind if one.place not in failed]
        if not self.defined and not healthy:
            # What is made from here on has to be of the new definition, so somebody has to begin.
            healthy = behind
        if not self.defined and not healthy:
            self._defined_alone()
        return self._in_waves(healthy, "updating", self._begin_update)

    def _defined_alone(self) -> None:
        """Give the set its definition, where it has no stack that could be updated."""
        ended = self.watch.follow(self._begin_update([], [], Pace()), 0)
        refuse_failure(ended, "updating")

    def _begin_update(self, accounts: list[str], regions: list[str], pace: Pace) -> str:
        """Begin an update that names only units of these accounts.

        AWS refuses a unit that the set does not have yet (hashicorp/terraform-provider-aws#27877).
        """
        units = {self._units.get(account, "") for account in accounts} - {""}
        meant = replace(self.wanted, units=tuple(sorted(units)) or self.wanted.units)
        update = self.sets.update if self.defined else self.sets.define
        self.defined = True
        return update(meant, accounts, regions, pace)

    def _add(self) -> bool:
        """Make the stacks that are missing; False when a region failed."""
        have = {instance.place for instance in self.sets.instances()}
        missing = [
            Instance(account, region, "")
            for account in self.active
            for region in self.wanted.regions
            if (account, region) not in have and region not in self._held
        ]

        def begin(accounts: list[str], regions: list[str], pace: Pace) -> str:
            return self.sets.add(self.wanted.units, accounts, regions, pace)

        return self._in_waves(missing, "deploying to", begin)

    def _try_again(self, before: set[Place]) -> None:
        """Update what failed before; it may again, all of it."""
        behind = [one for one in self._standing() if one.place in before and not one.settled]
        for regions, accounts in by_regions(behind).items():
            self.watch.screen.say(f"trying {len(accounts)} accounts again that failed before")
            pace = Pace(self.waves.pace(len(accounts)).at_once, len(accounts))
            begun = self._begin_update(accounts, list(regions), pace)
            ended = self.watch.follow(begun, len(accounts) * len(regions))
            if ended.status == "STOPPED":
                refuse_failure(ended, "trying again")

    def _in_waves(self, stacks: list[Instance], doing: str, begin: Begin) -> bool:
        """Do it wave by wave, those together that lack the same regions; False when one failed.

        AWS refuses a whole operation that names a stack which does not stand. The account that is
        to be the first is so whatever it lacks.
        """
        groups = by_regions(stacks).items()
        for regions, accounts in sorted(groups, key=lambda group: self.first not in group[1]):
            ordered = sorted(accounts, key=lambda account: (account != self.first, account))
            for wave, pace in self.waves.of(ordered):
                self.watch.screen.say(f"{doing} {len(wave)} of {len(accounts)} accounts")
                begun = begin(wave, list(regions), pace)
                ended = self.watch.follow(begun, len(wave) * len(regions))
                if not self._went_well(ended, pace, doing):
                    return False
        return True

    def _went_well(self, ended: Operation, pace: Pace, doing: str) -> bool:
        """Return whether the operation succeeded; hold back the regions that kept it from it.

        Raises UsageError when that is not to be told, no region is left, or somebody stopped it.
        """
        if ended.status == "SUCCEEDED":
            return True
        if ended.status == "STOPPED":
            refuse_failure(ended, doing)
        failures = Counter(region for _, region in ended.failures)
        blamed = {region for region, count in failures.items() if count > pace.may_fail}
        self._held |= blamed
        if not blamed or self._held >= set(self.wanted.regions):
            refuse_failure(ended, doing)
        for (account, region), reason in _one_of_each(ended, blamed):
            self.watch.screen.say(
                f"{region} is left out of this run: {reason} (account {account}: {advice(reason)})"
            )
        return False


def _one_of_each(ended: Operation, regions: set[str]) -> list[tuple[Place, str]]:
    """Return one failure of each region."""
    failures = sorted(ended.failures.items(), reverse=True)
    one = {region: ((account, region), reason) for (account, region), reason in failures}
    return [one[region] for region in sorted(regions)]


def refuse_failure(ended: Operation, doing: str) -> None:
    """Raise UsageError for an operation that did not succeed, with causes and what to do."""
    if ended.status == "SUCCEEDED":
        return
    failures = [
        f"{account} {region}: {reason} ({advice(reason)})"
        for (account, region), reason in sorted(ended.failures.items())[:5]
    ]
    told = "; ".join(failures) or ended.reason or "AWS says no more"
    raise UsageError(
        f"{doing} stopped ({ended.status.lower()}): {told}. Mend this and run the same command"
        " again: it goes on from here"
    )

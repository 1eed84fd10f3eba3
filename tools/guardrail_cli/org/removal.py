"""Taking stacks out of a stack set: all of them and the set, or those of some units or regions.

What stands is looked up each time. So an interrupted command goes on where it stopped, and one that
is run twice changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from guardrail_cli.org.model import Instance, Organisation, Pace, Place, StackSets
from guardrail_cli.org.operations import UNITS_AT_ONCE, Screen, Watch, by_regions
from guardrail_cli.org.waves import Waves

SUSPENDED = "the account is suspended"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which stacks of a set are meant: those of the units, in the regions; any where none is named.

    A unit is one that the set was deployed to; those below it have no stacks of their own.
    """

    units: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()

    @property
    def everything(self) -> bool:
        """Whether the whole set is meant."""
        return not self.units and not self.regions

    def holds(self, unit: str, region: str) -> bool:
        """Whether stacks of a unit in a region are meant."""
        return (not self.units or unit in self.units) and (
            not self.regions or region in self.regions
        )

    def of(self, instances: Iterable[Instance]) -> list[Instance]:
        """Return those stacks that are meant."""
        return [one for one in instances if self.holds(one.unit, one.region)]


@dataclass(frozen=True)
class Removal:
    """Deletes stacks of a set, and the set when none is left."""

    sets: StackSets
    organisation: Organisation
    screen: Screen
    waves: Waves = field(default_factory=Waves)
    sleep: Callable[[float], None] = time.sleep

    def stacks(self, scope: Scope, *, let_go: bool = False) -> dict[Place, str]:
        """Delete the stacks that are meant; return where one is left, why.

        Accounts that join their units get none any more. In an account that is suspended nothing
        can be deleted: the set lets go of its stack, and with `let_go` of each that cannot be
        deleted. Source: AWS re:Post, "How do I delete a stack instance from a CloudFormation stack
        set in a closed or suspended AWS account?".
        """
        self._watch.settle()
        if self.sets.definition() is None:
            self.screen.say("there is no such stack set")
            return {}
        active = self.organisation.active()
        there = scope.of(self.sets.instances())
        gone = self._let_go([one for one in there if one.account not in active], SUSPENDED)
        failed: dict[Place, str] = {}
        for regions, units in self._covered(scope).items():
            failed.update(self._delete(units, regions))
        self._tell_still_covered(scope)
        left = scope.of(self.sets.instances())
        gone |= self._let_go([one for one in left if one.skipped], SUSPENDED)
        left = [one for one in left if one.place not in gone]
        told = {one.place: failed.get(one.place) or one.reason for one in left}
        told = {place: why or "it was not reached" for place, why in told.items()}
        return {**gone, **(self._let_go_of_rest(left, told) if let_go else told)}

    def _let_go_of_rest(self, left: list[Instance], told: dict[Place, str]) -> dict[Place, str]:
        """Let go of what cannot be deleted; keep saying why it could not be."""
        gone = self._let_go(left, "it cannot be deleted")
        return {place: f"{why}; {gone[place]}" for place, why in told.items()}

    def _let_go(self, stacks: list[Instance], why: str) -> dict[Place, str]:
        """Detach the stacks; return where they are, and that they are, or AWS's reason if not."""
        gone: dict[Place, str] = {
            one.place: f"{why}, so the set let go of the stack {one.stack_id}, which stays there"
            for one in stacks
        }
        for regions, accounts in by_regions(stacks).items():
            units = tuple(sorted({one.unit for one in stacks if one.account in accounts}))
            self.screen.say(f"letting go of the stacks of {len(accounts)} accounts: {why}")
            pace = Pace(self.waves.pace(len(accounts)).at_once, len(accounts))
            begun = self.sets.detach(units, accounts, list(regions), pace)
            gone.update(self._watch.follow(begun, len(accounts) * len(regions)).failures)
        return gone

    def the_set(self) -> None:
        """Delete the set, unless it is gone or has stacks left."""
        if self.sets.definition() is None or next(self.sets.instances(), None):
            return
        self.sets.delete()
        self.screen.say("the stack set is deleted")

    @property
    def _watch(self) -> Watch:
        return Watch(self.sets, self.screen, self.sleep)

    def _covered(self, scope: Scope) -> dict[tuple[str, ...], list[str]]:
        """Return the units by the regions in which they have stacks, or would get them."""
        regions: dict[str, set[str]] = {}
        for one in scope.of(self.sets.instances()):
            regions.setdefault(one.unit, set()).add(one.region)
        if not scope.everything:
            for unit, region in self._still_covered(scope):
                regions.setdefault(unit, set()).add(region)
        grouped: dict[tuple[str, ...], list[str]] = {}
        for unit, of_unit in sorted(regions.items()):
            grouped.setdefault(tuple(sorted(of_unit)), []).append(unit)
        if not grouped:
            self.screen.say("the set has no stacks there")
        return grouped

    def _delete(self, units: list[str], regions: tuple[str, ...]) -> dict[Place, str]:
        """Delete the stacks of whole units, so many at once as AWS takes; return what failed."""
        failed: dict[Place, str] = {}
        for begin in range(0, len(units), UNITS_AT_ONCE):
            some = tuple(units[begin : begin + UNITS_AT_ONCE])
            stacks = Scope(some, regions).of(self.sets.instances())
            self.screen.say(f"deleting {len(stacks)} stacks of {', '.join(some)}")
            pace = self.waves.pace(len({one.account for one in stacks}))
            begun = self.sets.remove(some, list(regions), pace)
            failed.update(self._watch.follow(begun, len(stacks)).failures)
        return failed

    def _still_covered(self, scope: Scope) -> list[tuple[str, str]]:
        """Return the units and regions that are meant and deploy to accounts that join."""
        targets = self.sets.targets().items()
        pairs = ((unit, region) for unit, regions in targets for region in sorted(regions))
        return [pair for pair in pairs if scope.holds(*pair)]

    def _tell_still_covered(self, scope: Scope) -> None:
        for unit, region in () if scope.everything else self._still_covered(scope):
            self.screen.say(f"accounts that join {unit} still get stacks in {region}")

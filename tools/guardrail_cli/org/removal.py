"""Taking stacks out of a stack set: all of them and the set, or those of some units or regions.

What stands is looked up each time. So an interrupted command goes on where it stopped, and one that
is run twice changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from guardrail_cli.org.model import Instance, Place, StackSets
from guardrail_cli.org.operations import Screen, Watch
from guardrail_cli.org.rollout import Waves

UNITS_AT_ONCE = 50
"""Of one operation. Source: AWS CloudFormation API reference, "DeleteStackInstances"."""


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
    screen: Screen
    waves: Waves = field(default_factory=Waves)
    sleep: Callable[[float], None] = time.sleep

    def stacks(self, scope: Scope) -> dict[Place, str]:
        """Delete the stacks that are meant; return where one is left, why.

        Accounts that join their units get none any more.
        """
        self._watch.settle()
        if self.sets.definition() is None:
            self.screen.say("there is no such stack set")
            return {}
        failed: dict[Place, str] = {}
        for regions, units in self._covered(scope).items():
            failed.update(self._delete(units, regions))
        self._tell_still_covered(scope)
        left = scope.of(self.sets.instances())
        told = {one.place: failed.get(one.place) or one.reason for one in left}
        return {place: why or "it was not reached" for place, why in told.items()}

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

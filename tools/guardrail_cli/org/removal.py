"""Taking stacks out of a stack set: all of them and the set, or those of some units or regions.

What stands is looked up each time. So an interrupted command goes on where it stopped, and one that
is run twice changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import product

from guardrail_cli.org.causes import advice
from guardrail_cli.org.model import Instance, Operation, Organisation, Pace, Place, StackSets
from guardrail_cli.org.operations import UNITS_AT_ONCE, Screen, Watch, by_regions
from guardrail_cli.org.run import refuse_failure
from guardrail_cli.org.waves import Waves

SUSPENDED = "the account is suspended"
UNREACHED = "cancelled before it was reached"


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


@dataclass(frozen=True, slots=True)
class _Causes:
    """Why stacks are left: their deletion `failed`, or the last operation on them was `refused`."""

    failed: dict[Place, str] = field(default_factory=dict)
    refused: dict[Place, str] = field(default_factory=dict)

    def note(self, ended: Operation, stacks: list[Instance]) -> None:
        """Note what an operation on these stacks came to."""
        self.failed.update(ended.failures)
        self.refused.update((one.place, ended.refusal) for one in stacks)

    def tried(self, stack: Instance) -> bool:
        """Whether deleting a stack failed, now or before: that alone makes one INOPERABLE.

        Source: AWS CloudFormation API reference, "StackInstanceSummary".
        """
        return stack.place in self.failed or stack.state == "INOPERABLE"

    def of(self, stack: Instance) -> str:
        """Return why a stack is left."""
        if self.tried(stack):
            return self.failed.get(stack.place) or stack.reason
        return self.refused.get(stack.place) or UNREACHED


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
        can be deleted: the set lets go of its stack, and with `let_go` of each whose deletion was
        tried and failed, never of one that was not reached: there is no way back into a set.
        Source: AWS re:Post, "How do I delete a stack instance from a CloudFormation stack set in a
        closed or suspended AWS account?".
        """
        self._watch.settle()
        if self.sets.definition() is None:
            self.screen.say("there is no such stack set")
            return {}
        active = self.organisation.active()
        there = scope.of(self.sets.instances())
        gone = self._let_go([one for one in there if one.account not in active], SUSPENDED)
        causes = self._delete_all(scope)
        self._tell_still_covered(scope)
        left = scope.of(self.sets.instances())
        gone |= self._let_go([one for one in left if one.skipped], SUSPENDED)
        left = [one for one in left if one.place not in gone]
        tried = [one for one in left if causes.tried(one)]
        told = {one.place: causes.of(one) for one in left}
        return {**gone, **told, **(self._let_go_of_tried(tried, told) if let_go else {})}

    def _let_go_of_tried(self, tried: list[Instance], told: dict[Place, str]) -> dict[Place, str]:
        """Let go of what cannot be deleted; keep saying why it could not be."""
        gone = self._let_go(tried, "it cannot be deleted")
        return {place: f"{told[place]}; {why}" for place, why in gone.items()}

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
            ended = self._watch.follow(begun, len(accounts) * len(regions))
            refused = product(accounts, regions) if ended.refusal else ()
            gone |= dict.fromkeys(ended.unreached, UNREACHED) | ended.failures
            gone |= dict.fromkeys(refused, ended.refusal)
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

    def _delete_all(self, scope: Scope) -> _Causes:
        """Delete what is meant, and again what that did not reach; return why any is left.

        It ends when nothing more is reached, or when somebody stops an operation.
        """
        causes = _Causes()
        units, before = self._covered(scope), None
        while self._delete_units(units, causes):
            left = [one for one in scope.of(self.sets.instances()) if not causes.tried(one)]
            left = [one for one in left if not one.skipped]
            if not left or (before is not None and len(left) >= before):
                break
            self.screen.say(f"{len(left)} stacks were not reached: deleting those")
            units, before = _grouped((one.unit, one.region) for one in left), len(left)
        return causes

    def _covered(self, scope: Scope) -> dict[tuple[str, ...], list[str]]:
        """Return the units by the regions in which they have stacks, or would get them."""
        pairs = {(one.unit, one.region) for one in scope.of(self.sets.instances())}
        if not scope.everything:
            pairs.update(self._still_covered(scope))
        if not pairs:
            self.screen.say("the set has no stacks there")
        return _grouped(pairs)

    def _delete_units(self, units: dict[tuple[str, ...], list[str]], causes: _Causes) -> bool:
        """Delete the stacks of whole units, so many at once as AWS takes; note why any is left.

        Tell whether nobody stopped it.
        """
        for regions, of_regions in units.items():
            for begin in range(0, len(of_regions), UNITS_AT_ONCE):
                some = tuple(of_regions[begin : begin + UNITS_AT_ONCE])
                ended = self._delete(some, regions, causes)
                if why := ended.refusal:
                    self.screen.say(f"deleting them failed: {why} ({advice(why)})")
                if ended.status == "STOPPED":
                    self.screen.say("somebody stopped the operation: no other is begun")
                    return False
        return True

    def _delete(
        self, units: tuple[str, ...], regions: tuple[str, ...], causes: _Causes
    ) -> Operation:
        """Delete stacks, however many fail.

        A failure may leave its own stack half deleted, and does nothing to the others. All are to
        go, and what was not tried could not be told from what cannot be deleted.
        """
        stacks = Scope(units, regions).of(self.sets.instances())
        self.screen.say(f"deleting {len(stacks)} stacks of {', '.join(units)}")
        accounts = len({one.account for one in stacks})
        pace = Pace(self.waves.pace(accounts).at_once, accounts)
        ended = self._watch.follow(self.sets.remove(units, list(regions), pace), len(stacks))
        causes.note(ended, stacks)
        if not stacks:
            # There is no stack that this could be told of.
            refuse_failure(ended, f"taking out {', '.join(units)}")
        return ended

    def _still_covered(self, scope: Scope) -> list[tuple[str, str]]:
        """Return the units and regions that are meant and deploy to accounts that join."""
        targets = self.sets.targets().items()
        pairs = ((unit, region) for unit, regions in targets for region in sorted(regions))
        return [pair for pair in pairs if scope.holds(*pair)]

    def _tell_still_covered(self, scope: Scope) -> None:
        for unit, region in () if scope.everything else self._still_covered(scope):
            self.screen.say(f"accounts that join {unit} still get stacks in {region}")


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, ...], list[str]]:
    """Return the units of such pairs by all their regions."""
    regions: dict[str, set[str]] = {}
    for unit, region in pairs:
        regions.setdefault(unit, set()).add(region)
    grouped: dict[tuple[str, ...], list[str]] = {}
    for unit, of_unit in sorted(regions.items()):
        grouped.setdefault(tuple(sorted(of_unit)), []).append(unit)
    return grouped

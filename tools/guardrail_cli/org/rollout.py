"""Deploying and upgrading a stack set.

What is missing is found anew each time. So an interrupted command goes on where it stopped, and one
that is run twice changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from guardrail_cli.documents import UsageError
from guardrail_cli.org.model import Artifacts, Definition, Instance, Organisation, Place, StackSets
from guardrail_cli.org.operations import Screen, Watch
from guardrail_cli.org.run import Run, refuse_failure
from guardrail_cli.org.waves import Waves


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

        A region in which the first account fails, or more than may, is left out from then on and
        the others go on. Raises UsageError when that leaves no region. And when stacks stand in
        units or regions that `wanted` leaves out: template and parameters are the whole set's, so
        they could not stay as they are.
        """
        active = self.organisation.accounts(wanted.units)
        self._refuse_stranger(active)
        self._watch.settle()
        standing = self.sets.definition()
        if standing is None:
            self.sets.create(wanted)
            self.screen.say("the stack set is made")
            standing = wanted
        refuse_narrower(standing, wanted)
        same = standing.gives_the_same_as(wanted)
        run = Run(self.sets, self._watch, wanted, active, self.waves, self.first, defined=same)
        run.go()
        instances = list(self.sets.instances())
        self._register(wanted, instances, run.held)
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

    def _refuse_stranger(self, active: list[str]) -> None:
        """Raise UsageError when the account that was named to come first is none of these."""
        if self.first and self.first not in active:
            raise UsageError(
                f"--first {self.first}: that is no active account in or below the units; name one"
                " that is (aws organizations list-accounts-for-parent), or leave it out"
            )

    def _register(
        self, wanted: Definition, instances: list[Instance], held: frozenset[str]
    ) -> None:
        """Have units in which no stack stands deploy to the accounts that join them.

        Not in the regions that are held back: a unit's accounts would get theirs all at once.
        """
        stand = {(one.unit, one.region) for one in instances}
        regions = [region for region in wanted.regions if region not in held]
        if stand >= {(unit, region) for unit in wanted.units for region in regions}:
            return
        targets = self.sets.targets()
        for unit in wanted.units:
            if lacking := [region for region in regions if region not in targets.get(unit, ())]:
                told = ", ".join(lacking)
                self.screen.say(f"accounts that join {unit} get their stacks in {told} from now on")
                ended = self._watch.follow(self.sets.register(unit, lacking), 0)
                refuse_failure(ended, f"adding {unit}")


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
                f" sfn-guardrail org remove {option} {','.join(left_out)}, with the same --home,"
                " --stack-set and --delegated"
            )

"""A service-managed stack set, its organisation and its buckets in memory.

As CloudFormation documents it: one operation after the other; a template that is given makes every
stack OUTDATED, whether or not it differs ("UpdateStackSet"); an update of a stack that does not
stand is refused whole, and one that names a unit which the set does not have; a stack that cannot
be deleted is INOPERABLE, and no update touches it any more; more failures in a region than are
tolerated end an operation and cancel the rest, in the other regions, too; accounts that join a unit
get their stacks without anybody asking, in the regions that the unit was named with, whichever
accounts were named, until the stacks of the unit are deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from guardrail_cli.documents import UsageError
from guardrail_cli.org.model import Definition, Instance, Operation, Outcome, Pace, Place
from guardrail_cli.org.operations import Screen


@dataclass
class FakeOrganisation:
    """Accounts by unit; `m` is the management account, and some may be suspended."""

    units: dict[str, list[str]]
    suspended: set[str] = field(default_factory=set)

    def accounts(self, units: tuple[str, ...]) -> list[str]:
        """See `Organisation.accounts`."""
        named = {one for unit in units for one in self.units[unit]}
        return sorted(named - {"m"} - self.suspended)

    def active(self) -> frozenset[str]:
        """See `Organisation.active`."""
        return frozenset({"m", *self.accounts(tuple(self.units))})


@dataclass
class FakeStackSets:
    """A stack set; `broken` says where stacks fail, and why; `interrupt` may break off a look.

    Accounts that are `skipped` it takes for suspended, whatever the organisation says.
    """

    organisation: FakeOrganisation
    standing: Definition | None = None
    stacks: dict[Place, Instance] = field(default_factory=dict)
    broken: dict[Place, str] = field(default_factory=dict)
    registered: dict[str, frozenset[str]] = field(default_factory=dict)
    operations: list[tuple[str, list[str], Operation]] = field(default_factory=list)
    skipped: set[str] = field(default_factory=set)
    detached: list[Place] = field(default_factory=list)
    looks: int = 2
    interrupt: Callable[[], None] = lambda: None
    _looked: dict[str, int] = field(default_factory=dict)

    def definition(self) -> Definition | None:
        """See `StackSets.definition`; it tells defaults, its units, and regions with stacks."""
        if self.standing is None:
            return None
        regions = tuple(sorted({region for _, region in self.stacks}))
        units = tuple(sorted({*self.registered, *(one.unit for one in self.stacks.values())}))
        told = self.standing.effective
        return replace(self.standing, parameters=told, regions=regions, units=units)

    def create(self, definition: Definition) -> None:
        """See `StackSets.create`."""
        assert self.standing is None, "it exists"
        self.standing = replace(definition, units=(), regions=())

    def add(
        self, units: tuple[str, ...], accounts: list[str], regions: list[str], pace: Pace
    ) -> str:
        """See `StackSets.add`."""
        assert set(accounts) <= set(self.organisation.accounts(units)), "none of the units'"
        places = [(account, region) for account in accounts for region in regions]
        assert not set(places) & self.stacks.keys(), "a stack is there"
        for unit in units:
            if set(accounts) & set(self.organisation.units[unit]):
                self._name(unit, regions)
        return self._run("CREATE", places, pace)

    def targets(self) -> dict[str, frozenset[str]]:
        """See `StackSets.targets`."""
        return dict(self.registered)

    def register(self, unit: str, regions: list[str]) -> str:
        """See `StackSets.register`."""
        self._name(unit, regions)
        accounts = self.organisation.accounts((unit,))
        places = [(account, region) for account in accounts for region in regions]
        return self._run("CREATE", [one for one in places if one not in self.stacks], Pace())

    def define(
        self, definition: Definition, accounts: list[str], regions: list[str], pace: Pace
    ) -> str:
        """See `StackSets.define`."""
        stacks = self.stacks.values()
        assert accounts or all(s.state == "INOPERABLE" for s in stacks), "everybody at once"
        self.standing = replace(definition, units=(), regions=())
        for place, stack in self.stacks.items():
            if stack.state != "INOPERABLE":
                self.stacks[place] = replace(stack, state="OUTDATED", detail="SUCCEEDED")
        return self.update(definition, accounts, regions, pace)

    def update(
        self, definition: Definition, accounts: list[str], regions: list[str], pace: Pace
    ) -> str:
        """See `StackSets.update`."""
        assert self.standing
        assert self.standing.effective == definition.effective
        known = {*self.registered, *(one.unit for one in self.stacks.values())}
        if accounts and (strange := set(definition.units) - known):
            raise UsageError(
                f"ValidationError: Organizational unit {strange} not found in StackSet"
            )
        places = [(account, region) for account in accounts for region in regions]
        assert set(places) <= self.stacks.keys(), "StackInstanceNotFoundException"
        return self._run("UPDATE", places, pace)

    def remove(self, units: tuple[str, ...], regions: list[str], pace: Pace) -> str:
        """See `StackSets.remove`."""
        assert units
        for unit in units:
            self.registered[unit] = self.registered.get(unit, frozenset()) - set(regions)
            if not self.registered[unit]:
                del self.registered[unit]
        stacks = self.stacks.values()
        there = [one.place for one in stacks if one.unit in units and one.region in regions]
        return self._run("DELETE", there, pace)

    def detach(
        self, units: tuple[str, ...], accounts: list[str], regions: list[str], pace: Pace
    ) -> str:
        """See `StackSets.detach`."""
        places = [(account, region) for account in accounts for region in regions]
        assert {self.stacks[place].unit for place in places} <= set(units), "not of these units"
        return self._run("DETACH", places, pace)

    def delete(self) -> None:
        """See `StackSets.delete`."""
        assert not self.stacks, "StackSetNotEmpty"
        self.standing = None

    def instances(self) -> Iterator[Instance]:
        """See `StackSets.instances`."""
        yield from list(self.stacks.values())

    def running(self) -> str | None:
        """See `StackSets.running`."""
        ids = (o.operation_id for _, _, o in self.operations)
        return next((i for i in ids if self._looked.get(i, 0) < self.looks), None)

    def deleted(self) -> set[Place]:
        """See `StackSets.deleted`."""
        deletions = (one for what, _, one in self.operations if what in {"DELETE", "DETACH"})
        return {place for one in deletions for place in one.results}

    def operation(self, operation_id: str) -> Operation:
        """See `StackSets.operation`; it ends with the second look."""
        self.interrupt()
        self._looked[operation_id] = self._looked.get(operation_id, 0) + 1
        (operation,) = (o for _, _, o in self.operations if o.operation_id == operation_id)
        if self._looked[operation_id] < self.looks:
            return Operation(operation_id, "RUNNING")
        return operation

    def joins(self, account: str, unit: str) -> None:
        """Let an account join a unit: auto-deployment gives it its stacks."""
        self.organisation.units[unit].append(account)
        assert self.standing
        for region in self.registered.get(unit, ()):
            self._put((account, region), "CURRENT", "SUCCEEDED")

    def _name(self, unit: str, regions: list[str]) -> None:
        self.registered[unit] = self.registered.get(unit, frozenset()) | set(regions)

    def _run(self, action: str, places: list[Place], pace: Pace) -> str:
        assert self.running() is None, "OperationInProgressException"
        results: dict[Place, Outcome] = {}
        failed: dict[str, set[str]] = {}
        for account, region in places:
            if any(len(accounts) > pace.may_fail for accounts in failed.values()):
                results[account, region] = Outcome("CANCELLED")
                if action in {"CREATE", "UPDATE"}:
                    self._put((account, region), "OUTDATED", "CANCELLED", "Cancelled")
                continue
            results[account, region] = outcome = self._apply(action, (account, region))
            if outcome.status == "FAILED":
                failed.setdefault(region, set()).add(account)
        status = "FAILED" if any(len(f) > pace.may_fail for f in failed.values()) else "SUCCEEDED"
        operation = Operation(f"operation-{len(self.operations)}", status, "", results)
        self.operations.append((action, sorted({a for a, _ in places}), operation))
        return operation.operation_id

    def _apply(self, action: str, place: Place) -> Outcome:
        if action == "DETACH":
            del self.stacks[place]
            self.detached.append(place)
            return Outcome("SUCCEEDED")
        if place[0] in self.skipped | self.organisation.suspended:
            self._put(place, self.stacks[place].state, "SKIPPED_SUSPENDED_ACCOUNT")
            return Outcome("SUCCEEDED")
        if why := self.broken.get(place):
            state = ("INOPERABLE", "INOPERABLE") if action == "DELETE" else ("OUTDATED", "FAILED")
            self._put(place, *state, why)
            return Outcome("FAILED", why)
        if action == "DELETE":
            del self.stacks[place]
        else:
            self._put(place, "CURRENT", "SUCCEEDED")
        return Outcome("SUCCEEDED")

    def _put(self, place: Place, state: str, detail: str, reason: str = "") -> None:
        units = self.organisation.units.items()
        unit = next((u for u, accounts in units if place[0] in accounts), "")
        self.stacks[place] = Instance(*place, state, detail, reason, unit=unit)


@dataclass
class FakeArtifacts:
    """Buckets by region; those of `closed` regions take nothing."""

    held: dict[str, dict[str, bytes]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)

    def publish(self, region: str, key: str, content: bytes) -> bool:
        """See `Artifacts.publish`."""
        if region in self.closed:
            raise UsageError(f"there is no bucket acme-{region}")
        bucket = self.held.setdefault(region, {})
        new = key not in bucket
        bucket[key] = content
        return new


@dataclass
class Said(Screen):
    """What a person read."""

    lines: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Keep a line."""
        self.lines.append(text)

"""Taking stacks out of a stack set: everything, some units or regions, and what cannot go."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from guardrail_cli.documents import UsageError
from guardrail_cli.org.causes import advice
from guardrail_cli.org.model import Definition, Operation, Outcome, Pace
from guardrail_cli.org.removal import UNREACHED, Removal, Scope
from guardrail_cli.org.rollout import Rollout
from support.stack_sets import FakeArtifacts, FakeOrganisation, FakeStackSets, Said

REGIONS = ("eu-west-1", "us-east-1")
WANTED = Definition('{"Parameters": {}}', {}, ("ou-1", "ou-2"), REGIONS)
ACCOUNTS = [f"{number:012}" for number in range(1, 6)]
ALL = Scope()


@dataclass
class Site:
    """A set that is deployed to a unit of four accounts, one of a single one, in two regions."""

    sets: FakeStackSets = field(
        default_factory=lambda: FakeStackSets(
            FakeOrganisation({"ou-1": ["m", *ACCOUNTS[:4]], "ou-2": ACCOUNTS[4:]})
        )
    )
    said: Said = field(default_factory=Said)

    def __post_init__(self) -> None:
        """Deploy it."""
        assert self.deploy(WANTED) == {}

    def deploy(self, wanted: Definition) -> dict[tuple[str, str], str]:
        """Deploy a definition."""
        organisation = self.sets.organisation
        rollout = Rollout(self.sets, organisation, FakeArtifacts(), self.said, sleep=lambda _: None)
        return rollout.deploy(wanted)

    @property
    def removal(self) -> Removal:
        """Return a command that begins anew."""
        return Removal(self.sets, self.sets.organisation, self.said, sleep=lambda _: None)

    @property
    def deletions(self) -> int:
        """How many operations deleted stacks."""
        return [what for what, _, _ in self.sets.operations].count("DELETE")


def test_removing_deletes_the_stacks_then_the_set_and_a_second_time_nothing() -> None:
    """One operation for all units that have stacks in the same regions."""
    site = Site()
    assert site.removal.stacks(ALL) == {}
    assert (site.sets.stacks, site.deletions) == ({}, 1)
    site.removal.the_set()
    assert site.sets.standing is None
    assert site.removal.stacks(ALL) == {}
    site.removal.the_set()
    assert site.said.lines[-1] == "there is no such stack set"
    assert site.deletions == 1


def test_a_stack_that_cannot_be_deleted_keeps_the_set() -> None:
    """Once the cause is mended, the same command deletes it."""
    site = Site()
    place = (ACCOUNTS[3], "us-east-1")
    site.sets.broken[place] = "AccessDenied"
    assert site.removal.stacks(ALL) == {place: "AccessDenied"}
    site.removal.the_set()
    assert site.sets.standing
    site.sets.broken.clear()
    assert site.removal.stacks(ALL) == {}
    site.removal.the_set()
    assert site.sets.standing is None


@pytest.mark.parametrize("known", [True, False])
def test_the_set_lets_go_of_what_is_in_a_suspended_account(*, known: bool) -> None:
    """Whether the organisation says so or StackSets does; the rest is deleted, the set goes."""
    site = Site()
    (site.sets.organisation.suspended if known else site.sets.skipped).add(ACCOUNTS[1])
    left = site.removal.stacks(ALL)
    assert left.keys() == {(ACCOUNTS[1], region) for region in REGIONS}
    for reason in left.values():
        assert reason.startswith("the account is suspended, so the set let go of the stack")
        assert "delete it in its account" in advice(reason)
    assert sorted(site.sets.detached) == sorted(left)
    site.removal.the_set()
    assert site.sets.standing is None


def test_what_the_set_did_not_come_to_let_go_of_is_told_as_not_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody stopped it: the stacks are in the set still, and it stays."""
    site = Site()
    site.sets.organisation.suspended.add(ACCOUNTS[1])

    def detach(_: tuple[str, ...], accounts: list[str], regions: list[str], __: Pace) -> str:
        cancelled = Outcome("CANCELLED")
        none = {(account, region): cancelled for account in accounts for region in regions}
        stopped = Operation(f"stopped-{len(site.sets.operations)}", "STOPPED", "", none)
        site.sets.operations.append(("DETACH", accounts, stopped))
        return stopped.operation_id

    with monkeypatch.context() as patch:
        patch.setattr(site.sets, "detach", detach)
        left = site.removal.stacks(ALL)
    assert left == {(ACCOUNTS[1], region): UNREACHED for region in REGIONS}
    assert site.sets.stacks.keys() == left.keys()
    assert site.removal.stacks(ALL).keys() == left.keys()
    assert site.sets.stacks == {}


def test_a_suspended_account_of_another_unit_is_left_alone() -> None:
    """Its stacks are not meant."""
    site = Site()
    site.sets.organisation.suspended.add(ACCOUNTS[1])
    assert site.removal.stacks(Scope(units=("ou-2",))) == {}
    assert site.sets.detached == []


def test_what_cannot_be_deleted_is_let_go_of_if_that_is_asked_for() -> None:
    """AWS's reason is told all the same."""
    site = Site()
    place = (ACCOUNTS[3], "us-east-1")
    site.sets.broken[place] = "AccessDenied"
    left = site.removal.stacks(ALL, let_go=True)
    assert left.keys() == {place}
    assert left[place].startswith("AccessDenied; it cannot be deleted, so the set let go")
    assert site.sets.detached == [place]
    site.removal.the_set()
    assert site.sets.standing is None


def many() -> Site:
    """Return a set in twenty accounts, eight of which let no stack be deleted in a region."""
    site = Site()
    accounts = [f"{number:012}" for number in range(1, 21)]
    site.sets.organisation.units["ou-1"] = accounts
    site.sets.organisation.units["ou-2"] = []
    assert site.deploy(WANTED) == {}
    site.sets.broken = dict.fromkeys([(a, "us-east-1") for a in accounts[:8]], "explicit deny")
    return site


def test_however_many_fail_every_other_stack_is_deleted() -> None:
    """Nothing of the rest would be kept from harm by stopping; a single operation is enough."""
    site = many()
    before = site.deletions
    assert site.removal.stacks(ALL) == dict.fromkeys(site.sets.broken, "explicit deny")
    assert site.sets.stacks.keys() == site.sets.broken.keys()
    assert site.deletions == before + 1


def test_only_stacks_whose_deletion_failed_are_let_go_of() -> None:
    """There is no way back into a set, so those that can be deleted are."""
    site = many()
    left = site.removal.stacks(ALL, let_go=True)
    assert sorted(left) == sorted(site.sets.detached) == sorted(site.sets.broken)
    assert site.sets.stacks == {}


def test_what_an_operation_did_not_reach_is_deleted_by_a_second_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever cancelled it; then each stack was tried, and what failed is let go of."""
    site = many()
    wary(site.sets, monkeypatch)
    assert site.removal.stacks(ALL, let_go=True).keys() == site.sets.broken.keys()
    assert sorted(site.sets.detached) == sorted(site.sets.broken)
    assert any("stacks were not reached: deleting those" in line for line in site.said.lines)


def test_what_is_never_reached_is_not_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays in the set, and the same command goes on another time."""
    site = many()
    wary(site.sets, monkeypatch, times=99)
    left = site.removal.stacks(ALL, let_go=True)
    stay = {place: why for place, why in left.items() if place not in site.sets.detached}
    assert stay
    assert set(stay.values()) == {"cancelled before it was reached"}
    assert "mend the failures beside it, and run the command again" in advice(UNREACHED)
    assert stay.keys() == site.sets.stacks.keys()
    assert set(site.sets.detached) <= site.sets.broken.keys()


def test_an_operation_that_somebody_stops_is_not_begun_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who stops it wants the rest to stay."""
    site = many()
    wary(site.sets, monkeypatch, status="STOPPED")
    before = site.deletions
    left = site.removal.stacks(ALL, let_go=True)
    assert site.deletions == before + 1
    assert site.said.lines.count("somebody stopped the operation: no other is begun") == 1
    assert {place for place, why in left.items() if why == UNREACHED} == site.sets.stacks.keys()
    assert set(site.sets.detached) <= site.sets.broken.keys()


def wary(
    sets: FakeStackSets, monkeypatch: pytest.MonkeyPatch, status: str = "FAILED", times: int = 1
) -> None:
    """Let so many deletions end like that after the first failure, whatever may fail."""
    remove, left = sets.remove, iter(range(times))

    def instead(units: tuple[str, ...], regions: list[str], pace: Pace) -> str:
        if next(left, None) is None:
            return remove(units, regions, pace)
        begun = remove(units, regions, Pace(pace.at_once, 0))
        what, accounts, operation = sets.operations.pop()
        sets.operations.append((what, accounts, replace(operation, status=status)))
        return begun

    monkeypatch.setattr(sets, "remove", instead)


def test_a_removal_that_is_interrupted_goes_on() -> None:
    """After what it had begun has ended."""
    site = Site()

    def interrupt() -> None:
        raise KeyboardInterrupt

    site.sets.interrupt = interrupt
    with pytest.raises(KeyboardInterrupt):
        site.removal.stacks(ALL)
    site.sets.interrupt = lambda: None
    assert site.removal.stacks(ALL) == {}
    assert any("which is under way" in line for line in site.said.lines)
    assert site.sets.stacks == {}


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        (Scope(units=("ou-2",)), {(a, r) for a in ACCOUNTS[:4] for r in REGIONS}),
        (Scope(regions=("eu-west-1",)), {(a, "us-east-1") for a in ACCOUNTS}),
        (
            Scope(("ou-1",), ("eu-west-1",)),
            {(a, "us-east-1") for a in ACCOUNTS} | {(ACCOUNTS[4], "eu-west-1")},
        ),
    ],
)
def test_units_and_regions_are_taken_out_and_the_set_stays(
    scope: Scope, left: set[tuple[str, str]]
) -> None:
    """A second time nothing happens; accounts that join get no stack there."""
    site = Site()
    for _ in range(2):
        assert site.removal.stacks(scope) == {}
    assert site.sets.stacks.keys() == left
    assert site.deletions == 1
    assert site.said.lines[-1] == "the set has no stacks there"
    site.sets.joins("000000000099", "ou-1")
    assert {r for a, r in site.sets.stacks if a == "000000000099"} == {
        region for account, region in left if account == ACCOUNTS[0]
    }


def test_a_unit_that_never_had_an_account_is_taken_out_as_well() -> None:
    """It has no stack, and would get some."""
    site = Site()
    site.sets.organisation.units["ou-3"] = []
    assert site.deploy(replace(WANTED, units=("ou-1", "ou-2", "ou-3"))) == {}
    assert site.removal.stacks(Scope(units=("ou-3",))) == {}
    assert site.sets.registered.keys() == {"ou-1", "ou-2"}


def test_what_was_taken_out_can_be_left_out() -> None:
    """Before, deploy refuses and names the command that does it."""
    site = Site()
    fewer = replace(WANTED, regions=("us-east-1",))
    command = "org remove --regions eu-west-1, with the same --home, --stack-set and --delegated"
    with pytest.raises(UsageError, match=command):
        site.deploy(fewer)
    site.removal.stacks(Scope(regions=("eu-west-1",)))
    assert site.deploy(fewer) == {}


def test_a_unit_that_aws_still_deploys_to_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the deletion not have ended that."""
    site = Site()
    targets = {"ou-2": frozenset({"us-east-1"})}
    monkeypatch.setattr(site.sets, "targets", lambda: targets)
    site.removal.stacks(Scope(units=("ou-2",)))
    assert site.said.lines[-1] == "accounts that join ou-2 still get stacks in us-east-1"


def test_many_units_are_deleted_in_several_operations() -> None:
    """AWS takes fifty in one."""
    site = Site()
    units = {f"ou-{number:03}": [f"{number:012}"] for number in range(100, 160)}
    site.sets.organisation.units.update(units)
    assert site.deploy(replace(WANTED, units=("ou-1", "ou-2", *units))) == {}
    assert site.removal.stacks(ALL) == {}
    assert (site.sets.stacks, site.deletions) == ({}, 2)

"""Taking stacks out of a stack set: everything, some units or regions, and what cannot go."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from guardrail_cli.documents import UsageError
from guardrail_cli.org.causes import advice
from guardrail_cli.org.model import Definition
from guardrail_cli.org.removal import Removal, Scope
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
    with pytest.raises(UsageError, match="sfn-guardrail org remove --regions eu-west-1"):
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

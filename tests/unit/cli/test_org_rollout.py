"""Rolling out to an organisation: waves, failures, interruptions, a second time, and removing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from guardrail_cli.documents import UsageError
from guardrail_cli.org.causes import advice
from guardrail_cli.org.counting import Count
from guardrail_cli.org.model import Definition
from guardrail_cli.org.planning import plan
from guardrail_cli.org.rollout import Rollout
from guardrail_cli.org.waves import Waves
from support.stack_sets import FakeArtifacts, FakeOrganisation, FakeStackSets, Said

REGIONS = ("eu-west-1", "us-east-1")
PARAMETERS = '{"Mode": {"Default": "enforce-new"}, "SweepWrites": {"Default": 60}}'
TEMPLATE = f'{{"Version": 1, "Parameters": {PARAMETERS}}}'
WANTED = Definition(TEMPLATE, {"Mode": "observe"}, ("ou-1",), REGIONS)
NEXT = replace(WANTED, template=TEMPLATE.replace("1", "2"))
ACCOUNTS = [f"{number:012}" for number in range(1, 21)]
FIRST = [(ACCOUNTS[0], region) for region in REGIONS]


@dataclass
class Site:
    """An organisation of twenty accounts and its management account."""

    sets: FakeStackSets = field(
        default_factory=lambda: FakeStackSets(FakeOrganisation({"ou-1": ["m", *ACCOUNTS]}))
    )
    artifacts: FakeArtifacts = field(default_factory=FakeArtifacts)
    said: Said = field(default_factory=Said)
    waves: Waves = field(default_factory=Waves)

    @property
    def rollout(self) -> Rollout:
        """Return a command that begins anew."""
        organisation, artifacts = self.sets.organisation, self.artifacts
        return Rollout(
            self.sets, organisation, artifacts, self.said, self.waves, sleep=lambda _: None
        )

    def waves_of(self, action: str) -> list[int]:
        """Return how many accounts each operation of a kind was on."""
        return [len(accounts) for what, accounts, _ in self.sets.operations if what == action]

    def deployed(self) -> bool:
        """Whether every account but the management account has its stacks, as they should be."""
        stacks = self.sets.stacks
        places = {(account, region) for account in ACCOUNTS for region in REGIONS}
        return stacks.keys() == places and all(stack.settled for stack in stacks.values())


def test_one_account_comes_first_then_ever_larger_waves() -> None:
    """A twentieth of twenty is that one; then a quarter, then all."""
    site = Site()
    assert site.rollout.deploy(WANTED) == {}
    assert site.deployed()
    assert site.waves_of("CREATE") == [1, 4, 15]


@pytest.mark.parametrize("accounts", [1, 2, 3, 100, 1_000])
def test_the_waves_reach_every_account_once(accounts: int) -> None:
    """However many there are; the pace is never nothing."""
    ids = [str(number) for number in range(accounts)]
    waves = list(Waves().of(ids))
    assert [account for wave, _ in waves for account in wave] == ids
    assert len(waves[0][0]) == 1
    assert waves[0][1].may_fail == 0
    assert all(pace.at_once >= 1 for _, pace in waves)


def test_a_second_time_nothing_is_changed() -> None:
    """No operation, and the code is not written again."""
    site = Site()
    for _ in range(2):
        site.rollout.publish(REGIONS, "key", b"code")
        site.rollout.deploy(WANTED)
        operations = len(site.sets.operations)
    assert operations == 3
    assert site.said.lines[-2:] == [
        "us-east-1: the code was there already",
        "every account and region has its stack",
    ]


def test_where_the_first_account_fails_nobody_else_is_reached() -> None:
    """The message says where, why and what to do."""
    site = Site()
    for region in REGIONS:
        site.sets.broken[ACCOUNTS[0], region] = "explicit deny in a service control policy"
    with pytest.raises(
        UsageError, match=r"explicit deny.*exempt CloudFormation.*goes on from here"
    ):
        site.rollout.deploy(WANTED)
    assert {account for account, _ in site.sets.stacks} == {ACCOUNTS[0]}


def test_a_failure_that_may_be_is_told_and_the_rest_deployed() -> None:
    """A region that one account has not enabled."""
    site = Site()
    place = (ACCOUNTS[9], "eu-west-1")
    site.sets.broken[place] = "region is not enabled"
    assert site.rollout.deploy(WANTED) == {place: "region is not enabled"}
    assert sum(stack.settled for stack in site.sets.stacks.values()) == 39
    site.sets.broken.clear()
    assert site.rollout.deploy(WANTED) == {}
    assert site.deployed()


def test_more_failures_than_may_be_end_it_before_the_next_wave() -> None:
    """The third wave does not begin."""
    site = Site()
    one = replace(WANTED, regions=REGIONS[1:])
    for account in ACCOUNTS[1:4]:
        site.sets.broken[account, "us-east-1"] = "limit exceeded"
    with pytest.raises(UsageError, match="a quota is used up"):
        site.rollout.deploy(one)
    assert site.waves_of("CREATE") == [1, 4]
    assert [site.sets.stacks[a, "us-east-1"].detail for a in ACCOUNTS[1:5]] == [
        "FAILED",
        "FAILED",
        "CANCELLED",
        "CANCELLED",
    ]


def test_what_was_cancelled_is_not_reached_at_once_but_in_waves() -> None:
    """A release that is still broken stops at one account again, whatever was cancelled before."""
    site = Site()
    one = replace(WANTED, regions=REGIONS[1:])
    site.sets.broken = {(account, "us-east-1"): "limit exceeded" for account in ACCOUNTS[5:]}
    for _ in range(3):
        with pytest.raises(UsageError, match="a quota is used up"):
            site.rollout.deploy(one)
    assert site.waves_of("CREATE") == [1, 4, 15]
    assert site.waves_of("UPDATE") == [1, 1]
    site.sets.broken.clear()
    assert site.rollout.deploy(one) == {}
    assert site.waves_of("UPDATE")[2:] == [1, 2, 8, 4], "those that failed come last"


def test_a_region_that_fails_keeps_no_other_waiting() -> None:
    """Its bucket cannot be read: it is held back after the first account, the rest is deployed."""
    site = Site()
    site.sets.broken = {
        (account, "eu-west-1"): "S3 Error Code: AccessDenied" for account in ACCOUNTS
    }
    failed = site.rollout.deploy(WANTED)
    assert failed.keys() == site.sets.broken.keys()
    assert {p for p, one in site.sets.stacks.items() if one.settled} == {
        (account, "us-east-1") for account in ACCOUNTS
    }
    tried = [place for place, one in site.sets.stacks.items() if one.detail == "FAILED"]
    assert tried == [(ACCOUNTS[0], "eu-west-1")]
    assert any("eu-west-1 is left out of this run: S3" in line for line in site.said.lines)
    site.sets.broken.clear()
    assert site.rollout.deploy(WANTED) == {}
    assert site.deployed()


def test_a_region_that_fails_keeps_no_upgrade_from_the_others() -> None:
    """The same with stacks that stand."""
    site = Site()
    site.rollout.deploy(WANTED)
    site.sets.broken = {
        (account, "eu-west-1"): "S3 Error Code: AccessDenied" for account in ACCOUNTS
    }
    failed = site.rollout.deploy(NEXT)
    assert failed.keys() == site.sets.broken.keys()
    site.sets.broken.clear()
    assert site.rollout.deploy(NEXT) == {}
    assert site.deployed()


def test_stacks_that_cannot_be_updated_do_not_keep_the_old_definition() -> None:
    """After a removal that left one behind: what is made anew is of the new definition."""
    site = Site()
    site.rollout.deploy(replace(WANTED, parameters={"Mode": "enforce"}))
    place = (ACCOUNTS[4], "us-east-1")
    site.sets.stacks = {place: replace(site.sets.stacks[place], state="INOPERABLE")}
    assert site.rollout.deploy(NEXT).keys() == {place}
    assert site.sets.standing
    assert site.sets.standing.gives_the_same_as(NEXT)


def test_a_new_definition_comes_before_new_stacks_though_only_failed_ones_are_behind() -> None:
    """One account stands and failed; nobody gets the old definition."""
    site = Site()
    site.sets.broken = dict.fromkeys(FIRST, "limit exceeded")
    with pytest.raises(UsageError):
        site.rollout.deploy(WANTED)
    site.sets.broken.clear()
    assert site.rollout.deploy(NEXT) == {}
    assert site.deployed()
    made = [what for what, _, _ in site.sets.operations]
    assert made.index("CREATE", 1) > made.index("UPDATE")
    assert made.count("CREATE") == 4, "one account, before and after; then ever more"


def test_missing_stacks_are_made_before_those_that_failed_are_tried_again() -> None:
    """Whoever joined does not wait for them."""
    site = Site()
    place = (ACCOUNTS[9], "eu-west-1")
    site.sets.broken[place] = "region is not enabled"
    site.rollout.deploy(WANTED)
    site.sets.organisation.units["ou-1"].append("000000000099")
    site.rollout.deploy(WANTED)
    assert [what for what, _, _ in site.sets.operations[-2:]] == ["CREATE", "UPDATE"]


def test_retries_take_no_more_operations_than_there_are_regions() -> None:
    """Each account failed in regions of its own."""
    site = Site()
    regions = tuple(f"eu-north-{number}" for number in range(3))
    wide, waves = replace(WANTED, regions=regions), Waves(may_fail=1.0)
    site.waves = waves
    for number, account in enumerate(ACCOUNTS[1:]):
        for bit, region in enumerate(regions):
            if number % 7 + 1 & 1 << bit:
                site.sets.broken[account, region] = "limit exceeded"
    site.rollout.deploy(wide)
    operations = len(site.sets.operations)
    site.rollout.deploy(wide)
    assert len(site.sets.operations) - operations == len(regions)


def test_an_account_that_keeps_failing_keeps_nobody_else_from_being_reached() -> None:
    """It is tried again, after and beside the others, and a unit that is added gets its stacks."""
    site = Site()
    place = (ACCOUNTS[9], "eu-west-1")
    site.sets.broken[place] = "region is not enabled"
    site.sets.organisation.units["ou-2"] = ["000000000099"]
    assert site.rollout.deploy(WANTED) == {place: "region is not enabled"}
    wider = replace(NEXT, units=("ou-1", "ou-2"))
    assert site.rollout.deploy(wider) == {place: "region is not enabled"}
    assert sum(stack.settled for stack in site.sets.stacks.values()) == 41
    assert site.waves_of("UPDATE") == [1, 4, 14, 1]


def test_the_account_that_is_named_comes_first() -> None:
    """One that nobody would miss."""
    site = Site()
    replace(site.rollout, first=ACCOUNTS[7]).deploy(WANTED)
    assert site.sets.operations[0][1] == [ACCOUNTS[7]]


def test_the_account_that_is_named_comes_first_though_it_failed_before() -> None:
    """Whoever names it wants to see it."""
    site = Site()
    site.rollout.deploy(WANTED)
    place = (ACCOUNTS[7], "us-east-1")
    site.sets.stacks[place] = replace(site.sets.stacks[place], state="OUTDATED", detail="FAILED")
    operations = len(site.sets.operations)
    replace(site.rollout, first=ACCOUNTS[7]).deploy(NEXT)
    assert site.sets.operations[operations][1] == [ACCOUNTS[7]]


def test_a_first_account_that_is_none_of_them_is_refused() -> None:
    """A slip would make another one the first."""
    site = Site()
    with pytest.raises(UsageError, match="no active account in or below the units"):
        replace(site.rollout, first="nobody").deploy(WANTED)
    assert site.sets.standing is None


@pytest.mark.parametrize("look", range(1, 7))
def test_an_interrupted_command_goes_on_where_it_stopped(look: int) -> None:
    """Control-C at any look: its operation is awaited, what it had not begun is done."""
    site, looks = Site(), iter(range(1, 100))

    def interrupt() -> None:
        if next(looks) == look:
            raise KeyboardInterrupt

    site.sets.interrupt = interrupt
    with pytest.raises(KeyboardInterrupt):
        site.rollout.deploy(WANTED)
    assert site.rollout.deploy(WANTED) == {}
    assert site.deployed()
    assert sum(site.waves_of("CREATE")) == 20


def test_an_upgrade_goes_in_waves_too() -> None:
    """The first account shows whether the new version works."""
    site = Site()
    site.rollout.deploy(WANTED)
    site.sets.broken = dict.fromkeys(FIRST, "Rate exceeded")
    with pytest.raises(UsageError):
        site.rollout.deploy(NEXT)
    assert site.waves_of("UPDATE") == [1, 1], "in one region, then in the other"
    site.sets.broken.clear()
    site.rollout.deploy(NEXT)
    assert site.deployed()
    assert site.sets.standing
    assert site.sets.standing.template == NEXT.template
    assert site.waves_of("UPDATE")[2:] == [1, 4, 14, 1], "the one that failed comes last"


def test_parameters_are_the_sets_own_and_reach_every_stack() -> None:
    """New accounts ignore overrides, so there are none."""
    site = Site()
    site.rollout.deploy(WANTED)
    site.rollout.deploy(replace(WANTED, parameters={"Mode": "enforce"}))
    assert site.deployed()
    assert site.sets.standing
    assert site.sets.standing.effective["Mode"] == "enforce"


def test_an_account_that_joined_has_its_stacks_already() -> None:
    """By auto-deployment; the command finds nothing to do."""
    site = Site()
    site.rollout.deploy(WANTED)
    site.sets.joins("000000000099", "ou-1")
    operations = len(site.sets.operations)
    assert site.rollout.deploy(WANTED) == {}
    assert len(site.sets.operations) == operations


def test_a_unit_without_accounts_deploys_to_those_that_join() -> None:
    """Units are made before their accounts; a region that is added reaches it as well."""
    site = Site()
    site.sets.organisation.units["ou-2"] = ["m"]
    both = replace(WANTED, units=("ou-1", "ou-2"))
    site.rollout.deploy(replace(both, regions=REGIONS[:1]))
    assert site.rollout.deploy(both) == {}
    assert sum(line.startswith("ou-2 has no stacks yet") for line in site.said.lines) == 2
    operations = len(site.sets.operations)
    assert site.rollout.deploy(both) == {}
    assert len(site.sets.operations) == operations, "it is known by then"
    site.sets.joins("000000000099", "ou-2")
    assert {region for account, region in site.sets.stacks if account == "000000000099"} == {
        *REGIONS
    }


def test_a_set_can_be_made_before_there_is_any_account() -> None:
    """The plan says that there is none."""
    site = Site()
    site.sets.organisation.units["ou-2"] = ["m"]
    empty = replace(WANTED, units=("ou-2",))
    told = plan(site.sets, site.sets.organisation, empty)
    assert any("no active account is in the units yet" in line for line in told.lines())
    assert site.rollout.deploy(empty) == {}
    site.sets.joins("000000000099", "ou-2")
    assert len(site.sets.stacks) == 2


def test_a_region_and_a_unit_can_be_added_later() -> None:
    """Only what is missing is made."""
    site = Site()
    site.sets.organisation.units["ou-2"] = ["000000000099"]
    site.rollout.deploy(replace(WANTED, regions=("us-east-1",)))
    site.rollout.deploy(replace(WANTED, units=("ou-1", "ou-2")))
    assert len(site.sets.stacks) == 42
    assert all(stack.settled for stack in site.sets.stacks.values())


def test_defaults_that_aws_tells_are_no_difference() -> None:
    """The same command a second time; a parameter that is given as its default is none, either."""
    site = Site()
    site.rollout.deploy(WANTED)
    operations = len(site.sets.operations)
    site.rollout.deploy(replace(WANTED, parameters={"Mode": "observe", "SweepWrites": "60"}))
    assert len(site.sets.operations) == operations
    standing = site.sets.definition()
    assert standing
    assert (standing.parameters["SweepWrites"], standing.chosen) == ("60", {"Mode": "observe"})


@pytest.mark.parametrize(
    ("less", "option"), [({"regions": ("us-east-1",)}, "--regions"), ({"units": ("ou-2",)}, "unit")]
)
def test_places_with_stacks_are_not_left_out(less: dict[str, Any], option: str) -> None:
    """The mode of a pilot would be everybody's."""
    site = Site()
    site.sets.organisation.units["ou-2"] = ["000000000099"]
    site.rollout.deploy(WANTED)
    for refused in (
        lambda: site.rollout.deploy(replace(NEXT, **less)),
        lambda: plan(site.sets, site.sets.organisation, replace(NEXT, **less)),
    ):
        with pytest.raises(UsageError, match=option):
            refused()
    assert site.waves_of("UPDATE") == []


def test_what_cannot_be_updated_is_told_and_not_tried() -> None:
    """A suspended account's stack is inoperable; one that left the unit is nobody's here."""
    site = Site()
    site.rollout.deploy(WANTED)
    place = (ACCOUNTS[4], "us-east-1")
    site.sets.stacks[place] = replace(site.sets.stacks[place], state="INOPERABLE")
    site.sets.organisation.units["ou-1"].remove(ACCOUNTS[5])
    failed = site.rollout.deploy(NEXT)
    assert set(failed) == {place}
    assert "INOPERABLE" in failed[place]
    assert "take the account out" in advice(failed[place])
    assert not any(
        ACCOUNTS[5] in names for what, names, _ in site.sets.operations if what == "UPDATE"
    )


def test_new_code_and_a_new_region_at_once() -> None:
    """An update names only stacks that stand."""
    site = Site()
    site.rollout.deploy(replace(WANTED, regions=("us-east-1",)))
    assert site.rollout.deploy(NEXT) == {}
    assert site.deployed()


def test_every_operation_under_way_is_awaited() -> None:
    """With managed execution several wait in a row."""
    site = Site()
    site.rollout.deploy(WANTED)
    running = iter(["operation-0", "operation-1", None])
    site.sets.running = lambda: next(running)
    site.rollout.deploy(WANTED)
    assert sum("which is under way" in line for line in site.said.lines) == 2


def test_the_code_is_published_before_anything_else_and_all_that_fails_is_told() -> None:
    """Each region with its reason."""
    site = Site()
    site.artifacts.closed = {"us-east-1", "eu-north-1"}
    with pytest.raises(UsageError, match=r"us-east-1: there is no.*eu-north-1: there is no"):
        site.rollout.publish(("us-east-1", "eu-west-1", "eu-north-1"), "key", b"code")
    assert site.artifacts.held == {"eu-west-1": {"key": b"code"}}


def test_the_plan_counts_what_is_missing_and_behind_and_what_it_costs() -> None:
    """Before, in between and after."""
    site = Site()
    before = plan(site.sets, site.sets.organisation, WANTED)
    assert (before.missing, before.behind, before.vpcs) == (40, 0, Count(40, assumed=40))
    site.rollout.deploy(WANTED)
    seven = Count(7, counted=38, assumed=2, refusal="denied")
    assert plan(site.sets, site.sets.organisation, WANTED, lambda _: seven).missing == 0
    after = plan(site.sets, site.sets.organisation, NEXT, lambda _: seven)
    assert (after.missing, after.behind, after.vpcs) == (0, 40, seven)
    told = "\n".join(after.lines())
    assert "7 VPCs" in told
    assert "counted in 38 places; one assumed for each of the other 2" in told
    assert "cannot be looked into: denied" in told
    assert any("153.30" in line for line in after.lines()), "7 endpoints in 3 zones at $7.30"

"""Rolling out to an organisation in waves, and where something fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardrail_cli.documents import UsageError
from guardrail_cli.org.waves import Waves
from support.rollouts import ACCOUNTS, FIRST, NEXT, REGIONS, WANTED, Site


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
    assert site.waves_of("UPDATE") == [1, 4, 14, 1, 1], "its other region, then what failed"


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

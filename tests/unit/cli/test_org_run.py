"""One run of a roll-out: who comes first, what failed before, what is held back, and a stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from guardrail_cli.documents import UsageError
from guardrail_cli.org.model import Definition, Pace
from guardrail_cli.org.waves import Waves
from support.rollouts import ACCOUNTS, FIRST, NEXT, REGIONS, WANTED, Site

EU, US = REGIONS
DENIED = "S3 Error Code: AccessDenied"


def in_two_units(site: Site) -> Definition:
    """Put five accounts into one unit and fifteen into another; return what is wanted in both."""
    site.sets.organisation.units = {"ou-1": ["m", *ACCOUNTS[:5]], "ou-2": ACCOUNTS[5:]}
    return replace(WANTED, units=("ou-1", "ou-2"))


def failed_before(site: Site, *accounts: str) -> None:
    """Let the stacks of accounts in the second region have failed: it is not enabled there."""
    for account in accounts:
        stack = site.sets.stacks[account, US]
        site.sets.stacks[account, US] = replace(stack, state="OUTDATED", detail="FAILED")


def stop(site: Site, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let somebody stop every operation that a method of the set begins."""
    begin: Callable[..., str] = getattr(site.sets, name)

    def instead(*given: object) -> str:
        begun = begin(*given)
        what, accounts, operation = site.sets.operations.pop()
        site.sets.operations.append((what, accounts, replace(operation, status="STOPPED")))
        return begun

    monkeypatch.setattr(site.sets, name, instead)


def test_a_region_that_is_held_back_is_not_named_for_a_unit() -> None:
    """All accounts of the unit would get their stacks there at once, though the first failed."""
    site = Site()
    both = in_two_units(site)
    site.sets.broken = {(account, EU): DENIED for account in ACCOUNTS}
    assert site.rollout.deploy(both).keys() == site.sets.broken.keys()
    assert {account for account, region in site.sets.stacks if region == EU} == {ACCOUNTS[0]}
    assert site.sets.registered["ou-2"] == {US}
    site.sets.broken.clear()
    assert site.rollout.deploy(both) == {}
    assert site.deployed()


def test_a_unit_without_accounts_is_added_where_the_run_went_well() -> None:
    """The region that was held back comes with the run that succeeds there."""
    site = Site()
    site.sets.organisation.units["ou-2"] = ["m"]
    both = replace(WANTED, units=("ou-1", "ou-2"))
    site.sets.broken = {FIRST[0]: DENIED}
    site.rollout.deploy(both)
    assert site.sets.registered["ou-2"] == {US}
    site.sets.broken.clear()
    assert site.rollout.deploy(both) == {}
    assert site.sets.registered["ou-2"] == {EU, US}


def test_a_healthy_stack_beside_a_failed_one_goes_in_the_waves() -> None:
    """A broken release reaches one account of a region, however many failed in another."""
    site = Site()
    site.rollout.deploy(WANTED)
    failed_before(site, *ACCOUNTS[1:])
    site.sets.broken = {(account, EU): "limit exceeded" for account in ACCOUNTS[1:]}
    assert {region for _, region in site.rollout.deploy(NEXT)} == {EU}
    broken = [place for place, one in site.sets.stacks.items() if one.detail == "FAILED"]
    assert broken == [(ACCOUNTS[1], EU)]


def test_stacks_that_failed_are_tried_again_without_their_healthy_neighbours() -> None:
    """What is as the set wants it is not touched."""
    site = Site()
    site.rollout.deploy(WANTED)
    failed_before(site, *ACCOUNTS[1:])
    assert site.rollout.deploy(WANTED) == {}
    ((what, accounts, operation),) = site.sets.operations[3:]
    assert (what, accounts) == ("UPDATE", ACCOUNTS[1:])
    assert {region for _, region in operation.results} == {US}


def test_the_account_that_is_named_comes_first_though_others_lack_another_region() -> None:
    """An interrupted run had given it a region more than them; theirs is the larger group."""
    site, first = Site(), ACCOUNTS[7]
    site.rollout.deploy(replace(WANTED, regions=REGIONS[:1]))
    operation = site.sets.add(("ou-1",), [first], [US], Pace())
    while not site.sets.operation(operation).ended:
        pass
    replace(site.rollout, first=first).deploy(NEXT)
    assert site.sets.operations[4][1] == [first]
    assert site.deployed()


def test_the_account_that_is_named_comes_first_where_one_of_its_stacks_is_inoperable() -> None:
    """Its other one shows whether the release works."""
    site, first = Site(), ACCOUNTS[7]
    site.rollout.deploy(WANTED)
    site.sets.stacks[first, US] = replace(site.sets.stacks[first, US], state="INOPERABLE")
    assert replace(site.rollout, first=first).deploy(NEXT).keys() == {(first, US)}
    _, accounts, operation = site.sets.operations[3]
    assert (accounts, list(operation.results)) == ([first], [(first, EU)])


def test_an_operation_that_somebody_stops_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though a single region failed: who stops it wants no other to go on."""
    site = Site()
    site.sets.broken = {FIRST[0]: "limit exceeded"}
    stop(site, monkeypatch, "add")
    with pytest.raises(UsageError, match=r"stopped \(stopped\): .*limit exceeded"):
        site.rollout.deploy(WANTED)
    assert site.waves_of("CREATE") == [1]


def test_what_is_tried_again_can_be_stopped_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """No unit and no other group is begun after it."""
    site = Site()
    site.rollout.deploy(WANTED)
    failed_before(site, ACCOUNTS[4])
    stop(site, monkeypatch, "update")
    with pytest.raises(UsageError, match=r"trying again stopped \(stopped\)"):
        site.rollout.deploy(WANTED)
    assert site.waves_of("UPDATE") == [1]


def five(site: Site) -> list[str]:
    """Leave five accounts in the organisation: the second one is a wave of its own."""
    site.sets.organisation.units["ou-1"] = ["m", *ACCOUNTS[:5]]
    return ACCOUNTS[:5]


def test_a_wave_of_one_account_that_fails_ends_the_run() -> None:
    """All of it failed, and the wave that follows is everybody."""
    site = Site()
    _, second, *others = five(site)
    site.rollout.deploy(WANTED)
    site.sets.broken = {(a, r): "limit exceeded" for a in (second, *others) for r in REGIONS}
    with pytest.raises(UsageError, match=r"updating stopped \(failed\): .*a quota is used up"):
        site.rollout.deploy(NEXT)
    failed = {account for (account, _), one in site.sets.stacks.items() if one.detail == "FAILED"}
    assert failed == {second}


@pytest.mark.parametrize("standing", [True, False])
def test_a_second_account_that_fails_for_good_keeps_nobody_from_the_next_run(
    *, standing: bool
) -> None:
    """It comes last then, whether its stacks stood before or not."""
    site = Site()
    _, second, *_ = everybody = five(site)
    if standing:
        site.rollout.deploy(WANTED)
    site.sets.broken = {(second, region): "limit exceeded" for region in REGIONS}
    with pytest.raises(UsageError, match="goes on from here"):
        site.rollout.deploy(NEXT)
    assert site.rollout.deploy(NEXT) == site.sets.broken
    settled = {place for place, one in site.sets.stacks.items() if one.settled}
    assert settled == {(a, r) for a in everybody if a != second for r in REGIONS}
    assert site.sets.operations[-1][1] == [second]


@pytest.mark.parametrize("accounts", [2, 5, 8, 20, 40, 41, 1_000])
def test_no_wave_may_fail_entirely_unless_that_is_asked_for(accounts: int) -> None:
    """Whatever share may fail."""
    ids = [str(number) for number in range(accounts)]
    for may_fail in (0.05, 0.5, 0.99):
        waves = list(Waves(may_fail).of(ids))
        assert all(pace.may_fail < len(wave) for wave, pace in waves)
    waves = list(Waves(may_fail=1.0).of(ids))
    assert all(pace.may_fail == len(wave) for wave, pace in waves[1:])

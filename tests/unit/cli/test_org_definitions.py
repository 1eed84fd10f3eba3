"""What a roll-out brings where: interruptions, upgrades, units, regions, parameters, the plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from guardrail_cli.documents import UsageError
from guardrail_cli.org.causes import advice
from guardrail_cli.org.counting import Count
from guardrail_cli.org.planning import plan
from support.rollouts import ACCOUNTS, FIRST, NEXT, REGIONS, WANTED, Site


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
    told = [line for line in site.said.lines if line.startswith("accounts that join ou-2")]
    assert told == [
        f"accounts that join ou-2 get their stacks in {region} from now on" for region in REGIONS
    ]
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
    """One whose deletion failed is inoperable; one that left the unit is nobody's here."""
    site = Site()
    site.rollout.deploy(WANTED)
    place = (ACCOUNTS[4], "us-east-1")
    site.sets.stacks[place] = replace(site.sets.stacks[place], state="INOPERABLE")
    site.sets.organisation.units["ou-1"].remove(ACCOUNTS[5])
    failed = site.rollout.deploy(NEXT)
    assert set(failed) == {place}
    assert "INOPERABLE" in failed[place]
    assert "takes this one stack out of the set" in advice(failed[place])
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


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("observe", "in observe no endpoint is made"),
        ("enforce-new", "VPCs that stand already get no endpoint before --mode enforce"),
        ("enforce", ""),
    ],
)
def test_the_plan_says_what_its_mode_does_not_make(mode: str, told: str) -> None:
    """Endpoints are counted and priced in every mode, since that is where the way leads."""
    site = Site()
    wanted = replace(WANTED, parameters={"Mode": mode})
    *_, total, last = plan(site.sets, site.sets.organisation, wanted).lines()
    assert told in last
    assert (total if told else last).startswith("in all")

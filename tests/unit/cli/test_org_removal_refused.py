"""Taking stacks out of a stack set where AWS refuses a whole operation: no stack says why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardrail_cli.documents import UsageError
from guardrail_cli.org.model import Operation, Outcome, Pace
from guardrail_cli.org.removal import UNREACHED, Removal, Scope
from support.rollouts import ACCOUNTS, REGIONS, WANTED, Site

REFUSAL = "Trusted access with Organizations is not enabled: organizations access is missing"
EVERYWHERE = {(account, region) for account in ACCOUNTS for region in REGIONS}


@pytest.fixture
def site() -> Site:
    """Deploy a set to twenty accounts."""
    site = Site()
    assert site.rollout.deploy(WANTED) == {}
    site.said.lines.clear()
    return site


def removal(site: Site) -> Removal:
    """Return a command that begins anew."""
    return Removal(site.sets, site.sets.organisation, site.said, sleep=lambda _: None)


def refuse(site: Site, patch: pytest.MonkeyPatch, name: str, operation: Operation) -> None:
    """Let the operations that a method of the set begins end like that, at whatever they are."""

    def instead(*_: object) -> str:
        ended = replace(operation, operation_id=f"operation-{len(site.sets.operations)}")
        site.sets.operations.append(("REFUSED", [], ended))
        return ended.operation_id

    patch.setattr(site.sets, name, instead)


@pytest.mark.parametrize("results", [{}, dict.fromkeys(EVERYWHERE, Outcome("CANCELLED"))])
def test_a_refusal_is_told_instead_of_failures_that_there_are_not(
    site: Site, monkeypatch: pytest.MonkeyPatch, results: dict[tuple[str, str], Outcome]
) -> None:
    """With what to do; nothing was tried, so nothing is let go of."""
    with monkeypatch.context() as patch:
        refuse(site, patch, "remove", Operation("", "FAILED", REFUSAL, results))
        left = removal(site).stacks(Scope(), let_go=True)
    assert left == dict.fromkeys(EVERYWHERE, REFUSAL)
    (told,) = {line for line in site.said.lines if REFUSAL in line}
    assert "activate-organizations-access" in told
    assert site.sets.detached == []
    assert removal(site).stacks(Scope()) == {}


def test_a_refusal_without_a_reason_names_the_operation(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be looked up in the console."""
    refuse(site, monkeypatch, "remove", Operation("", "FAILED"))
    told = set(removal(site).stacks(Scope()).values())
    assert len(told) == 1
    assert "operation-4 failed, and AWS says no more" in told.pop()


def test_what_is_reached_after_a_refusal_is_told_with_its_own_cause(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second operation deletes all but one, and says why."""
    remove, place = site.sets.remove, (ACCOUNTS[3], REGIONS[0])
    site.sets.broken[place] = "AccessDenied"
    with monkeypatch.context() as patch:
        refuse(site, patch, "remove", Operation("", "FAILED", REFUSAL))
        refused, turns = site.sets.remove, iter([True])

        def instead(units: tuple[str, ...], regions: list[str], pace: Pace) -> str:
            return (refused if next(turns, False) else remove)(units, regions, pace)

        patch.setattr(site.sets, "remove", instead)
        assert removal(site).stacks(Scope()) == {place: "AccessDenied"}


def test_what_is_stopped_after_a_refusal_is_told_as_not_reached(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal was of an operation that is past."""
    ends = iter([Operation("", "FAILED", REFUSAL), Operation("", "STOPPED")])

    def instead(*_: object) -> str:
        ended = replace(next(ends), operation_id=f"operation-{len(site.sets.operations)}")
        site.sets.operations.append(("REFUSED", [], ended))
        return ended.operation_id

    monkeypatch.setattr(site.sets, "remove", instead)
    assert removal(site).stacks(Scope()) == dict.fromkeys(EVERYWHERE, UNREACHED)


def test_a_unit_without_stacks_that_aws_does_not_take_out_ends_the_command(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no stack to tell it of, and the unit is in the set still."""
    site.sets.organisation.units["ou-2"] = []
    assert site.rollout.deploy(replace(WANTED, units=("ou-1", "ou-2"))) == {}
    refuse(site, monkeypatch, "remove", Operation("", "FAILED", REFUSAL))
    with pytest.raises(UsageError, match=r"taking out ou-2 stopped \(failed\): Trusted access"):
        removal(site).stacks(Scope(units=("ou-2",)))


def test_what_aws_refused_to_let_go_of_is_not_told_as_let_go_of(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stacks are in the set still, which stays."""
    site.sets.organisation.suspended.add(ACCOUNTS[1])
    with monkeypatch.context() as patch:
        refuse(site, patch, "detach", Operation("", "FAILED", REFUSAL))
        left = removal(site).stacks(Scope())
    assert left == {(ACCOUNTS[1], region): REFUSAL for region in REGIONS}
    assert site.sets.stacks.keys() == left.keys()

"""The simulation of an organisation: its arithmetic by hand, and that the guide quotes it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
GUIDE = ROOT / "docs/guides/organisation-figures.md"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """Load the script, which finds its own modules."""
    spec = importlib.util.spec_from_file_location("organisation", ROOT / "bench/organisation.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by its name.
    sys.modules["organisation"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def events(bench: ModuleType) -> ModuleType:
    """Return the module of calls and buckets."""
    del bench
    return sys.modules["simulation.events"]


@pytest.fixture
def small(bench: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Let there be 100 accounts, whose stacks take two minutes each."""
    monkeypatch.setattr(bench, "ACCOUNTS", 100)
    monkeypatch.setattr(sys.modules["simulation.rates"], "STACK_SPREAD", 0.0)
    return bench


def moments(events: ModuleType, size: float, refill: float, calls: int, scopes: int = 1) -> float:
    """Return when the last of so many simultaneous calls of one second is answered."""
    sim = events.Simulation()

    def caller(scope: int) -> object:
        yield events.Call("Any", scope, events.Limit(size, refill), 1.0)

    for number in range(calls):
        sim.start(caller(number % scopes))
    sim.run()
    assert sim.calls == {"Any": calls}
    return float(sim.now)


def test_calls_wait_for_their_bucket_alone(events: ModuleType) -> None:
    """Four tokens, 0.3 a second: the fifth waits 3.3 s, the hundredth 320 s; scopes share none."""
    assert moments(events, 4, 0.3, 4) == 1.0
    assert moments(events, 4, 0.3, 5) == pytest.approx(1 + 1 / 0.3)
    assert moments(events, 4, 0.3, 100) == pytest.approx(1 + 96 / 0.3)
    assert moments(events, 4, 0.3, 100, scopes=25) == 1.0


def test_tokens_come_back_up_to_the_size(events: ModuleType) -> None:
    """After a long pause there are as many as at first, and no more."""
    bucket = events.Bucket(events.Limit(2, 1), 2)
    assert [bucket.granted(0) for _ in range(4)] == [0, 0, 1, 2]
    assert [bucket.granted(100) for _ in range(3)] == [100, 100, 101]


def test_there_is_one_processor(events: ModuleType) -> None:
    """Three pieces of work of two seconds that are due at once take six."""
    sim = events.Simulation()

    def working() -> object:
        yield events.Work(2.0)

    for _ in range(3):
        sim.start(working())
    sim.run()
    assert sim.now == 6.0


def test_one_caller_waits_for_answers_and_for_tokens(bench: ModuleType, events: ModuleType) -> None:
    """Two tokens, one a second, and calls of half a second: the third is answered after 1.5 s."""
    clock = bench.Clock()
    for _ in range(3):
        clock.call(events.Call("Any", "home", events.Limit(2, 1), 0.5))
    assert (clock.now, clock.calls) == (1.5, {"Any": 3})


def seconds(bench: ModuleType, accounts: int, *, strict: bool, **preferences: int) -> float:
    """Return how long an operation takes on so many accounts in one region."""
    service = bench.CloudFormation(bench.Clock(), strict)
    service.create_stack_set(TemplateBody="{}", Parameters=[])
    began = service.clock.now
    service.create_stack_instances(
        DeploymentTargets={
            "Accounts": [bench.account_id(number) for number in range(accounts)],
            "OrganizationalUnitIds": ["ou-1"],
        },
        Regions=[bench.region_name(0)],
        OperationPreferences={
            "MaxConcurrentCount": preferences["at_once"],
            "FailureToleranceCount": preferences["may_fail"],
        },
    )
    waiting = sys.modules["simulation.rates"]
    ended = max(stack.ready for stack in service.stacks.values())
    return float(ended - began - waiting.CALL - waiting.QUEUED)


def test_a_pace_is_bounded_by_tolerance_and_quota(small: ModuleType) -> None:
    """Strict takes tolerance and one at once; 10,000 stacks at a time are the most there are."""
    assert seconds(small, 12, strict=True, at_once=50, may_fail=5) == pytest.approx(240)
    assert seconds(small, 12, strict=True, at_once=4, may_fail=5) == pytest.approx(360)
    assert seconds(small, 12, strict=False, at_once=50, may_fail=5) == pytest.approx(120)
    assert seconds(small, 10_001, strict=False, at_once=20_000, may_fail=0) == pytest.approx(240)


def test_every_stack_is_made_by_the_roll_out_itself_and_once(small: ModuleType) -> None:
    """Waves of 1, 5, 25 and 100 accounts; again there is nothing to do; an upgrade reaches all."""
    site = small.Organisation()
    made = site.deploy(small.BEFORE)
    everywhere = {
        (small.account_id(account), small.region_name(region))
        for account in range(100)
        for region in range(17)
    }
    assert (site.service.stacks.keys(), made.failed) == (everywhere, {})
    assert [accounts for accounts, _ in made.told] == [1, 5, 25, 100]
    # 75 accounts, 18 at a time: five rounds of 120 s; 30 s before the first, and looks.
    assert made.told[3][1] - made.told[2][1] == pytest.approx(5 * 120 + 30, abs=25)
    # Before there is anything twice, then all of them, a hundred in a call.
    assert made.calls["ListStackInstances"] == 2 + 17
    assert made.calls["CreateStackInstances"] == 4
    again = site.deploy(small.BEFORE)
    assert (again.told, again.calls["ListStackSetOperationResults"]) == ([], 0)
    upgraded = site.deploy(small.VERSION)
    assert [accounts for accounts, _ in upgraded.told] == [1, 5, 25, 100]
    assert upgraded.calls["UpdateStackSet"] == 4


def test_a_region_that_refuses_is_told_or_left_out(small: ModuleType) -> None:
    """One account in fifty is told with the reason; where too many fail, the others go on."""
    place = small.account_id(30), small.region_name(3)
    done = small.Organisation(broken={place: small.REFUSAL}).deploy()
    assert dict(done.failed) == {place: small.REFUSAL}
    refusing = {(small.account_id(number), place[1]): small.REFUSAL for number in range(5, 20)}
    site = small.Organisation(broken=refusing)
    failed = site.deploy().failed
    assert {region for _, region in failed} == {place[1]}
    assert {small.REFUSAL, "there is no stack"} <= set(failed.values())


def test_every_stack_is_a_row_of_the_status(small: ModuleType) -> None:
    """And its calls are those that the command makes, whatever its threads do."""
    site = small.Organisation()
    site.deploy()
    asked = small.members(noting=True)
    seen = small.seen(site, asked)
    assert sorted((row.account, row.region) for row in seen.rows) == sorted(site.service.stacks)
    assert {(row.state, row.version, row.problem) for row in seen.rows} == {
        ("CURRENT", small.VERSION, "")
    }
    noted: dict[str, list[Any]] = asked.noted
    sims = [small.replayed(list(noted.values()), way) for way in small.WAYS]
    for sim in sims:
        assert sim.calls == {"AssumeRole": 100, "DescribeStacks": 1700, "GetItem": 1700}
    assert seen.calls["ListStackInstances"] == 17
    # The processor alone: signing and reading; and clients, each time or once a region.
    assert sims[0].now > 1700 * (0.0117 + 2 * 0.069)
    assert 1700 * 0.0117 + 34 * 0.027 < sims[1].now < sims[0].now / 4


@pytest.mark.timeout(900)
@pytest.mark.takes(180)
def test_the_guide_quotes_the_program(bench: ModuleType) -> None:
    """When this fails: put the output of `python bench/organisation.py` between its fences."""
    quoted = GUIDE.read_text(encoding="utf-8").split("```text\n")[1].split("```")[0].splitlines()
    assert quoted == list(bench.figures())

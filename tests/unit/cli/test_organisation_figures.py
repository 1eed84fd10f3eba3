"""The simulation of an organisation: its arithmetic by hand, and that the guide quotes it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

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


def moments(bench: ModuleType, size: float, refill: float, calls: int, scopes: int = 1) -> float:
    """Return when the last of so many simultaneous calls of one second is answered."""
    sim = bench.Simulation()

    def caller(scope: int) -> object:
        yield bench.Call("Any", scope, bench.Limit(size, refill), 1.0)

    for number in range(calls):
        sim.start(caller(number % scopes))
    sim.run()
    assert sim.calls == {"Any": calls}
    return float(sim.now)


def test_calls_wait_for_their_bucket_alone(bench: ModuleType) -> None:
    """Four tokens, 0.3 a second: the fifth waits 3.3 s, the hundredth 320 s; scopes share none."""
    assert moments(bench, 4, 0.3, 4) == 1.0
    assert moments(bench, 4, 0.3, 5) == pytest.approx(1 + 1 / 0.3)
    assert moments(bench, 4, 0.3, 100) == pytest.approx(1 + 96 / 0.3)
    assert moments(bench, 4, 0.3, 100, scopes=25) == 1.0


def test_tokens_come_back_up_to_the_size(bench: ModuleType) -> None:
    """After a long pause there are as many as at first, and no more."""
    bucket = sys.modules["simulation.events"].Bucket(bench.Limit(2, 1), 2)
    assert [bucket.granted(0) for _ in range(4)] == [0, 0, 1, 2]
    assert [bucket.granted(100) for _ in range(3)] == [100, 100, 101]


def test_there_is_one_processor(bench: ModuleType) -> None:
    """Three pieces of work of two seconds that are due at once take six."""
    sim = bench.Simulation()

    def working() -> object:
        yield bench.Work(2.0)

    for _ in range(3):
        sim.start(working())
    sim.run()
    assert sim.now == 6.0


def test_a_pace_is_bounded_by_tolerance_and_quota(bench: ModuleType) -> None:
    """Strict takes tolerance and one; 10,000 instances at a time are 588 accounts of 17 regions."""
    assert bench.Pace(50, 5, strict=True).accounts == 6
    assert bench.Pace(4, 5, strict=True).accounts == 4
    assert bench.Pace(50, 5, strict=False).accounts == 50
    assert bench.Pace(10_000, 0, strict=False).accounts == 588


def test_every_instance_is_deployed_once_and_listed_once(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waves of 1, 5, 25 and 100 %; the rows are those of every account and region."""
    monkeypatch.setattr(bench, "ACCOUNTS", 100)
    made: list[tuple[int, int]] = []

    def made_in(account: int, region: int) -> float:
        made.append((account, region))
        return 120.0

    monkeypatch.setattr(bench, "stack_seconds", made_in)
    sim = bench.Simulation()
    told: list[tuple[int, float]] = []
    sim.start(bench.deploy(sim, bench.Pace(10, 0, strict=False), told))
    sim.run()
    everywhere = [(account, region) for account in range(100) for region in range(17)]
    assert sorted(made) == everywhere
    assert [accounts for accounts, _ in told] == [1, 5, 25, 100]
    # 75 accounts, ten at a time, 120 s each, 30 s before the first; looks every 15.2 s; 13 pages.
    assert told[3][1] - told[2][1] == pytest.approx(8 * 120 + 30 + 7.5 + 13 * 0.2, abs=8)
    sim, rows = bench.status(bench.Way("kept", 100, 32, 0.0, 0.0))
    assert sorted((int(r.account), int(r.region[-2:])) for r in rows) == everywhere
    assert sim.calls == {
        "ListStackInstances": 17,
        "AssumeRole": 100,
        "DescribeStacks": 1700,
        "GetItem": 1700,
    }


def test_the_guide_quotes_the_program(bench: ModuleType) -> None:
    """When this fails: put the output of `python bench/organisation.py` between its fences."""
    quoted = GUIDE.read_text(encoding="utf-8").split("```text\n")[1].split("```")[0].splitlines()
    assert quoted == list(bench.figures())

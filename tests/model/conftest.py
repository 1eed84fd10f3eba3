"""How many sequences are played."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from model.region import quickened

FEW = 50
_BLOCK = 4
_SELDOM = 4
"""Every which sequence is played with perfect delivery, too; in the long mode all are."""
_SECONDS_EACH = 20
"""Far more than a sequence takes on any machine: this only ends a test that hangs."""


@dataclass(frozen=True)
class Extent:
    """How many sequences, the seed of the first, and which are played with perfect delivery."""

    sequences: int
    seed: int
    every_nth_perfect: int


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the number of sequences from the command line."""
    parser.addoption("--sequences", type=int, default=FEW, help="sequences of the model to play")
    parser.addoption("--first-seed", type=int, default=0, help="what the first is drawn with")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each block its time, on a slow machine, too."""
    seconds = 300 + _SECONDS_EACH * _BLOCK
    for item in items:
        if item.path.parent.name == "model":
            item.add_marker(pytest.mark.timeout(seconds))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Play what the command line asks for, a few sequences in each test."""
    if "extent" not in metafunc.fixturenames:
        return
    sequences = int(metafunc.config.getoption("--sequences", FEW))
    first = int(metafunc.config.getoption("--first-seed", 0))
    nth = 1 if sequences > FEW else _SELDOM
    metafunc.parametrize(
        "extent",
        [
            Extent(min(_BLOCK, sequences - done), first + done, nth)
            for done in range(0, sequences, _BLOCK)
        ],
        ids=lambda extent: f"{extent.seed}-{extent.seed + extent.sequences - 1}",
    )


@pytest.fixture(scope="package", autouse=True)
def quick() -> Iterator[None]:
    """Let moto be quick for these tests only."""
    with quickened():
        yield

"""How many sequences are played."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from model.region import quickened

FEW = 50
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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give the long mode its time."""
    seconds = 300 + _SECONDS_EACH * int(config.getoption("--sequences", FEW))
    for item in items:
        if item.path.parent.name == "model":
            item.add_marker(pytest.mark.timeout(seconds))


@pytest.fixture
def extent(request: pytest.FixtureRequest) -> Extent:
    """Return what the command line asks for."""
    sequences = int(request.config.getoption("--sequences", FEW))
    first = int(request.config.getoption("--first-seed", 0))
    nth = 1 if sequences > FEW else _SELDOM
    return Extent(sequences, first, nth)


@pytest.fixture(scope="package", autouse=True)
def quick() -> Iterator[None]:
    """Let moto be quick for these tests only."""
    with quickened():
        yield

"""How many sequences are played, and with which promises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from model.promises import ACTS_TO_COME, PROMISES_TO_COME
from model.region import quickened

FEW = 50
_SELDOM = 4
"""Every which sequence is played with perfect delivery, too; in the long mode all are."""
_SECONDS_EACH = 20
"""Far more than a sequence takes on any machine: this only ends a test that hangs."""


@dataclass(frozen=True)
class Extent:
    """How many sequences, and which acts and promises are left out."""

    sequences: int
    seed: int
    every_nth_perfect: int
    acts_left_out: frozenset[str]
    promises_left_out: frozenset[str]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the number of sequences from the command line."""
    parser.addoption("--sequences", type=int, default=FEW, help="sequences of the model to play")
    parser.addoption("--first-seed", type=int, default=0, help="what the first is drawn with")
    parser.addoption(
        "--everything", action="store_true", help="also what the guardrail does not promise yet"
    )


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
    if request.config.getoption("--everything", default=False):
        return Extent(sequences, first, nth, frozenset(), frozenset())
    return Extent(sequences, first, nth, ACTS_TO_COME, PROMISES_TO_COME)


@pytest.fixture(scope="package", autouse=True)
def quick() -> Iterator[None]:
    """Let moto be quick for these tests only."""
    with quickened():
        yield

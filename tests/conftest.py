"""What every suite wants: backends of moto that are made quickly, and an end to a slow run."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

# moto reads thousands of machine images for each new EC2 backend, seconds of it in every test.
os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")

TESTS = Path(__file__).parent
ORDER = ("template", "contract", "faults", "unit", "corpus", "properties", "integration", "model")
"""Where time is limited, what is cheap and tells most comes first."""
END = float(os.environ.get("TESTS_END", "inf"))
"""No test is begun after this moment, in seconds since 1970: a machine may be very slow."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the suites in order."""
    items.sort(key=lambda item: ORDER.index(item.path.relative_to(TESTS).parts[0]))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what there is no time for, saying so; `takes` tells how many seconds a test may take."""
    marker = item.get_closest_marker("takes")
    if time.time() + (marker.args[0] if marker else 0) > END:
        pytest.skip("the time given (TESTS_END) is over; `make test` has no such end")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests measured (their property `told`), also where workers ran them."""
    for report in terminalreporter.getreports("passed"):
        for name, told in report.user_properties:
            if name == "told" and report.when == "call":
                terminalreporter.write_line(f"{report.nodeid}: {told}")

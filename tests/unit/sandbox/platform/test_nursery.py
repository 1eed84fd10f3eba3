"""Workers that are copied from a process that has loaded the packages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from guardrail_sandbox import nursery as module
from guardrail_sandbox.nursery import AVAILABLE, Copy, Nursery

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="workers are copied on Linux only")
LONG = "x" * 300_000
"""More than a socket takes at once."""
Start = Callable[..., Copy]

FAKE = """
import os, sys, time
def main(arguments):
    print(arguments[1], os.getcwd(), sorted(os.environ), sys.path[:1], flush=True)
    if arguments[1] == "sleep":
        time.sleep(600)
    if arguments[1] == "fail":
        raise ValueError("no")
    if arguments[1] == "exit":
        sys.exit(7)
"""


@pytest.fixture
def path(tmp_path: Path) -> tuple[str, str]:
    """Lay out an artifact, and a runtime that tells what it was started with."""
    folder, site = tmp_path / "artifact", tmp_path / "site"
    (site / "awslambdaric").mkdir(parents=True)
    folder.mkdir()
    (site / "awslambdaric" / "__init__.py").touch()
    (site / "awslambdaric" / "__main__.py").write_text(FAKE)
    (site / "runtime_client.py").write_text("def begin() -> None: ...\n")
    return str(folder), str(site)


@pytest.fixture
def start(path: tuple[str, str]) -> Iterator[Start]:
    """Start workers of one nursery, which ends with the test."""
    nursery = Nursery(sys.executable, path, {"PATH": os.defpath})
    yield lambda handler, **environment: nursery.start(handler, path[0], path, environment)
    nursery.close()


def test_a_copy_has_an_environment_of_its_own(start: Start, path: tuple[str, str]) -> None:
    """As a process that was started by itself, and nothing of the nursery's."""
    worker = start("handler", ONLY="this")
    assert worker.wait(30) == 0
    assert worker.stdout.read().decode().split(" ", 2) == [
        "handler",
        path[0],
        f"['ONLY'] ['{path[0]}']\n",
    ]


@pytest.mark.parametrize(("handler", "status"), [("fail", 1), ("exit", 7)])
def test_how_a_copy_ended_is_told(start: Start, handler: str, status: int) -> None:
    """A traceback is on its output."""
    worker = start(handler)
    assert worker.wait(30) == status
    assert (b"ValueError: no" in worker.stdout.read()) == (handler == "fail")


def test_a_copy_can_be_killed_and_waited_for(start: Start) -> None:
    """By a signal, as the status says; once more is no error."""
    worker = start("sleep")
    with pytest.raises(subprocess.TimeoutExpired):
        worker.wait(0.1)
    worker.kill()
    assert worker.wait(30) == -9
    worker.kill()


def test_a_copy_whose_end_nobody_would_tell_is_ended(start: Start) -> None:
    """The process that waits for it is killed: it must not go on beside its successor."""
    worker = start("sleep")
    keeper = int(Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(keeper, signal.SIGKILL)
    assert worker.wait(30) == -9
    for _ in range(600):
        if not Path(f"/proc/{worker.pid}").exists() or _state(worker.pid) == "Z":
            return
        time.sleep(0.05)
    pytest.fail("the worker goes on")


def test_a_large_environment_arrives_whole(start: Start) -> None:
    """A template may give a function kilobytes."""
    assert start("handler", LONG=LONG).wait(30) == 0


def test_a_nursery_that_ended_is_replaced(path: tuple[str, str]) -> None:
    """The next sandbox of the process must not fail for it."""
    first = module.nursery(sys.executable, path, {})
    assert module.nursery(sys.executable, path, {}) is first
    first.close()
    second = module.nursery(sys.executable, path, {})
    try:
        assert second is not first
        assert second.start("handler", path[0], path, {}).wait(30) == 0
    finally:
        second.close()


def test_a_nursery_ends_with_the_process_that_made_it(path: tuple[str, str]) -> None:
    """Killed without a chance to tidy up, that leaves no process behind."""
    code = f"""
import os, sys
from guardrail_sandbox.nursery import Nursery
made = Nursery(sys.executable, {path!r}, {{}})
made.start("handler", {path[0]!r}, {path!r}, {{}}).wait(60)
print(made._process.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    tools = str(Path(module.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": tools},
        capture_output=True,
        check=False,
    )
    pid = int(done.stdout)
    for _ in range(600):
        if not Path(f"/proc/{pid}").exists() or "Z" in _state(pid):
            return
        time.sleep(0.05)
    pytest.fail(f"process {pid} is left")


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]

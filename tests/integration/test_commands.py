"""`demo` and `serve` as a person starts them: output, exit status, what they leave behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from guardrail_sandbox.sandbox import ROOT


def command(*arguments: str) -> list[str]:
    """Return the command line of the sandbox."""
    return [sys.executable, "-m", "guardrail_sandbox", *arguments]


def environment(**extra: str) -> dict[str, str]:
    """Return an environment with a developer's settings in it that must not matter."""
    return {
        "PATH": os.defpath,
        "HOME": os.environ.get("HOME", "/"),
        "PYTHONPATH": os.pathsep.join((str(ROOT / "tools"), str(ROOT / "src"))),
        "AWS_PROFILE": "does-not-exist",
        "AWS_REGION": "eu-central-1",
        "TABLE_NAME": "another-table",
        "MODE": "observe",
        **extra,
    }


def run(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the sandbox to its end."""
    return subprocess.run(
        command(*arguments),
        env=environment(**extra),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def workers_of(process: subprocess.Popen[str]) -> set[Path]:
    """Return the processes that this one started (Linux only, else none)."""
    return {
        folder
        for folder in Path("/proc").glob("[0-9]*")
        if f"PPid:\t{process.pid}\n" in _status(folder)
    }


def _status(folder: Path) -> str:
    try:
        return (folder / "status").read_text()
    except OSError:
        return ""


@pytest.fixture
def served(artifact: Path) -> Iterator[subprocess.Popen[str]]:
    """Start `serve` on a free port, and make sure that it ends."""
    process = subprocess.Popen(
        command("serve", "--port", "0", "--artifact", str(artifact)),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def url_of(process: subprocess.Popen[str]) -> str:
    """Wait for the line that says where it serves."""
    assert process.stdout is not None
    line = process.stdout.readline()
    match = re.fullmatch(r"ready (http://127\.0\.0\.1:\d+)\n", line)
    assert match, line
    return match[1]


@pytest.fixture(scope="module")
def told(artifact: Path) -> str:
    """Play the demo into a pipe and return what it told."""
    done = run("demo", "--artifact", str(artifact), COLUMNS="40", NO_COLOR="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def test_the_demo_shows_each_act_and_counts_its_writes(told: str) -> None:
    """The whole story takes four writes: the guardrail's own events lead to no further one."""
    assert "4 writes by the guardrail" in told
    assert re.search(r"closed +vpce-\w+ stood open for [\d.]+ s: sandbox-user", told)
    assert "nothing written (0 EC2 writes)" in told


def test_piped_output_is_plain_text(told: str) -> None:
    """No colour and no line breaks by width where no terminal is."""
    assert "\x1b" not in told
    assert "…" not in told.replace("'{… Allow * * *}'", "")


def test_serve_says_when_it_is_ready_and_what_to_type(served: subprocess.Popen[str]) -> None:
    """The first line is the address, and something answers there."""
    url = url_of(served)
    assert served.stdout is not None
    client = boto3.client("ec2", endpoint_url=url, aws_access_key_id="a", aws_secret_access_key="b")
    assert client.describe_vpcs()["Vpcs"]
    guide = "".join(served.stdout.readline() for _ in range(12))
    assert f"export AWS_ENDPOINT_URL={url}" in guide
    assert "aws ec2 create-vpc" in guide


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_serve_and_its_workers(
    served: subprocess.Popen[str], number: signal.Signals
) -> None:
    """Ctrl-C leaves no process behind and is no failure."""
    url_of(served)
    workers = workers_of(served)
    served.send_signal(number)
    _, errors = served.communicate(timeout=20)
    assert served.returncode == 0
    assert errors == ""
    assert not any(folder.exists() for folder in workers)


def test_a_taken_port_is_said_and_exits_with_2(artifact: Path) -> None:
    """The message names the port and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("serve", "--port", str(port), "--artifact", str(artifact))
    assert done.returncode == 2
    assert f"port {port} of 127.0.0.1 is in use" in done.stderr
    assert "PORT=" in done.stderr


def test_a_missing_artifact_is_said_and_exits_with_2(tmp_path: Path) -> None:
    """The message says which command makes it."""
    done = run("serve", "--port", "0", "--artifact", str(tmp_path / "none"))
    assert done.returncode == 2
    assert "make build" in done.stderr


def test_an_unknown_parameter_is_said_and_exits_with_2(artifact: Path) -> None:
    """A slip in a parameter's name is no silent default."""
    done = run("serve", "--port", "0", "--artifact", str(artifact), "--parameter", "Mod=observe")
    assert done.returncode == 2
    assert "no parameter Mod" in done.stderr


def test_a_story_that_goes_wrong_fails_and_says_what_was_expected(
    artifact: Path, tmp_path: Path
) -> None:
    """With a function that does nothing, the demo ends with status 1, not with a success."""
    broken = tmp_path / "build"
    broken.mkdir()
    for folder in artifact.iterdir():
        if folder.is_dir() and folder.name != "VpcChange":
            (broken / folder.name).symlink_to(folder, target_is_directory=True)
    handlers = broken / "VpcChange" / "handlers"
    handlers.mkdir(parents=True)
    (handlers / "vpc_change.py").write_text("def handler(event, context):\n    print('asleep')\n")
    done = run("demo", "--artifact", str(broken))
    assert done.returncode == 1
    assert "expected: a decision waiting-for-subnets" in done.stdout
    assert "found:    no decision" in done.stdout
    assert "VpcChange: asleep" in done.stdout


def test_behaviours_lists_what_is_modelled() -> None:
    """Each name can be given to --without, each open question to --assume."""
    done = run("behaviours")
    assert done.returncode == 0
    assert re.search(r"^private-dns-conflicts +observed ", done.stdout, re.MULTILINE)
    assert "assume modify-pending=accepted|refused" in done.stdout


def test_a_misspelt_switch_is_named(artifact: Path) -> None:
    """With the names that there are, and the status of a usage error."""
    done = run("serve", "--port", "0", "--artifact", str(artifact), "--without", "moon")
    assert done.returncode == 2
    assert "no behaviour is called moon" in done.stderr
    assert "private-dns-conflicts" in done.stderr

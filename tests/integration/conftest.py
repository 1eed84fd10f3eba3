"""A running sandbox with the built artifact, and the stock AWS CLI against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from guardrail_sandbox.isolation import isolate

isolate()
pytest.register_assert_rewrite("owned_network", "provisioning")

from driven import SETTLE, Start  # noqa: E402  moto reads the environment on import
from scenes import Cli  # noqa: E402

from guardrail_sandbox.clock import DrivenClock  # noqa: E402
from guardrail_sandbox.ec2.behaviour import AWS_PACE  # noqa: E402
from guardrail_sandbox.sandbox import ROOT, Sandbox  # noqa: E402

ARTIFACT = ROOT / ".aws-sam" / "build"


@pytest.fixture(scope="session")
def artifact() -> Path:
    """Return the folder that `sam build` wrote."""
    if not (ARTIFACT / "VpcChange").is_dir():
        pytest.skip("no built artifact: run `make build`")
    return ARTIFACT


@pytest.fixture(scope="module")
def sandbox(artifact: Path) -> Iterator[Sandbox]:
    """Start one for each module: moto's state belongs to the process, other tests reset it."""
    with Sandbox(artifact=artifact) as running:
        running.settle()
        yield running


@pytest.fixture
def start(artifact: Path) -> Iterator[Start]:
    """Return what starts a sandbox; its reads lag by so many seconds, if asked."""
    with ExitStack() as stack:

        def start(*, read_lag: float = 0, settle: int = SETTLE, **more: Any) -> Sandbox:
            sandbox = Sandbox(
                artifact=artifact,
                clock=DrivenClock(),
                pace=replace(AWS_PACE, read_lag=read_lag),
                parameters={"SettleSeconds": str(settle), **more.pop("parameters", {})},
                **more,
            )
            running = stack.enter_context(sandbox)
            running.settle()
            return running

        yield start


@pytest.fixture(scope="module")
def aws(sandbox: Sandbox) -> Cli:
    """Run the stock AWS CLI and return what it prints, parsed."""
    command = Path(sys.executable).parent / "aws"
    if not command.exists():
        pytest.skip("the AWS CLI is not installed")
    environment = {
        "PATH": os.defpath,
        "HOME": os.devnull,
        "AWS_ENDPOINT_URL": sandbox.url,
        "AWS_DEFAULT_REGION": sandbox.region,
        "AWS_ACCESS_KEY_ID": "typed-by-hand",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_PAGER": "",
    }

    def run(*arguments: str) -> Any:
        done = subprocess.run(
            [sys.executable, str(command), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        # `deploy` reports its progress in words.
        answer = done.stdout.strip()
        return json.loads(answer) if answer.startswith(("{", "[")) else answer or None

    return run

"""What runs in the sandbox is what would ship."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from guardrail_sandbox.launch import Launcher, find_interpreter
from guardrail_sandbox.sandbox import Sandbox

FUNCTIONS = ("VpcChange", "EndpointChange", "Yielding", "Sweep")


@pytest.mark.parametrize("module", ["boto3", "botocore", "aws_lambda_powertools", "guardrail"])
def test_modules_come_from_the_artifact(
    sandbox: Sandbox, artifact: Path, tmp_path: Path, module: str
) -> None:
    """Each package that the function uses is the one that was built in, not the tools'."""
    launcher = Launcher(find_interpreter(), artifact, tmp_path, sandbox.url, sandbox.region)
    launcher.prepare()
    spec = sandbox.function("VpcChange")
    done = subprocess.run(
        [launcher.interpreter.path, "-s", "-S", "-c", f"import {module}; print({module}.__file__)"],
        env=launcher.environment(spec, "127.0.0.1:1"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()).is_relative_to(artifact / "VpcChange")


def test_every_rule_and_schedule_of_the_template_has_a_function(sandbox: Sandbox) -> None:
    """All targets that were deployed are functions which run here."""
    events, scheduler = sandbox.client("events"), sandbox.client("scheduler")
    rules = [rule["Name"] for rule in events.list_rules()["Rules"]]
    targets = [t["Arn"] for r in rules for t in events.list_targets_by_rule(Rule=r)["Targets"]]
    schedules = scheduler.list_schedules()["Schedules"]
    arns = {sandbox.function(name).arn for name in FUNCTIONS}
    assert {*targets, *(schedule["Target"]["Arn"] for schedule in schedules)} == arns


def test_failures_of_every_function_have_a_destination(sandbox: Sandbox) -> None:
    """Nothing is lost: each function has the stack's queue for what it gives up on."""
    (queue,) = sandbox.stack.queue_arns()
    for name in FUNCTIONS:
        assert sandbox.function(name).asynchronous.on_failure_arn == queue

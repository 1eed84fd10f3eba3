"""What cannot be delivered or done ends in the dead-letter queue with its cause."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from scenes import build_vpc

from guardrail_sandbox.sandbox import DeadLetter, Sandbox


@pytest.fixture
def sandbox(artifact: Path) -> Iterator[Sandbox]:
    """Start a sandbox for each test: they break it."""
    with Sandbox(artifact=artifact) as running:
        running.settle()
        yield running


def codes(letters: list[DeadLetter]) -> set[str]:
    """Return the error codes that EventBridge set."""
    return {letter.attributes.get("ERROR_CODE", "") for letter in letters}


def test_an_event_that_may_not_invoke_its_target_is_kept(sandbox: Sandbox) -> None:
    """Without the permission, EventBridge writes the event and why to the rule's queue."""
    _remove_permissions(sandbox, "VpcChange")
    build_vpc(sandbox, "10.0")
    sandbox.settle()
    letters = sandbox.dead_letters()
    assert {letter.body["detail"]["eventName"] for letter in letters} == {
        "CreateVpc",
        "CreateSubnet",
        "ModifyVpcAttribute",
    }
    assert codes(letters) == {"NO_PERMISSIONS"}
    assert all(":rule/" in letter.attributes["RULE_ARN"] for letter in letters)
    assert all(":function:" in letter.attributes["TARGET_ARN"] for letter in letters)


def test_an_event_for_a_deleted_function_is_kept(sandbox: Sandbox) -> None:
    """A target that is gone is no reason to drop an event."""
    name = sandbox.function("VpcChange").name
    sandbox.client("lambda").delete_function(FunctionName=name)
    sandbox.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")
    sandbox.settle()
    assert codes(sandbox.dead_letters()) == {"NO_RESOURCE"}


def test_an_event_that_a_function_gave_up_on_is_kept(sandbox: Sandbox) -> None:
    """A function that has lost its table fails; the event and the error can be read."""
    table = sandbox.function("VpcChange").environment["TABLE_NAME"]
    sandbox.client("dynamodb").delete_table(TableName=table)
    vpc_id = sandbox.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    sandbox.settle()
    (letter,) = sandbox.dead_letters()
    assert letter.body["requestPayload"]["detail"]["eventName"] == "CreateVpc"
    assert letter.body["requestContext"]["condition"] in {"RetriesExhausted", "NotRetried"}
    assert vpc_id in str(letter.body["requestPayload"])


def _remove_permissions(sandbox: Sandbox, logical_id: str) -> None:
    client, name = sandbox.client("lambda"), sandbox.function(logical_id).name
    for statement in json.loads(client.get_policy(FunctionName=name)["Policy"])["Statement"]:
        client.remove_permission(FunctionName=name, StatementId=statement["Sid"])

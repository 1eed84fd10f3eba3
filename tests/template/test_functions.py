"""The functions as deployed: runtime, handler, failures, logs, and what they cost idle."""

from __future__ import annotations

import importlib
import json
import tomllib

import pytest
from stack_template import FUNCTIONS, ROOT, template

from guardrail_cli.org.proof import TABLE

WITHOUT_FIXED_PRICE = {
    "AWS::DynamoDB::Table",
    "AWS::Events::Rule",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
    "AWS::Scheduler::ScheduleGroup",
}
QUEUE = {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}


def test_the_stack_has_the_functions_of_the_design() -> None:
    """No more and no fewer than the design names."""
    assert {name for name, _ in template().of_type("AWS::Lambda::Function")} == set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_handler_string_names_a_function_that_can_be_imported(name: str) -> None:
    """The handler of the template is a function of a module under src/."""
    module, _, function = template().properties(name)["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), function))


def test_runtime_and_minimum_are_both_stated() -> None:
    """Lambda runs Python 3.13 on arm64; the code asks for 3.11."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"].startswith(">=3.11")
    for name in FUNCTIONS:
        properties = template().properties(name)
        assert (properties["Runtime"], properties["Architectures"]) == ("python3.13", ["arm64"])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_function_gives_up_on_goes_to_the_dead_letter_queue(name: str) -> None:
    """Two more attempts, six hours at most, then the queue, which the role may send to."""
    configs = [p for _, p in template().of_type("AWS::Lambda::EventInvokeConfig")]
    (config,) = [c for c in configs if c["FunctionName"] == {"Ref": name}]
    assert config["DestinationConfig"]["OnFailure"]["Destination"] == QUEUE
    assert config["MaximumRetryAttempts"] == 2
    assert config["MaximumEventAgeInSeconds"] == 21600
    granted = template().statements(f"{name}Role")
    assert any(s["Action"] == "sqs:SendMessage" and s["Resource"] == QUEUE for s in granted)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_logs_to_a_group_that_forgets(name: str) -> None:
    """Each function has a log group of its own, with the retention of the parameter."""
    group = template().properties(name)["LoggingConfig"]["LogGroup"]["Ref"]
    assert template().properties(group)["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert group == f"{name}Logs"


def test_a_pause_leads_to_the_function_that_creates() -> None:
    """The others that begin one may not; without a name, it leads to the function itself."""
    for name in FUNCTIONS:
        named = template().properties(name)["Environment"]["Variables"].get("SETTLE_FUNCTION_ARN")
        wanted = {"Fn::GetAtt": ["VpcChange", "Arn"]} if name == "EndpointChange" else None
        assert named == wanted, name


def test_nothing_has_a_fixed_price() -> None:
    """Nothing is polled, provisioned or watched unless asked for: no alarm, key or queue reader."""
    made = [r for r in template().resources.values() if template().holds(r.get("Condition"), {})]
    assert {r["Type"] for r in made} <= WITHOUT_FIXED_PRICE
    table = template().properties("Records")
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert "SSESpecification" not in table
    queue = template().properties("DeadLetterQueue")
    assert queue["SqsManagedSseEnabled"] is True
    assert "KmsMasterKeyId" not in queue


def test_the_table_forgets_history_only_and_outlives_a_replacement() -> None:
    """Items expire by an attribute that history alone has; no table is lost with its stack.

    The removal of an organisation's stacks asks it, by its name in the template, what was made.
    """
    resource = template().resources[TABLE]
    expiry = resource["Properties"]["TimeToLiveSpecification"]
    assert expiry == {"AttributeName": "expires_at", "Enabled": True}
    assert resource["UpdateReplacePolicy"] == "Retain"
    assert resource["DeletionPolicy"] == "RetainExceptOnCreate"


def test_a_dead_letter_is_kept_for_two_weeks() -> None:
    """As long as SQS can keep it."""
    assert template().properties("DeadLetterQueue")["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_the_outputs_tell_what_deleting_the_stack_leaves_behind() -> None:
    """Commands that list endpoints and groups by tag, and what an endpoint goes on costing."""
    outputs = template().source["Outputs"]
    assert "$7.30" in outputs["LeftBehind"]["Description"]
    for name in ("LeftBehind", "LeftBehindGroups"):
        command = outputs[name]["Value"]["Fn::Sub"]
        assert "tag:sfn-endpoint-guardrail:managed-by,Values=${AWS::StackId}" in command
    named = json.dumps(outputs)
    for resource in (*FUNCTIONS, "DeadLetterQueue", "Records"):
        assert f'"Ref": "{resource}"' in named

"""The sandbox with an application that is not the guardrail: what it promises to any template."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from toy import caller_role, eventually, write_toy

from guardrail_sandbox.errors import SandboxError
from guardrail_sandbox.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Start a sandbox with the toy, in an environment that must not leak into it."""
    template, artifact = write_toy(tmp_path_factory.mktemp("toy"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_SESSION_TOKEN", "of the developer")
        patch.setenv("WORD", "of the developer")
        patch.setenv("UNRELATED", "of the developer")
        with Sandbox(template=template, artifact=artifact) as running:
            running.settle()
            yield running


def call(sandbox: Sandbox, **payload: Any) -> Any:
    """Invoke the toy and return its answer."""
    result = sandbox.invoke("Toy", payload)
    assert result is not None
    return result.json()


def called(sandbox: Sandbox, do: str) -> list[dict[str, Any]]:
    """Return the log lines of calls that were told to do this."""
    return [line for line in sandbox.logs if line.get("do") == do]


def emit(sandbox: Sandbox, **detail: Any) -> None:
    """Put an event of the toy's source on the bus."""
    entry = {"Source": "toy", "DetailType": "Toy", "Detail": json.dumps(detail)}
    answer = sandbox.client("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0


def test_the_environment_is_the_templates_and_nobody_elses(sandbox: Sandbox) -> None:
    """Variables come from the template and from Lambda, none from the developer."""
    seen = call(sandbox, do="look")["environment"]
    assert seen["WORD"] == "hello"
    assert seen["NAMES"] == "a+b"
    assert seen["GROUP_ARN"].endswith(f":schedule-group/{seen['GROUP']}")
    assert seen["AWS_ENDPOINT_URL"] == sandbox.url
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == sandbox.function("Toy").name
    assert "of the developer" not in seen.values()


def test_the_import_path_is_artifact_and_standard_library(sandbox: Sandbox) -> None:
    """The tools' own packages cannot be imported, so what is missing in the artifact shows."""
    answer = call(sandbox, do="import", module="boto3")
    assert answer["errorType"] == "ModuleNotFoundError"
    (loaded,) = [line for line in sandbox.logs if line["message"] == "loaded"][:1]
    assert not [entry for entry in loaded["path"] if "site-packages" in entry]


def test_the_artifact_is_left_as_it_was_built(sandbox: Sandbox) -> None:
    """Running writes no byte code into what would be shipped."""
    folder = Path(call(sandbox, do="look")["environment"]["LAMBDA_TASK_ROOT"])
    assert [path.name for path in folder.iterdir()] == ["toy_handler.py"]


def test_the_handler_knows_its_arn_and_its_time(sandbox: Sandbox) -> None:
    """The context carries the function's ARN and what is left of the time-out."""
    answer = call(sandbox, do="look")
    assert answer["arn"] == sandbox.function("Toy").arn
    assert 0 < answer["left_ms"] <= 1000


def test_a_worker_stays_warm(sandbox: Sandbox) -> None:
    """One process serves one invocation after the other."""
    assert call(sandbox, do="look")["pid"] == call(sandbox, do="look")["pid"]


def test_a_raised_error_has_lambdas_shape(sandbox: Sandbox) -> None:
    """The caller gets type and message."""
    assert call(sandbox, do="raise") == {"errorType": "RuntimeError", "errorMessage": "as told"}


def test_a_crash_is_an_error_and_the_worker_is_replaced(sandbox: Sandbox) -> None:
    """The next invocation finds a new process."""
    before = call(sandbox, do="look")["pid"]
    assert call(sandbox, do="exit")["errorType"] == "Runtime.ExitError"
    assert call(sandbox, do="look")["pid"] != before


def test_a_function_that_takes_too_long_is_killed(sandbox: Sandbox) -> None:
    """The template's time-out ends the process."""
    answer = call(sandbox, do="hang")
    assert answer["errorType"] == "Sandbox.Timedout"
    assert "timed out after 1.00 seconds" in answer["errorMessage"]
    assert call(sandbox, do="look")["do"] == "look"


def test_a_matching_event_reaches_the_function_once(sandbox: Sandbox) -> None:
    """The deployed rule decides what is delivered."""
    emit(sandbox, wanted=True, do="match")
    emit(sandbox, wanted=False, do="no match")
    sandbox.settle()
    assert len(called(sandbox, "match")) == 1
    assert called(sandbox, "no match") == []


def test_a_failing_event_is_tried_again_and_then_kept(sandbox: Sandbox) -> None:
    """One retry as the template says, same request id, then the record of the failure."""
    emit(sandbox, wanted=True, do="raise")
    sandbox.settle()
    lines = called(sandbox, "raise")[-2:]
    letter = sandbox.dead_letters()[-1].body
    assert len({line["request_id"] for line in lines}) == 1
    assert letter["requestContext"]["requestId"] == lines[0]["request_id"]
    assert letter["requestContext"]["condition"] == "RetriesExhausted"
    assert letter["requestContext"]["approximateInvokeCount"] == 2
    assert letter["requestPayload"]["detail"]["do"] == "raise"
    assert letter["responsePayload"]["errorMessage"] == "as told"


def test_an_event_from_aws_cannot_be_put_by_hand(sandbox: Sandbox) -> None:
    """PutEvents refuses sources that begin with `aws.`."""
    entry = {"Source": "aws.ec2", "DetailType": "x", "Detail": "{}"}
    answer = sandbox.client("events").put_events(Entries=[entry])
    assert answer["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"


def test_the_rate_fired_at_once_and_only_once(sandbox: Sandbox) -> None:
    """A recurring schedule begins right after deployment, with its input."""
    assert len(called(sandbox, "tick")) == 1


def test_a_one_off_schedule_fires_and_goes(sandbox: Sandbox) -> None:
    """A schedule of the past fires now, and is deleted as it asked."""
    spec, scheduler = sandbox.function("Toy"), sandbox.client("scheduler")
    scheduler.create_schedule(
        Name="once",
        GroupName=spec.environment["GROUP"],
        ScheduleExpression="at(2026-01-01T00:00:00)",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={"Arn": spec.arn, "RoleArn": caller_role(sandbox), "Input": '{"do": "once"}'},
    )
    sandbox.settle()
    names = [schedule["Name"] for schedule in scheduler.list_schedules()["Schedules"]]
    assert len(called(sandbox, "once")) == 1
    assert "once" not in names


def test_what_moto_skips_is_there_nevertheless(sandbox: Sandbox) -> None:
    """Schedule, group, queue policy and time to live come from the template, too."""
    spec = sandbox.function("Toy")
    tick = sandbox.client("scheduler").get_schedule(Name="tick")
    (queue,) = sandbox.client("sqs").list_queues()["QueueUrls"]
    attributes = sandbox.client("sqs").get_queue_attributes(
        QueueUrl=queue, AttributeNames=["Policy"]
    )["Attributes"]
    (table,) = sandbox.client("dynamodb").list_tables()["TableNames"]
    live = sandbox.client("dynamodb").describe_time_to_live(TableName=table)
    assert tick["Target"]["Arn"] == spec.arn
    assert tick["FlexibleTimeWindow"]["MaximumWindowInMinutes"] == 15
    assert "events.amazonaws.com" in attributes["Policy"]
    assert live["TimeToLiveDescription"]["AttributeName"] == "gone_at"


def test_a_call_of_ec2_becomes_a_record_of_who_made_it(sandbox: Sandbox) -> None:
    """Ordinary callers are a user, and their writes are not the functions'."""
    sandbox.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")
    sandbox.settle()
    assert sandbox.records[-1]["userIdentity"]["userName"] == "sandbox-user"
    assert sandbox.writes(by_guardrail=False)[-1]["eventName"] == "CreateVpc"
    assert sandbox.writes() == []


def test_an_update_changes_parameters_and_keeps_the_rest(sandbox: Sandbox) -> None:
    """A new deployment restarts the workers with the new environment; resources stay."""
    before = sandbox.client("dynamodb").list_tables()["TableNames"]
    sandbox.update({"Word": "changed", "Again": "no"})
    assert call(sandbox, do="look")["environment"]["WORD"] == "changed"
    assert sandbox.function("Toy").asynchronous.maximum_retries == 0
    assert sandbox.client("dynamodb").list_tables()["TableNames"] == before


def test_an_unknown_function_is_said(sandbox: Sandbox) -> None:
    """A slip in a name is an error that names it."""
    with pytest.raises(SandboxError, match="no function Tyo"):
        sandbox.function("Tyo")


@pytest.mark.parametrize(
    "handler", ["import nothing_of_that_name", "def other(): pass", "raise SystemExit(3)"]
)
def test_a_function_that_cannot_load_is_said_with_its_output(tmp_path: Path, handler: str) -> None:
    """Starting fails with the function's name and the reason, and leaves nothing running."""
    template, artifact = write_toy(tmp_path, handler)
    with (
        pytest.raises(SandboxError, match="function Toy did not start"),
        Sandbox(template=template, artifact=artifact),
    ):
        pytest.fail("it started")


def test_settle_says_what_is_still_in_flight(tmp_path: Path) -> None:
    """A sandbox that does not come to rest tells why."""
    template, artifact = write_toy(tmp_path)
    with Sandbox(template=template, artifact=artifact) as sandbox:
        sandbox.invoke_later("Toy", {"do": "hang"})
        with pytest.raises(SandboxError, match="invocations of Toy"):
            sandbox.settle(timeout=0.1)


def test_all_workers_end_with_the_sandbox(tmp_path: Path) -> None:
    """No process is left, not even one that hangs."""
    template, artifact = write_toy(tmp_path)
    with Sandbox(template=template, artifact=artifact) as sandbox:
        pid = call(sandbox, do="look")["pid"]
        sandbox.invoke_later("Toy", {"do": "hang"})
    assert eventually(lambda: not _runs(pid))


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return sys.platform != "win32"


def test_a_template_that_cannot_be_deployed_is_said(tmp_path: Path) -> None:
    """The cause comes as a message, not as a page of moto's."""
    template, artifact = write_toy(tmp_path)
    text = template.read_text()
    template.write_text(text.replace("!GetAtt Queue.Arn", "!GetAtt Nowhere.Arn"))
    with (
        pytest.raises(SandboxError, match="refused the template"),
        Sandbox(template=template, artifact=artifact),
    ):
        pytest.fail("it started")


def test_a_call_in_another_region_is_recorded_and_not_delivered(tmp_path: Path) -> None:
    """The bus belongs to a region, so rules elsewhere do not see the event."""
    template, artifact = write_toy(tmp_path)
    template.write_text(template.read_text().replace("source: [toy]", "source: [aws.ec2]"))
    template.write_text(template.read_text().replace("wanted: [true]", "eventName: [CreateVpc]"))
    with Sandbox(template=template, artifact=artifact) as running:
        running.client("ec2", region="eu-west-1").create_vpc(CidrBlock="10.0.0.0/16")
        running.settle()
        assert len(called_with_no_order(running)) == 0
        running.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")
        running.settle()
        assert len(called_with_no_order(running)) == 1
        assert len(running.records) == 2


def called_with_no_order(running: Sandbox) -> list[dict[str, Any]]:
    """Return the calls that were told nothing: those of events from EC2."""
    return [line for line in running.logs if line["message"] == "called" and line["do"] is None]

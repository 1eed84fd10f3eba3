"""A sandbox whose time a test drives: hours of retries and schedules, without waiting for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from toy import caller_role, write_toy

from guardrail_sandbox.clock import DrivenClock
from guardrail_sandbox.errors import SandboxError
from guardrail_sandbox.sandbox import DeadLetter, Sandbox

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
MINUTE, HOUR = 60.0, 3600.0
CALLER = "arn:aws:iam::123456789012:role/caller"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Start one sandbox for all: each test looks at what is new."""
    template, artifact = write_toy(tmp_path_factory.mktemp("driven"))
    text = template.read_text().replace("[Tries, 1, 0]", "[Tries, 2, 0]")
    policy = "RetryPolicy: { MaximumRetryAttempts: 2 }"
    template.write_text(text.replace("Pattern: {", f"{policy}\n            Pattern: {{"))
    with Sandbox(template=template, artifact=artifact, clock=DrivenClock(START)) as sandbox:
        sandbox.settle()
        caller_role(sandbox)
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """Forget the dead letters of the test before."""
    sqs = running.client("sqs")
    (url,) = sqs.list_queues()["QueueUrls"]
    for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return running


def called(sandbox: Sandbox, do: str) -> list[datetime]:
    """Return when the toy was told to do this."""
    return [entry.at for entry in sandbox.journal.logged() if entry.fields.get("do") == do]


def emit(sandbox: Sandbox, do: str) -> None:
    """Put an event on the bus that the toy's rule matches."""
    detail = json.dumps({"wanted": True, "do": do})
    sandbox.client("events").put_events(
        Entries=[{"Source": "toy", "DetailType": "Toy", "Detail": detail}]
    )
    sandbox.settle()


def schedule(sandbox: Sandbox, name: str, expression: str, **changes: Any) -> None:
    """Store a schedule that calls the toy by its name."""
    spec = sandbox.function("Toy")
    target = {"Arn": spec.arn, "RoleArn": CALLER, "Input": json.dumps({"do": name})}
    (queue,) = sandbox.stack.queue_arns()
    sandbox.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=expression,
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={**target, "DeadLetterConfig": {"Arn": queue}, **changes.pop("Target", {})},
        **changes,
    )
    sandbox.settle()


def letter_of(sandbox: Sandbox) -> DeadLetter:
    """Return the one message in the queue."""
    (letter,) = sandbox.dead_letters()
    return letter


def at(moment: datetime) -> str:
    """Return a one-off expression."""
    return f"at({moment:%Y-%m-%dT%H:%M:%S})"


def test_a_failing_function_is_tried_again_after_one_and_two_minutes(sandbox: Sandbox) -> None:
    """Then its event is in the queue, with the number of attempts."""
    before = sandbox.clock.now()
    emit(sandbox, "raise")
    assert called(sandbox, "raise") == [before]
    sandbox.advance(MINUTE - 1)
    assert len(called(sandbox, "raise")) == 1
    sandbox.advance(10 * MINUTE)
    waits = [(moment - before).total_seconds() for moment in called(sandbox, "raise")]
    assert waits == [0, 60, 180]
    context = letter_of(sandbox).body["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("RetriesExhausted", 3)


def test_a_function_that_takes_too_long_is_tried_again(sandbox: Sandbox) -> None:
    """A time-out is an error like any other; it runs in real time, as the process does."""
    emit(sandbox, "hang")
    sandbox.advance(10 * MINUTE)
    assert len(called(sandbox, "hang")) == 3
    letter = letter_of(sandbox)
    assert letter.body["requestContext"]["approximateInvokeCount"] == 3
    assert letter.body["responsePayload"]["errorType"] == "Sandbox.Timedout"


def test_a_throttled_target_gets_the_event_later(sandbox: Sandbox) -> None:
    """The rule's retries are seconds apart at first."""
    sandbox.refuse("Toy", 2)
    emit(sandbox, "later")
    assert called(sandbox, "later") == []
    before = sandbox.clock.now()
    sandbox.advance(MINUTE)
    assert called(sandbox, "later") == [before + timedelta(seconds=3)]


def test_an_event_for_a_target_that_stays_throttled_is_kept(sandbox: Sandbox) -> None:
    """The rule's own retry policy decides when, the message says why."""
    sandbox.refuse("Toy", 3)
    emit(sandbox, "never")
    sandbox.advance(HOUR)
    letter = letter_of(sandbox)
    assert called(sandbox, "never") == []
    assert letter.body["detail"]["do"] == "never"
    assert letter.attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert letter.attributes["RETRY_ATTEMPTS"] == "2"


def test_a_disabled_rule_delivers_nothing(sandbox: Sandbox) -> None:
    """Enabled again, it delivers what comes then, and nothing of what was."""
    events = sandbox.client("events")
    (rule,) = events.list_rules()["Rules"]
    events.disable_rule(Name=rule["Name"])
    emit(sandbox, "disabled")
    events.enable_rule(Name=rule["Name"])
    emit(sandbox, "enabled")
    assert called(sandbox, "disabled") == []
    assert len(called(sandbox, "enabled")) == 1


def test_a_pattern_that_aws_refuses_is_refused(sandbox: Sandbox) -> None:
    """With EventBridge's own code, and the reason."""
    events, pattern = sandbox.client("events"), json.dumps({"a": [{"contains": "b"}]})
    with pytest.raises(ClientError, match="unrecognized match type contains") as caught:
        events.put_rule(Name="bad", EventPattern=pattern)
    assert caught.value.response["Error"]["Code"] == "InvalidEventPatternException"
    assert "bad" not in [rule["Name"] for rule in events.list_rules()["Rules"]]


def test_a_pattern_can_be_tried(sandbox: Sandbox) -> None:
    """TestEventPattern judges as the rules do."""
    events = sandbox.client("events")
    event = json.dumps({"source": "toy", "detail": {"count": 1}})
    for value, expected in ((1, True), (True, False)):
        pattern = json.dumps({"detail": {"count": [value]}})
        assert events.test_event_pattern(EventPattern=pattern, Event=event)["Result"] is expected


def test_a_one_off_fires_at_its_time_and_goes(sandbox: Sandbox) -> None:
    """Not a second earlier."""
    due = sandbox.clock.now() + timedelta(hours=1)
    schedule(sandbox, "once", at(due), ActionAfterCompletion="DELETE")
    sandbox.advance(HOUR - 1)
    assert called(sandbox, "once") == []
    sandbox.advance(1)
    names = [one["Name"] for one in sandbox.client("scheduler").list_schedules()["Schedules"]]
    assert called(sandbox, "once") == [due]
    assert "once" not in names


def test_a_one_off_that_was_put_off_fires_at_the_new_time_only(sandbox: Sandbox) -> None:
    """As settling does with each further change."""
    spec, first = sandbox.function("Toy"), sandbox.clock.now() + timedelta(minutes=5)
    schedule(sandbox, "moved", at(first), ActionAfterCompletion="DELETE")
    sandbox.client("scheduler").update_schedule(
        Name="moved",
        ScheduleExpression=at(first + timedelta(minutes=5)),
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={"Arn": spec.arn, "RoleArn": CALLER, "Input": '{"do": "moved"}'},
    )
    sandbox.advance(30 * MINUTE)
    assert called(sandbox, "moved") == [first + timedelta(minutes=5)]


def test_a_rate_fires_at_once_and_then_by_its_rate(sandbox: Sandbox) -> None:
    """Each at its own moment, although the clock was driven in one step."""
    start = sandbox.clock.now()
    schedule(sandbox, "often", "rate(10 minutes)")
    sandbox.advance(35 * MINUTE)
    sandbox.client("scheduler").delete_schedule(Name="often")
    sandbox.advance(35 * MINUTE)
    waits = [(moment - start).total_seconds() / MINUTE for moment in called(sandbox, "often")]
    assert waits == [0, 10, 20, 30]


def test_a_cron_fires_at_its_times(sandbox: Sandbox) -> None:
    """In its own time zone."""
    schedule(sandbox, "daily", "cron(30 9 * * ? *)", ScheduleExpressionTimezone="Asia/Tokyo")
    sandbox.advance(48 * HOUR)
    sandbox.client("scheduler").delete_schedule(Name="daily")
    assert [f"{moment:%H:%M}" for moment in called(sandbox, "daily")] == ["00:30", "00:30"]


def test_a_schedule_for_a_throttled_target_is_tried_again(sandbox: Sandbox) -> None:
    """As its own retry policy says; what was given up is kept with when it was due."""
    due = sandbox.clock.now() + timedelta(minutes=1)
    sandbox.refuse("Toy", 4)
    policy = {"RetryPolicy": {"MaximumRetryAttempts": 3}}
    schedule(sandbox, "kept", at(due), ActionAfterCompletion="DELETE", Target=policy)
    sandbox.advance(HOUR)
    letter = letter_of(sandbox)
    assert called(sandbox, "kept") == []
    assert letter.body == {"do": "kept"}
    assert letter.attributes["SCHEDULED_TIME"] == f"{due:%Y-%m-%dT%H:%M:%SZ}"
    assert letter.attributes["SCHEDULE_ARN"].endswith("/kept")
    assert letter.attributes["RETRY_ATTEMPTS"] == "3"


def test_a_schedule_for_a_function_that_is_not_there_is_kept_at_once(sandbox: Sandbox) -> None:
    """No retry can mend that."""
    arn = sandbox.function("Toy").arn + "-gone"
    now = sandbox.clock.now()
    schedule(sandbox, "lost", at(now), ActionAfterCompletion="DELETE", Target={"Arn": arn})
    letter = letter_of(sandbox)
    assert letter.attributes["ERROR_CODE"] == "ResourceNotFoundException"
    assert letter.attributes["TARGET_ARN"] == arn


def test_records_have_the_driven_time(sandbox: Sandbox) -> None:
    """What CloudTrail writes fits to what the test did."""
    sandbox.advance(HOUR)
    sandbox.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")
    assert sandbox.wait_until(lambda: sandbox.records)
    assert sandbox.records[-1]["eventTime"] == f"{sandbox.clock.now():%Y-%m-%dT%H:%M:%SZ}"


def times(sandbox: Sandbox) -> Any:
    """Return what the toy sees of the time."""
    result = sandbox.invoke("Toy", {"do": "times"})
    assert result is not None
    assert not result.failed, result.json()
    return result.json()


def test_a_function_sees_the_driven_time(sandbox: Sandbox) -> None:
    """Whichever way it looks; and a day later, in the same process, that of a day later."""
    for hours in (0, 24):
        sandbox.advance(hours * HOUR)
        seen, now = times(sandbox), sandbox.clock.now()
        assert seen["now"] == now.isoformat()
        assert set(seen["looks"].values()) == {f"{now:%Y-%m-%dT%H:%M:%S}"}
        assert seen["date"] == f"{now:%Y-%m-%d}"


def test_a_function_is_loaded_at_the_driven_time(sandbox: Sandbox) -> None:
    """What a module keeps of the moment of its import is not the machine's time."""
    assert START <= datetime.fromisoformat(times(sandbox)["loaded_at"]) <= sandbox.clock.now()


def test_the_driven_datetime_passes_for_the_real_one(sandbox: Sandbox) -> None:
    """Functions find no trace of the replacement in classes and environment."""
    seen = times(sandbox)
    assert seen["is_datetime"]
    assert seen["class"] == "<class 'datetime.datetime'>"
    assert not [name for name in seen["variables"] if "SANDBOX" in name]


def test_the_time_left_to_a_function_is_the_machines(sandbox: Sandbox) -> None:
    """The time-out is real, so what is left of it becomes less while the clock stands."""
    assert times(sandbox)["passed_ms"] > 0


def test_a_real_clock_does_not_advance(tmp_path: Path) -> None:
    """The error says how to get one that does."""
    with pytest.raises(SandboxError, match="driven"):
        Sandbox(artifact=tmp_path).advance(1)

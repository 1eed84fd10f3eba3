"""What the built functions remember, restore and tell, on the local AWS in driven time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from driven import DUE, SWEEP, Start, causes, is_bound
from scenes import COMPLIANT_POLICY, OPEN_POLICY, build_vpc, endpoints_of, policy_of
from typer.testing import CliRunner

from guardrail_cli.main import app
from guardrail_sandbox.ec2.behaviour import AWS_PACE
from guardrail_sandbox.sandbox import Sandbox
from support.telling import check_event

pytestmark = pytest.mark.timeout(600)
RUN = CliRunner()
STACK = "sfn-endpoint-guardrail"


class Listener:
    """Everything that is told of: events by a rule, messages by a subscription."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sqs = sandbox.client("sqs")
        self._sandbox = sandbox
        self._events = self._queue("events")
        rule = {"source": ["sfn-endpoint-guardrail"]}
        events = sandbox.client("events")
        events.put_rule(Name="told", EventPattern=json.dumps(rule))
        events.put_targets(Rule="told", Targets=[{"Id": "q", "Arn": self._arn("events")}])

    def subscribe(self, topic_arn: str) -> str:
        """Receive what is published on the topic; return the queue's address."""
        url = self._queue("messages")
        self._sandbox.client("sns").subscribe(
            TopicArn=topic_arn, Protocol="sqs", Endpoint=self._arn("messages")
        )
        return url

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the detail-types and details since the last time, each checked by the schema."""
        told = [json.loads(body) for body in self._bodies(self._events)]
        for event in told:
            check_event(event["detail-type"], event["detail"])
        return [(event["detail-type"], event["detail"]) for event in told]

    def messages(self, url: str) -> list[dict[str, Any]]:
        """Return what was published since the last time."""
        return [json.loads(body) for body in self._bodies(url)]

    def _bodies(self, url: str) -> Iterator[str]:
        while found := self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
            "Messages", []
        ):
            for message in found:
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                yield message["Body"]

    def _queue(self, name: str) -> str:
        everybody = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "sqs:SendMessage",
            "Resource": self._arn(name),
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [everybody]})
        made = self._sqs.create_queue(QueueName=name, Attributes={"Policy": policy})
        return str(made["QueueUrl"])

    def _arn(self, name: str) -> str:
        return f"arn:aws:sqs:{self._sandbox.region}:123456789012:{name}"


@contextmanager
def commands_at(sandbox: Sandbox) -> Iterator[None]:
    """Let commands speak to the local AWS, as the guide of `serve` says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", sandbox.url)
        patch.setenv("AWS_DEFAULT_REGION", sandbox.region)
        patch.setenv("AWS_ACCESS_KEY_ID", "typed-by-hand")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
        yield


def covered(sandbox: Sandbox, block: str = "10.0") -> Any:
    """Make a VPC and return the endpoint that the guardrail made in it, available."""
    vpc_id = build_vpc(sandbox, block)
    sandbox.advance(DUE + AWS_PACE.pending)
    (endpoint,) = endpoints_of(sandbox, vpc_id)
    return endpoint


def write(sandbox: Sandbox, endpoint: Any, policy: str) -> Any:
    """Write a policy as the owner; return the endpoint when everything has run."""
    sandbox.client("ec2").modify_vpc_endpoint(
        VpcEndpointId=endpoint["VpcEndpointId"], PolicyDocument=policy
    )
    sandbox.settle()
    (now,) = endpoints_of(sandbox, endpoint["VpcId"])
    return now


def run(*arguments: str) -> Any:
    """Run a command that succeeds; return what it printed."""
    result = RUN.invoke(app, [*arguments, "--stack-name", STACK])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_stricter_policy_is_restored_told_of_and_found_in_the_history(start: Start) -> None:
    """Event, history with both policies; what it replaced cannot be restored, what it wrote can."""
    sandbox = start()
    listener, endpoint = Listener(sandbox), covered(sandbox)
    endpoint_id = endpoint["VpcEndpointId"]
    write(sandbox, endpoint, COMPLIANT_POLICY)
    listener.events()
    sandbox.advance(1)
    assert policy_of(write(sandbox, endpoint, OPEN_POLICY)) == json.loads(COMPLIANT_POLICY)
    ((kind, detail),) = listener.events()
    assert kind == "Policy Reverted"
    assert (detail["policy"]["origin"], detail["endpoint_id"]) == ("last-compliant", endpoint_id)
    assert detail["verified"]
    with commands_at(sandbox):
        (record,) = map(json.loads, run("history", endpoint_id, "--format", "json").splitlines())
        assert json.loads(record["policy_before"]) == json.loads(OPEN_POLICY)
        assert record["record"] == detail["record"]
        assert "verified" in run("history")
        refused = RUN.invoke(
            app,
            ["restore", endpoint_id, "--record", record["record"], "--stack-name", STACK, "--yes"],
        )
        assert refused.exit_code == 1
    assert policy_of(endpoints_of(sandbox, endpoint["VpcId"])[0]) == json.loads(COMPLIANT_POLICY)


def test_a_policy_that_complies_by_now_is_restored(start: Start) -> None:
    """It was replaced under a narrower baseline; the record still has it."""
    sandbox = start()
    endpoint = covered(sandbox)
    write(sandbox, endpoint, OPEN_POLICY)
    with commands_at(sandbox):
        (record,) = map(json.loads, run("history", "--format", "json").splitlines())
        key = {
            "pk": {"S": f"endpoint#{endpoint['VpcEndpointId']}"},
            "sk": {"S": f"revert#{record['record']}"},
        }
        sandbox.client("dynamodb").update_item(
            TableName=sandbox.stack.outputs()["Table"],
            Key=key,
            UpdateExpression="SET policy_before = :p",
            ExpressionAttributeValues={":p": {"S": COMPLIANT_POLICY}},
        )
        run("restore", endpoint["VpcEndpointId"], "--record", record["record"][:19], "--yes")
    sandbox.settle()
    (now,) = endpoints_of(sandbox, endpoint["VpcId"])
    assert policy_of(now) == json.loads(COMPLIANT_POLICY)


def test_messages_and_findings_come_where_they_were_asked_for(start: Start) -> None:
    """One message for three reverts, and after the hour one more with the count; one finding."""
    parameters = {"NotificationEmail": "team@example.com", "SecurityHub": "on"}
    sandbox = start(parameters=parameters)
    hub = sandbox.client("securityhub")
    hub.enable_security_hub()
    (topic,) = sandbox.client("sns").list_topics()["Topics"]
    listener = Listener(sandbox)
    inbox = listener.subscribe(topic["TopicArn"])
    endpoint = covered(sandbox)
    assert ["created" in m["Subject"] for m in listener.messages(inbox)] == [True]
    for _ in range(3):
        write(sandbox, endpoint, OPEN_POLICY)
        sandbox.advance(10)
    (message,) = listener.messages(inbox)
    assert "policy put back" in message["Subject"]
    assert "If this was wanted" in message["Message"]
    (finding,) = hub.get_findings()["Findings"]
    assert finding["Resources"][0]["Id"].endswith(endpoint["VpcEndpointId"])
    assert (finding["Compliance"]["Status"], finding["RecordState"]) == ("PASSED", "ARCHIVED")
    sandbox.advance(2 * SWEEP)
    (later,) = listener.messages(inbox)
    assert "2 more times" in later["Subject"]
    assert causes(sandbox) == []


def test_a_sweep_says_that_the_trail_was_stopped(start: Start) -> None:
    """And nothing when it logs again."""
    sandbox = start()
    listener, trail = Listener(sandbox), sandbox.client("cloudtrail")
    (known,) = trail.list_trails()["Trails"]
    trail.stop_logging(Name=known["TrailARN"])
    sandbox.invoke("Sweep", {})
    (event,) = listener.events()
    assert event[0] == "Sweep Finished"
    assert "no trail logs write management events" in event[1]["missing"][0]
    trail.start_logging(Name=known["TrailARN"])
    sandbox.invoke("Sweep", {})
    assert listener.events() == []


def test_an_attacker_on_one_endpoint_keeps_no_other_open(
    start: Start, record_property: Callable[[str, object], None]
) -> None:
    """Every 45 s for a quarter of an hour: contested, then spaced; the other is closed at once."""
    sandbox = start()
    listener, first, second = Listener(sandbox), covered(sandbox), covered(sandbox, "10.1")
    closed: list[bool] = []
    reverted_in_time: list[bool] = []
    for number in range(24):
        write(sandbox, first, OPEN_POLICY)
        for _ in range(3):
            closed.append(is_bound(endpoints_of(sandbox, first["VpcId"])[0]))
            sandbox.advance(15)
        if number in {8, 16, 23}:
            reverted_in_time.append(is_bound(write(sandbox, second, OPEN_POLICY)))
    sandbox.advance(60)
    share = sum(closed) / len(closed)
    record_property("told", f"the attacked endpoint was closed {share:.0%} of the time")
    assert share > 0.5
    assert reverted_in_time == [True, True, True]
    assert is_bound(endpoints_of(sandbox, first["VpcId"])[0])
    told = [kind for kind, _ in listener.events()]
    assert told.count("Endpoint Contested") == 2
    assert causes(sandbox) == []


def test_an_attacker_who_loops_does_not_drain_the_writes_of_the_account(
    start: Start, record_property: Callable[[str, object], None]
) -> None:
    """Every five seconds: with a revert each, the two take more than EC2 refills.

    Until the breaker opens the guardrail is throttled; from then on nobody is.
    """
    sandbox = start()
    first, second = covered(sandbox), covered(sandbox, "10.1")
    opened, reverts, refused = 0, [], []
    for number in range(48):
        opened += try_to_write(sandbox, first, OPEN_POLICY)
        sandbox.advance(5)
        if number in {30, 38, 46}:
            assert is_bound(write(sandbox, second, OPEN_POLICY))
            ours = policy_writes(sandbox, first)
            reverts.append(sum(not entry.failed for entry in ours))
            refused.append(len(ours) - reverts[-1])
    told = f"loosened {opened} times in 4 minutes, put back {reverts[-1]} times"
    record_property("told", told)
    assert opened > 40
    assert 11 <= reverts[-1] <= 15
    assert refused[0] == refused[-1] > 0
    assert reverts[-1] - reverts[0] <= 2


def try_to_write(sandbox: Sandbox, endpoint: Any, policy: str) -> bool:
    """Write a policy as somebody who does not mind being throttled; return whether it was taken."""
    try:
        write(sandbox, endpoint, policy)
    except ClientError as error:
        if error.response["Error"]["Code"] != "RequestLimitExceeded":
            raise
        return False
    return True


def policy_writes(sandbox: Sandbox, endpoint: Any) -> list[Any]:
    """Return the guardrail's attempts to write the policy of the endpoint, refused ones too."""
    return [
        entry
        for entry in sandbox.journal.recorded()
        if entry.by_guardrail
        and entry.record["eventName"] == "ModifyVpcEndpoint"
        and endpoint["VpcEndpointId"] in json.dumps(entry.record["requestParameters"])
    ]


def test_the_canary_measures_and_leaves_the_endpoint_as_it_was(artifact: object) -> None:
    """In real time: every run is put back, and the distribution is printed."""
    with Sandbox(artifact=artifact, parameters={"SettleSeconds": "1"}) as sandbox:  # type: ignore[arg-type]
        vpc_id = build_vpc(sandbox, "10.0")
        assert sandbox.wait_until(lambda: _available(sandbox, vpc_id), timeout=60)
        sandbox.settle()
        (before,) = endpoints_of(sandbox, vpc_id)
        begun = datetime.now(UTC)
        with commands_at(sandbox):
            printed = run("canary", vpc_id, "--runs", "2", "--pause", "1", "--yes")
            told = run("history", "--format", "json").splitlines()
        assert "run 2: heard after" in printed
        assert "in all" in printed
        assert len(told) == 2
        assert all(json.loads(line)["record"] >= begun.isoformat()[:19] for line in told)
        sandbox.settle()
        (after,) = endpoints_of(sandbox, vpc_id)
        assert policy_of(after) == policy_of(before)


def _available(sandbox: Sandbox, vpc_id: str) -> bool:
    return [e["State"] for e in endpoints_of(sandbox, vpc_id)] == ["available"]

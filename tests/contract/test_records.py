"""What reconciling relies on, stated about records and settling, on the fakes and on moto."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from guardrail.aws.dead_letters import DeadLetters
from guardrail.aws.records import DynamoRecords
from guardrail.aws.settling import ScheduledAgenda, ScheduledSettling, Schedules
from guardrail.core.memory import Cause, Central, Cession, Creation, VpcMemory, Yield
from guardrail.core.model import CessionBegins, Inventory, YieldBegins
from guardrail.core.names import Service
from guardrail.core.trail import LOOK_AGAIN, SETTLED, SOURCE, Trigger, read_trigger
from guardrail.ports import Records, Settling
from support.fakes import ACCOUNT, Clock, FakeRecords, FakeSettling

VPC, ENDPOINT = "vpc-0123456789abcdef0", "vpce-0123456789abcdef0"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:VpcChange"


@pytest.fixture(params=["fake", "dynamodb"])
def records(request: pytest.FixtureRequest, table: str) -> Records:
    """Return each implementation of the port."""
    if request.param == "fake":
        return FakeRecords()
    return DynamoRecords(boto3.client("dynamodb"), table)


def test_the_first_inventory_counts(records: Records) -> None:
    """Documented: PutItem with a condition; of two the first stands and is returned."""
    assert records.inventory() is None
    first = Inventory(frozenset({VPC}), {ENDPOINT: "a" * 64})
    assert records.store_inventory(first) == first
    assert records.store_inventory(Inventory(frozenset(), {})) == first
    assert records.inventory() == first


def test_an_empty_inventory_is_one(records: Records) -> None:
    """Documented: empty lists and maps are stored as such."""
    empty = Inventory(frozenset(), {})
    records.store_inventory(empty)
    assert records.inventory() == empty


def test_a_policy_is_forgotten_once_and_for_all(records: Records) -> None:
    """Documented: REMOVE of what is not there is no error."""
    records.store_inventory(Inventory(frozenset({VPC}), {ENDPOINT: "a", "vpce-2": "b"}))
    for endpoint_id in (ENDPOINT, ENDPOINT, "vpce-3"):
        records.forget({endpoint_id})
    assert records.inventory() == Inventory(frozenset({VPC}), {"vpce-2": "b"})
    records.forget({VPC, "vpce-2"})
    assert records.inventory() == Inventory(frozenset(), {})


def test_what_was_created_is_known_by_vpc_and_service(records: Records) -> None:
    """Documented: SET and ADD change single attributes; other services and VPCs stay."""
    records.note_creation(VPC, Service.STATES, Creation(1, NOW))
    records.note_creation(VPC, Service.SYNC_STATES, Creation(0, NOW))
    records.note_endpoint(VPC, Service.STATES, ENDPOINT)
    assert records.memories([VPC, "vpc-2"])[VPC].creations == {
        Service.STATES: Creation(1, NOW, frozenset({ENDPOINT})),
        Service.SYNC_STATES: Creation(0, NOW, unanswered=True),
    }
    assert records.memories([]) == {}
    assert records.locate([ENDPOINT, "vpce-2"]) == {ENDPOINT: VPC}


def test_two_endpoints_of_a_lost_race_are_both_known(records: Records) -> None:
    """Documented: ADD to a set loses nothing that another invocation added."""
    records.note_creation(VPC, Service.STATES, Creation(0, NOW))
    for endpoint_id in (ENDPOINT, "vpce-2"):
        records.note_endpoint(VPC, Service.STATES, endpoint_id)
    made = records.memories([VPC])[VPC].creations[Service.STATES]
    assert made.endpoint_ids == {ENDPOINT, "vpce-2"}


def test_what_leaves_and_what_is_lost_raise_the_generation(records: Records) -> None:
    """Documented: DELETE takes from sets, an emptied set is no attribute any more."""
    records.note_creation(VPC, Service.STATES, Creation(0, NOW))
    records.note_endpoint(VPC, Service.STATES, ENDPOINT)
    records.note_leaving(VPC, Service.STATES, frozenset({ENDPOINT}), 1)
    made = records.memories([VPC])[VPC].creations[Service.STATES]
    assert made == Creation(1, NOW, frozenset({ENDPOINT}), frozenset({ENDPOINT}))
    for _ in range(2):
        records.note_staying(VPC, Service.STATES, frozenset({ENDPOINT}))
        made = records.memories([VPC])[VPC].creations[Service.STATES]
        assert made == Creation(1, NOW, frozenset({ENDPOINT}))
    gone = Creation(1, NOW, departed=frozenset({ENDPOINT}))
    for _ in range(2):
        records.note_lost(VPC, Service.STATES, frozenset({ENDPOINT}), 1)
    assert records.memories([VPC])[VPC].creations[Service.STATES] == gone


def test_yields_cessions_and_the_rest_come_back_as_they_were(records: Records) -> None:
    """Documented: attributes of one item, each by itself; REMOVE takes one away."""
    yielded = Yield(Cause.TEARDOWN, NOW, "alice", "event-1")
    ceded, central, nobody = Cession(NOW), Central("zone Z1", NOW), Central(None, NOW)
    records.note(VPC, YieldBegins(yielded))
    records.note(VPC, CessionBegins(Service.STATES, ceded))
    records.note_central(VPC, Service.STATES, nobody)
    records.note_central(VPC, Service.SYNC_STATES, central)
    records.note_put_off(VPC, NOW)
    for group_id in ("sg-1", "sg-2", "sg-1"):
        records.note_group(VPC, group_id)
    assert records.memories([VPC])[VPC] == VpcMemory(
        yielded=yielded,
        ceded={Service.STATES: ceded},
        central={Service.STATES: nobody, Service.SYNC_STATES: central},
        put_off=NOW,
        groups=frozenset({"sg-1", "sg-2"}),
    )
    records.note_put_off(VPC, None)
    assert records.memories([VPC])[VPC].put_off is None


def test_more_vpcs_than_a_batch_takes_are_read(table: str) -> None:
    """Documented: BatchGetItem takes 100 keys; the rest is asked in further calls."""
    records = DynamoRecords(boto3.client("dynamodb"), table)
    for number in range(120):
        records.note_creation(f"vpc-{number}", Service.STATES, Creation(0, NOW))
    assert len(records.memories([f"vpc-{number}" for number in range(130)])) == 120


def test_a_deletion_is_noted_once_in_a_day(records: Records) -> None:
    """Of two invocations that hear of it one tells; a teardown goes on from it."""
    first = Yield(Cause.DELETED, NOW, "alice", "event-1")
    later = replace(first, begun=NOW + timedelta(seconds=1))
    assert [records.note_deletion(VPC, one) for one in (first, later)] == [True, False]
    assert records.memories([VPC])[VPC].yielded == first
    records.note(VPC, YieldBegins(replace(first, cause=Cause.TEARDOWN)))
    assert records.memories([VPC])[VPC].yielded == replace(first, cause=Cause.TEARDOWN)
    assert records.note_deletion(VPC, replace(first, begun=NOW + timedelta(hours=24)))


def test_what_is_fought_over_is_remembered_until_it_is_over(records: Records) -> None:
    """By endpoint; what is over can be forgotten, and not what has begun anew meanwhile."""
    later = NOW + timedelta(hours=1)
    records.note_fight(VPC, ENDPOINT, NOW, breaks=True)
    records.note_fight(VPC, "vpce-2", NOW, breaks=False)
    records.note_fight(VPC, ENDPOINT, later, breaks=False)
    memory = records.memories([VPC])[VPC]
    assert memory.contested == {ENDPOINT: later, "vpce-2": NOW}
    assert memory.breakers == {ENDPOINT: NOW}
    assert memory.ended_fights(NOW) == {"vpce-2"}
    for endpoint_id in (ENDPOINT, "vpce-2", "vpce-3"):
        records.end_fight(VPC, endpoint_id, NOW)
    memory = records.memories([VPC])[VPC]
    assert (memory.contested, memory.breakers) == ({ENDPOINT: later}, {ENDPOINT: NOW})


def _schedules() -> tuple[Any, Schedules]:
    client = boto3.client("scheduler")
    client.create_schedule_group(Name="settling")
    return client, Schedules("settling", ARN, f"arn:aws:iam::{ACCOUNT}:role/r", "")


def _settling(seconds: int, now: Callable[[], datetime] = lambda: NOW) -> ScheduledSettling:
    client, schedules = _schedules()
    return ScheduledSettling(client, schedules, seconds, now)


@pytest.fixture(params=["fake", "scheduler"])
def settling(request: pytest.FixtureRequest) -> Settling:
    """Return each implementation of the port, with a pause of five minutes."""
    return FakeSettling(enabled=True) if request.param == "fake" else _settling(300)


def test_a_pause_runs_from_the_push_on_for_that_vpc_alone(settling: Settling) -> None:
    """Documented: GetSchedule finds it by name; pushed again it is still one pause."""
    assert not settling.pending(VPC)
    assert settling.push(VPC)
    assert settling.push(VPC)
    assert settling.pending(VPC)
    assert not settling.pending("vpc-0fedcba9876543210")


def test_a_pause_is_pushed_on_to_three_times_its_length_at_most() -> None:
    """Inferred: a network that never stops changing gets its endpoint all the same."""
    clock = Clock()
    settling = _settling(300, clock)
    begun = clock()
    ends = []
    for _ in range(5):
        assert settling.push(VPC)
        schedule = boto3.client("scheduler").get_schedule(GroupName="settling", Name=VPC)
        ends.append(schedule["ScheduleExpression"])
        clock.advance(seconds=200)
    latest = begun + timedelta(seconds=900)
    assert ends[-1] == ends[-2] == f"at({latest:%Y-%m-%dT%H:%M:%S})"
    assert not settling.push(VPC)


def test_an_appointment_is_put_off_by_a_later_one() -> None:
    """Documented: one schedule of a name; its message names the VPC."""
    client, schedules = _schedules()
    agenda = ScheduledAgenda(client, schedules, "look-again")
    for minutes in (1, 2):
        agenda.look_again(VPC, NOW + timedelta(minutes=minutes))
    (summary,) = client.list_schedules(GroupName="settling")["Schedules"]
    found = client.get_schedule(GroupName="settling", Name=summary["Name"])
    assert found["ScheduleExpression"] == "at(2026-11-23T12:02:00)"
    assert read_trigger(json.loads(found["Target"]["Input"])) == Trigger(
        LOOK_AGAIN, frozenset({VPC})
    )


def test_a_schedule_that_runs_between_two_calls_is_made_anew() -> None:
    """Inferred: it stood at the create and was gone at the update, so the pause starts again."""
    settling = _settling(300)
    settling.push(VPC)
    client = settling._client  # noqa: SLF001 - the moment between two of its calls
    update = client.update_schedule

    def ran_meanwhile(**request: Any) -> object:
        client.delete_schedule(GroupName="settling", Name=VPC)
        return update(**request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "update_schedule", ran_meanwhile)
        assert settling.push(VPC)
    assert settling.pending(VPC)


def test_a_push_makes_one_schedule_that_deletes_itself() -> None:
    """It names the VPC, is due after the pause, and invokes VpcChange with a message of ours."""
    settling = _settling(300)
    assert not settling.pending(VPC)
    assert settling.push(VPC)
    assert settling.push(VPC)
    assert settling.pending(VPC)
    (listed,) = boto3.client("scheduler").list_schedules(GroupName="settling")["Schedules"]
    found = boto3.client("scheduler").get_schedule(GroupName="settling", Name=listed["Name"])
    assert found["Name"] == VPC
    assert found["ScheduleExpression"] == "at(2026-11-23T12:05:00)"
    assert found["ActionAfterCompletion"] == "DELETE"
    assert found["Target"]["Arn"] == ARN
    detail = {"vpcId": VPC, "since": NOW.isoformat()}
    message = {"source": SOURCE, "detail-type": SETTLED, "detail": detail}
    assert json.loads(found["Target"]["Input"]) == message


def test_without_a_pause_nothing_is_scheduled() -> None:
    """SettleSeconds=0: creation is due now, and nothing is asked of the scheduler."""
    settling = _settling(0)
    assert not settling.push(VPC)
    assert not settling.pending(VPC)


def test_a_dead_letter_holds_the_event_and_the_cause() -> None:
    """Enough to act on it, and to send it again."""
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    DeadLetters(sqs, url).send({"detail": {"eventName": "CreateVpc"}}, ARN, {VPC: "denied"})
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    body = json.loads(message["Body"])
    assert body["requestPayload"] == {"detail": {"eventName": "CreateVpc"}}
    assert body["causes"] == {VPC: "denied"}
    assert body["requestContext"] == {"functionArn": ARN, "condition": "NotRetried"}


@pytest.mark.parametrize("text", ["x", '"', "\\", "é", "\ud800"])
def test_a_very_large_event_still_fits_the_queue(text: str) -> None:
    """The event is cut, the cause is kept, whatever escaping does to it."""
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="dead", Attributes={"MaximumMessageSize": str(256 * 1024)})[
        "QueueUrl"
    ]
    DeadLetters(sqs, url).send({"detail": text * 400_000}, ARN, {VPC: "denied"})
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"])["causes"] == {VPC: "denied"}


def test_a_sweep_that_failed_everywhere_still_fits_the_queue() -> None:
    """The first causes stand in the message, with the number of all; the log has the rest."""
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    causes = {f"vpc-{number:017x}": "denied " * 1_000 for number in range(5_000)}
    DeadLetters(sqs, url).send({}, ARN, causes)
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    body = json.loads(message["Body"])
    assert body["failed"] == 5_000
    assert "vpc-00000000000000000" in body["causes"]


def test_an_event_that_cannot_be_written_is_said_to_be_so() -> None:
    """Nesting beyond the recursion limit does not keep the cause from the queue."""
    deep: object = []
    for _ in range(200_000):
        deep = [deep]
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    DeadLetters(sqs, url).send(deep, ARN, {VPC: "denied"})
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert "too deeply" in json.loads(message["Body"])["requestPayload"]

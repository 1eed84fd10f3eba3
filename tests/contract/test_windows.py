"""The port Windows: what was told lately about a VPC; in memory and on DynamoDB."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import pytest

from guardrail.aws.records import DynamoRecords
from guardrail.aws.windows import DynamoWindows
from guardrail.core.memory import VpcMemory, Window
from guardrail.herald import Windows
from guardrail.ports import Records
from support.fakes import FakeRecords
from support.telling import FakeWindows

VPC, ENDPOINT = "vpc-0123456789abcdef0", "vpce-0123456789abcdef0"
KEY = f"Policy Reverted|{ENDPOINT}|policy-broader"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
Ports = tuple[Windows, Records]


@pytest.fixture(params=["fake", "dynamodb"])
def ports(request: pytest.FixtureRequest, table: str) -> Ports:
    """Return each implementation of the port, and records of the same table."""
    if request.param == "fake":
        records = FakeRecords()
        return FakeWindows(records), records
    client = boto3.client("dynamodb")
    return DynamoWindows(client, table), DynamoRecords(client, table)


def memory(records: Records) -> VpcMemory:
    """Return what is remembered of the VPC."""
    return records.memories([VPC]).get(VPC, VpcMemory())


def test_what_comes_within_a_window_is_counted(ports: Ports) -> None:
    """The next window begins when it is over, and tells how many there were."""
    windows, records = ports
    told = [windows.open(VPC, KEY, NOW + n * HOUR / 3, NOW + n * HOUR / 3 + HOUR) for n in range(4)]
    assert told == [0, None, None, 2]
    assert memory(records).windows == {KEY: Window(NOW + 2 * HOUR)}


def test_a_window_is_closed_once_and_not_the_one_begun_meanwhile(ports: Ports) -> None:
    """Two sweeps at once send one message."""
    windows, records = ports
    windows.open(VPC, KEY, NOW, NOW + HOUR)
    assert not windows.close(VPC, KEY, NOW)
    assert [windows.close(VPC, KEY, NOW + HOUR) for _ in range(2)] == [True, False]
    assert memory(records).windows == {}


def test_which_endpoints_have_a_finding_is_remembered(ports: Ports) -> None:
    """Resolving what has none is no fault."""
    windows, records = ports
    for endpoint_id in (ENDPOINT, "vpce-2"):
        windows.note_finding(VPC, endpoint_id, NOW, active=True)
    for endpoint_id in (ENDPOINT, "vpce-3"):
        windows.note_finding(VPC, endpoint_id, NOW, active=False)
    assert memory(records).findings == {"vpce-2": NOW}

"""The commands history, restore and canary on moto: what they print, refuse and leave behind."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from guardrail.aws.evidence import DynamoEvidence
from guardrail.core.actions import Origin
from guardrail.core.names import MANAGED_TAG
from guardrail.ports import BeforeImage
from guardrail_cli import main as commands
from guardrail_cli.canary import Canary, checked
from guardrail_cli.deployed import Deployed
from guardrail_cli.documents import UsageError
from guardrail_cli.main import app
from support.fakes import BASELINE, OPEN, STACK
from support.values import policy

RUN = CliRunner()
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NARROW = policy(Action="states:StartExecution")


@pytest.fixture
def endpoint_id(table: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a managed endpoint, and let the commands find the stack."""
    stack = Deployed(STACK, table, "")
    monkeypatch.setattr(commands, "deployed", lambda _: stack)
    ec2 = boto3.client("ec2")
    vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_vpc_endpoint(
        VpcId=vpc_id,
        VpcEndpointType="Interface",
        ServiceName="com.amazonaws.us-east-1.states",
        PolicyDocument=BASELINE,
        TagSpecifications=[
            {"ResourceType": "vpc-endpoint", "Tags": [{"Key": MANAGED_TAG, "Value": STACK}]}
        ],
    )["VpcEndpoint"]
    return str(made["VpcEndpointId"])


def keep(table: str, endpoint_id: str, before: str, minutes: float = 0) -> str:
    """Let a revert be remembered; return the name of its record."""
    image = BeforeImage(
        endpoint_id,
        "vpc-1",
        before,
        BASELINE,
        Origin.BASELINE,
        NOW + timedelta(minutes=minutes),
        reason="lets everyone in",
        event_id=f"event-{minutes}",
        actor="alice",
        user_agent="aws-cli/2",
    )
    evidence = DynamoEvidence(boto3.client("dynamodb"), table, history_days=90)
    evidence.keep(image)
    evidence.note_written(image, image.at, 4_000)
    evidence.note_verified(image, image.at, 4_000)
    return image.name


def policy_of(endpoint_id: str) -> Any:
    """Return the endpoint's policy as it is now."""
    found = boto3.client("ec2").describe_vpc_endpoints(VpcEndpointIds=[endpoint_id])
    return json.loads(found["VpcEndpoints"][0]["PolicyDocument"])


def test_the_history_says_who_and_why_and_for_how_long(table: str, endpoint_id: str) -> None:
    """Oldest first; another endpoint's is not in it."""
    for minutes in (1, 0):
        keep(table, endpoint_id, OPEN, minutes)
    keep(table, "vpce-another", OPEN)
    printed = RUN.invoke(app, ["history", endpoint_id]).output
    assert printed.index("event-0") < printed.index("event-1")
    assert "alice with aws-cli/2" in printed
    assert "verified, open for 4.0 s" in printed
    assert "vpce-another" not in printed
    every = RUN.invoke(app, ["history", "--format", "json"]).output.splitlines()
    assert [json.loads(line)["policy_before"] for line in every] == [OPEN] * 3


def test_an_empty_history_says_so(endpoint_id: str) -> None:
    """Nothing is no error."""
    result = RUN.invoke(app, ["history", endpoint_id])
    assert (result.exit_code, "nothing was put back" in result.output) == (0, True)


def test_what_the_baseline_does_not_contain_is_not_restored(table: str, endpoint_id: str) -> None:
    """Exit code 1, with the reason, and nothing written."""
    name = keep(table, endpoint_id, OPEN)
    result = RUN.invoke(app, ["restore", endpoint_id, "--record", name, "--yes"])
    assert (result.exit_code, "refused" in result.output) == (1, True)
    assert policy_of(endpoint_id) == json.loads(BASELINE)


def test_what_it_contains_is_restored_after_a_question(table: str, endpoint_id: str) -> None:
    """By the beginning of the record's name; who says no changes nothing."""
    keep(table, endpoint_id, NARROW)
    asked = ["restore", endpoint_id, "--record", "2026-11-23"]
    assert RUN.invoke(app, asked, input="n\n").exit_code == 1
    assert policy_of(endpoint_id) == json.loads(BASELINE)
    assert RUN.invoke(app, asked, input="y\n").exit_code == 0
    assert policy_of(endpoint_id) == json.loads(NARROW)


def test_a_record_that_is_not_one_is_a_clear_error(table: str, endpoint_id: str) -> None:
    """Unknown, or the beginning of two."""
    for minutes in (0, 1):
        keep(table, endpoint_id, NARROW, minutes)
    for name, said in (("2027", "has no record 2027"), ("2026", "2 records")):
        result = RUN.invoke(app, ["restore", endpoint_id, "--record", name, "--yes"])
        assert isinstance(result.exception, UsageError)
        assert said in str(result.exception)


def test_an_endpoint_of_another_service_is_not_written(table: str, endpoint_id: str) -> None:
    """Whatever the table says of it."""
    ec2 = boto3.client("ec2")
    vpc_id = ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint_id])["VpcEndpoints"][0]["VpcId"]
    other = ec2.create_vpc_endpoint(
        VpcId=vpc_id, VpcEndpointType="Interface", ServiceName="com.amazonaws.us-east-1.sqs"
    )["VpcEndpoint"]["VpcEndpointId"]
    name = keep(table, other, NARROW)
    result = RUN.invoke(app, ["restore", other, "--record", name, "--yes"])
    assert "no endpoint of Step Functions" in str(result.exception)


@pytest.mark.parametrize("runs", [0, 3])
def test_a_canary_that_would_open_the_breaker_does_not_fly(
    table: str, endpoint_id: str, runs: int
) -> None:
    """It would measure the spacing: of three reverts an hour one was had, a second may be."""
    stack, now = Deployed(STACK, table, "", breaker_after=3), datetime.now(UTC) - NOW
    for ago in (timedelta(minutes=2), timedelta(minutes=61)):
        keep(table, endpoint_id, NARROW, minutes=int((now - ago) / timedelta(minutes=1)))
    with pytest.raises(UsageError, match="takes 1 to 2"):
        checked(stack, endpoint_id, runs)
    assert checked(stack, endpoint_id, 2) == 2


def test_a_canary_does_not_fly_from_what_is_open_already(table: str, endpoint_id: str) -> None:
    """It would be put back because of that."""
    stack = Deployed(STACK, table, "")
    stack.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint_id, PolicyDocument=OPEN)
    with pytest.raises(UsageError, match="open already"):
        checked(stack, endpoint_id, 1)


def test_a_canary_never_writes_what_somebody_opened_between_two_runs(
    table: str, endpoint_id: str
) -> None:
    """It would be given back after the second."""
    stack, pauses = Deployed(STACK, table, ""), iter(range(9))

    def wait(_: float) -> None:
        policy = BASELINE if next(pauses) == 0 else OPEN
        if policy == BASELINE:
            minutes = (datetime.now(UTC) - NOW) / timedelta(minutes=1)
            loosened = stack.endpoint(endpoint_id)["PolicyDocument"]
            keep(table, endpoint_id, loosened, minutes=minutes)
        stack.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint_id, PolicyDocument=policy)

    with pytest.raises(UsageError, match="open already"):
        list(Canary(stack, endpoint_id, 0.01, 0, sleep=wait).run(2))
    assert policy_of(endpoint_id) == json.loads(OPEN)


@pytest.mark.parametrize("recorded", [True, False])
def test_the_canary_gives_the_endpoint_back_what_it_found(
    table: str, endpoint_id: str, *, recorded: bool
) -> None:
    """The guardrail put the baseline there; what somebody else wrote is left to him."""
    stack = Deployed(STACK, table, "")
    stack.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint_id, PolicyDocument=NARROW)

    def put_back(_: float) -> None:
        if recorded:
            loosened = stack.endpoint(endpoint_id)["PolicyDocument"]
            minutes = (datetime.now(UTC) - NOW) / timedelta(minutes=1)
            keep(table, endpoint_id, loosened, minutes=minutes)
        stack.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint_id, PolicyDocument=BASELINE)

    list(Canary(stack, endpoint_id, 0.1, 0, sleep=put_back).run(1))
    assert policy_of(endpoint_id) == json.loads(NARROW if recorded else BASELINE)


def test_where_nothing_puts_it_back_the_canary_does_and_says_so(
    table: str, endpoint_id: str
) -> None:
    """Nobody hears of the change here; the endpoint is as it was."""
    del table
    ec2 = boto3.client("ec2")
    vpc_id = ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint_id])["VpcEndpoints"][0]["VpcId"]
    result = RUN.invoke(app, ["canary", vpc_id, "--patience", "0.1", "--yes"])
    assert (result.exit_code, "not put back" in result.output) == (1, True)
    assert policy_of(endpoint_id) == json.loads(BASELINE)


def test_a_canary_that_is_interrupted_leaves_the_endpoint_as_it_was(
    table: str, endpoint_id: str
) -> None:
    """Control-C while it waits."""

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    canary = Canary(Deployed(STACK, table, ""), endpoint_id, 60, 0, sleep=interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(canary.run(1))
    assert policy_of(endpoint_id) == json.loads(BASELINE)


def test_a_vpc_without_a_managed_endpoint_has_nothing_to_fly_on(endpoint_id: str) -> None:
    """The message says what is missing."""
    assert endpoint_id
    result = RUN.invoke(app, ["canary", "vpc-0123456789abcdef0", "--yes"])
    assert "no available endpoint that the stack made" in str(result.exception)

"""What status reads in other accounts: of their stacks, and of those that are gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from organisation_site import NAME, TEMPLATE, deployed, new_organisation, removed, session_of
from organisation_site import ROLE as ROLE_OF_ALL

from guardrail.aws.last_sweep import LastSweep
from guardrail_cli.org.accounts import Accounts
from guardrail_cli.org.model import Definition, Instance
from guardrail_cli.org.organisation import AwsOrganisation
from guardrail_cli.org.problems import ROLE
from guardrail_cli.org.status import absent, rows
from guardrail_cli.org.target import Target

REGION = "us-east-1"
REGIONS = (REGION, "eu-west-1")
STANDING = Definition(TEMPLATE, {"Mode": "enforce"}, ("ou-1",), REGIONS)
TARGET = Target(NAME, REGION)


@pytest.fixture(autouse=True)
def management(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be the management account of moto's own id: its organisation belongs to that one."""
    monkeypatch.delenv("MOTO_ACCOUNT_ID")


def test_a_stack_that_is_gone_is_described_still_and_told() -> None:
    """By its id: by its name AWS says that there is none."""
    gone, there = AwsOrganisation(REGION).accounts((new_organisation(),))
    stacks = [
        Instance(gone, REGION, "CURRENT", stack_id=removed((gone, REGION))),
        Instance(there, REGION, "CURRENT", stack_id=deployed((there, REGION))),
    ]
    found = rows(stacks, Accounts(ROLE_OF_ALL, "aws", REGION), Definition("{}", {}), TARGET)
    problems = {row.account: row.problem for row in found}
    assert "the stack was deleted in its account" in problems[gone]
    assert "deleted" not in problems[there]


@pytest.fixture
def stacks() -> list[Instance]:
    """Deploy a stack to both accounts in both regions, past the stack set; return where."""
    found: list[Instance] = []
    for account in AwsOrganisation(REGION).accounts((new_organisation(),)):
        session = session_of(account)
        for region in REGIONS:
            client = session.client("cloudformation", region_name=region)
            made = client.create_stack(
                StackName=f"StackSet-{NAME}-1",
                TemplateBody=TEMPLATE,
                Parameters=[{"ParameterKey": "Mode", "ParameterValue": "enforce"}],
            )
            found.append(Instance(account, region, "CURRENT", stack_id=made["StackId"]))
    return found


def reader() -> Accounts:
    """Return the accounts, seen through the role of the stacks."""
    return Accounts(ROLE, "aws", REGION)


def swept(instance: Instance, at: datetime, **totals: object) -> None:
    """Let a stack have swept."""
    db = session_of(instance.account).client("dynamodb", region_name=instance.region)
    LastSweep(db, "records").note(at, "enforce", totals)


def test_the_status_is_read_in_every_account_and_region(stacks: list[Instance]) -> None:
    """Version and mode of each stack, when it swept last and what that left open."""
    now = datetime.now(UTC)
    swept(stacks[0], now, outcomes={"compliant": 3, "failed": 1}, missing=["no trail"])
    swept(stacks[1], now, outcomes={"compliant": 3})
    swept(stacks[2], now - timedelta(days=2), outcomes={"compliant": 3})
    read = {(row.account, row.region): row for row in rows(stacks, reader(), STANDING, TARGET)}
    assert read.keys() == {one.place for one in stacks}
    assert {(row.version, row.mode) for row in read.values()} == {("0123456789ab", "enforce")}
    ordered = [read[one.place] for one in stacks]
    assert [row.fine for row in ordered] == [False, True, False, True]
    assert (ordered[0].open, ordered[0].missing) == (1, 1)
    assert now.strftime("%Y-%m-%d %H:%M") in ordered[1].line()
    assert "no sweep for over a day" in ordered[2].line()
    assert "never" in ordered[3].line()
    assert "it has not swept yet" in ordered[3].line()


def test_a_stack_of_another_version_or_mode_is_told(stacks: list[Instance]) -> None:
    """Whatever CloudFormation says of it."""
    swept(stacks[0], datetime.now(UTC))
    newer = replace(STANDING, template=TEMPLATE.replace("0123456789ab", "ba9876543210"))
    other = replace(STANDING, parameters={"Mode": "observe"})
    for standing, told in ((newer, "the stack set has ba98"), (other, "the stack set's observe")):
        (row,) = rows(stacks[:1], reader(), standing, TARGET)
        assert told in row.line()
        assert not row.fine


def test_what_cannot_be_read_is_a_row_with_its_cause(stacks: list[Instance]) -> None:
    """A failed stack with what to do, one that is gone, be it long ago; the rest is read."""
    failed = Instance(*stacks[0].place, "OUTDATED", "FAILED", "Account is suspended")
    gone = Instance(*stacks[1].place, "CURRENT", stack_id="arn:gone")
    asked = [failed, gone, *stacks[2:]]
    read = {(row.account, row.region): row for row in rows(asked, reader(), STANDING, TARGET)}
    assert "take the account out" in read[failed.place].problem
    assert "the stack was deleted in its account" in read[gone.place].problem
    assert [bool(row.problem) for row in read.values()].count(True) == 2
    (row,) = absent([stacks[0].place, ("000000000009", "us-east-1")], stacks)
    assert (row.account, row.state, row.fine) == ("000000000009", "ABSENT", False)

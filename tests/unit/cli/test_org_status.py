"""What status makes of a stack that is not as it should be, whatever its account answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from guardrail_cli.documents import UsageError
from guardrail_cli.org.accounts import Accounts
from guardrail_cli.org.model import Definition, Instance
from guardrail_cli.org.status import ROLE, Row, rows

TEMPLATE = {"Parameters": {"Mode": {}}, "Outputs": {"Version": {"Value": "1"}}}
STANDING = Definition(json.dumps(TEMPLATE), {"Mode": "observe"})
PLACE = ("111122223333", "eu-west-1")
STACK = "arn:aws:cloudformation:eu-west-1:111122223333:stack/StackSet-sfn/0"
DENIAL = f"not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::1:role/{ROLE}"
BEHIND = "an update has not reached it yet"
UNDER_WAY = "an operation is under way there: look again when it has ended"


@dataclass
class Account:
    """An account with a stack that runs and has swept; `closed` is why it cannot be entered."""

    status: str = "UPDATE_COMPLETE"
    outputs: dict[str, str] = field(default_factory=lambda: {"Table": "records", "Version": "1"})
    closed: str = ""

    def enter(self, _: str) -> None:
        """See `Accounts.enter`."""
        if self.closed:
            raise UsageError(self.closed)

    def client(self, *_: str) -> Account:
        """See `Accounts.client`: it is one for everything."""
        return self

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        """Answer as CloudFormation does."""
        mode = {"ParameterKey": "Mode", "ParameterValue": "observe"}
        outputs = [{"OutputKey": key, "OutputValue": it} for key, it in self.outputs.items()]
        stack = {"StackStatus": self.status, "Parameters": [mode], "Outputs": outputs}
        return {"Stacks": [stack]}

    def get_item(self, **_: object) -> dict[str, Any]:
        """Answer as DynamoDB does."""
        return {"Item": {"at": {"S": datetime.now(UTC).isoformat()}, "totals": {"S": "{}"}}}


def row(account: Account, state: str, detail: str, reason: str = "", stack: str = STACK) -> Row:
    """Return the row of a single stack."""
    instance = Instance(*PLACE, state, detail, reason, stack_id=stack)
    (only,) = rows([instance], cast("Accounts", account), STANDING)
    return only


def test_a_stack_that_is_as_it_should_be_has_no_problem() -> None:
    """Even while an operation goes over it."""
    for detail in ("SUCCEEDED", "RUNNING"):
        found = row(Account(), "CURRENT", detail)
        assert (found.fine, found.problem) == (True, "")


@pytest.mark.parametrize("outputs", [{}, {"Table": "records", "Version": "1"}])
def test_a_stack_that_was_deleted_in_its_account_is_told(outputs: dict[str, str]) -> None:
    """CloudFormation describes it for ninety days; what is told leads to a new one."""
    found = row(Account("DELETE_COMPLETE", outputs), "CURRENT", "SUCCEEDED")
    assert not found.fine
    assert "deleted in its account, behind the set's back" in found.problem
    assert "`org deploy` makes it anew" in found.problem


def test_an_inoperable_stack_is_not_told_to_wait_for_an_update() -> None:
    """No update reaches it any more."""
    found = row(Account(), "INOPERABLE", "INOPERABLE")
    assert found.problem.startswith("INOPERABLE: deleting it failed")
    assert "`org remove` of its region or unit" in found.problem
    assert BEHIND in row(Account(), "OUTDATED", "CANCELLED").problem


@pytest.mark.parametrize("detail", ["PENDING", "RUNNING"])
def test_what_is_under_way_is_not_taken_for_wrong(detail: str) -> None:
    """While a stack is made there is neither itself nor the role that it is read through."""
    told = (
        row(Account(closed=DENIAL), "OUTDATED", detail),
        row(Account(), "OUTDATED", detail, stack=""),
        row(Account(outputs={}), "OUTDATED", detail),
        row(Account(), "OUTDATED", detail),
        row(Account(), "INOPERABLE", detail),
    )
    assert {one.problem for one in told} == {UNDER_WAY}
    assert not any(one.fine for one in told)


def test_a_denial_is_told_where_nothing_is_under_way() -> None:
    """And AWS's own reason before either."""
    denied = Account(closed=DENIAL)
    assert "the parameter StatusReader says who" in row(denied, "OUTDATED", "CANCELLED").problem
    assert "the parameter StatusReader says who" in row(denied, "CURRENT", "RUNNING").problem
    assert row(denied, "OUTDATED", "RUNNING", "limit exceeded").problem.startswith("limit exceeded")

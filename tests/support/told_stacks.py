"""An account with one stack of the guardrail, as the calls of `org status` see it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from botocore.exceptions import ClientError

from guardrail_cli.documents import UsageError
from guardrail_cli.org.accounts import Accounts
from guardrail_cli.org.model import Definition, Instance
from guardrail_cli.org.problems import ROLE
from guardrail_cli.org.row import Row
from guardrail_cli.org.status import of_management, rows
from guardrail_cli.org.target import Target

TEMPLATE = {"Parameters": {"Mode": {}}, "Outputs": {"Version": {"Value": "1"}}}
HOME = "us-east-1"
PLACE = ("111122223333", "eu-west-1")
STANDING = Definition(json.dumps(TEMPLATE), {"Mode": "observe"}, ("ou-1", "ou-2"), PLACE[1:])
STACK = "arn:aws:cloudformation:eu-west-1:111122223333:stack/StackSet-sfn/0"
SET = Target("sfn-endpoint-guardrail", HOME)
DENIAL = f"not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::1:role/{ROLE}"
NOW = timedelta()


@dataclass
class Account:
    """One whose stack runs and has swept just now; `closed` is why it cannot be entered.

    Without a `status` CloudFormation does not know the stack; `swept` and `changed` are how long
    ago that was, or None where it never was.
    """

    status: str = "UPDATE_COMPLETE"
    outputs: dict[str, str] = field(default_factory=lambda: {"Table": "records", "Version": "1"})
    closed: str = ""
    schedule: str = "rate(1 hour)"
    swept: timedelta | None = NOW
    changed: timedelta | None = None
    no_table: bool = False

    def enter(self, _: str) -> None:
        """See `Accounts.enter`."""
        if self.closed:
            raise UsageError(self.closed)

    def client(self, *_: str) -> Account:
        """See `Accounts.client`: it is one for everything."""
        return self

    def describe_stacks(self, **named: str) -> dict[str, Any]:
        """Answer as CloudFormation does."""
        if not self.status:
            said = f"Stack with id {named['StackName']} does not exist"
            error: Any = {"Error": {"Code": "ValidationError", "Message": said}}
            raise ClientError(error, "DescribeStacks")
        given = {"Mode": "observe", "SweepSchedule": self.schedule}
        made = datetime.now(UTC) - timedelta(days=365)
        updated = self.changed is not None and {"LastUpdatedTime": datetime.now(UTC) - self.changed}
        stack = {
            "StackStatus": self.status,
            "CreationTime": made,
            "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in given.items()],
            "Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in self.outputs.items()],
        }
        return {"Stacks": [{**stack, **(updated or {})}]}

    def get_item(self, **_: object) -> dict[str, Any]:
        """Answer as DynamoDB does."""
        if self.no_table:
            error: Any = {"Error": {"Code": "ResourceNotFoundException", "Message": "no table"}}
            raise ClientError(error, "GetItem")
        if self.swept is None:
            return {}
        at = (datetime.now(UTC) - self.swept).isoformat()
        return {"Item": {"at": {"S": at}, "totals": {"S": "{}"}}}


def row(
    account: Account,
    state: str,
    detail: str,
    reason: str = "",
    stack: str = STACK,
    *,
    unit: str = "",
    target: Target = SET,
) -> Row:
    """Return the row of a single stack."""
    instance = Instance(*PLACE, state, detail, reason, stack_id=stack, unit=unit)
    (only,) = rows([instance], cast("Accounts", account), STANDING, target)
    return only


def plain(account: Account, standing: Definition = STANDING, target: Target = SET) -> Row:
    """Return the row of the management account's own stack."""
    (only,) = of_management(PLACE[0], standing, account, target)
    return only

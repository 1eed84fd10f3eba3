"""Which endpoints and groups a stack made: its table says so, and outlives it.

A tag alone can be set by anyone; see `guardrail.core.managed`. CloudFormation tells the table's
name by the stack's id, for 90 days after the stack was deleted. Source: AWS CloudFormation API
reference, "DescribeStackResource".
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from guardrail.aws.remembered import memory_of
from guardrail.aws.table import batched
from guardrail.core.memory import VpcMemory
from guardrail.errors import RetryableError
from guardrail_cli.deployed import reaching
from guardrail_cli.documents import UsageError
from guardrail_cli.org.accounts import Accounts

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

TABLE = "Records"
"""The table in the template."""


def made_by(
    stack_id: str, vpc_ids: Collection[str], region: str, accounts: Accounts
) -> frozenset[str]:
    """Return the ids of all that a stack has ever made in those VPCs.

    The thread has to be at the stack's account. Raises UsageError when its table cannot be found or
    read; the cause is the SDK's error, or RetryableError.
    """
    table = _table(stack_id, region, accounts)
    keys: list[dict[str, AttributeValueTypeDef]] = [
        {"pk": {"S": f"vpc#{one}"}, "sk": {"S": "state"}} for one in sorted(vpc_ids)
    ]
    with reaching(f"reading the table {table}"):
        try:
            items = list(batched(accounts.client("dynamodb", region), table, keys))
        except RetryableError as error:
            raise UsageError(str(error)) from error
    return frozenset(made for item in items for made in _made(memory_of(item)))


def _table(stack_id: str, region: str, accounts: Accounts) -> str:
    named = {"StackName": stack_id, "LogicalResourceId": TABLE}
    with reaching(f"looking for the table of {stack_id}"):
        found = accounts.client("cloudformation", region).describe_stack_resource(**named)
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def _made(memory: VpcMemory) -> frozenset[str]:
    """Return the ids; one that was taken for gone is ours all the same, since none comes twice."""
    endpoints = (one.endpoint_ids | one.departed for one in memory.creations.values())
    return memory.groups.union(*endpoints)

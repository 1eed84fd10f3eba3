"""Reading many items of the stack's table by their keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from guardrail.errors import RetryableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_BATCH = 100
"""Keys per BatchGetItem. Source: Amazon DynamoDB API reference, "BatchGetItem"."""

_ROUNDS = 20
"""Answers hold 16 MB at most; what is left out is asked for again, so often for one batch."""


def batched(
    db: DynamoDBClient, table: str, keys: Sequence[Mapping[str, AttributeValueTypeDef]]
) -> Iterator[Mapping[str, Any]]:
    """Yield the items that exist; raises RetryableError when the table grants no more reads."""
    for start in range(0, len(keys), _BATCH):
        wanted: Any = {table: {"Keys": list(keys[start : start + _BATCH]), "ConsistentRead": True}}
        for _ in range(_ROUNDS):
            answer = db.batch_get_item(RequestItems=wanted)
            found = answer["Responses"].get(table, [])
            yield from found
            wanted = answer.get("UnprocessedKeys")
            if wanted and not found:
                raise RetryableError(f"{table} is throttled; it will be tried again")
            if not wanted:
                break

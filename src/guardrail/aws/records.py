"""The records port on one DynamoDB table with `pk` and `sk`.

    inventory            state                          what stood at first sight
    vpc#<id>             state                          the endpoints made, by service
    endpoint#<id>        revert#<ISO time>#<event id>   what a policy write replaced

Only history expires (`expires_at`). The inventory is one item: 400 KB hold about 4,000
endpoints and their VPCs. Source of the size: Amazon DynamoDB developer guide, "Quotas".
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from guardrail.aws.failures import error_code, translated
from guardrail.core.model import Inventory, Service
from guardrail.errors import RetryableError
from guardrail.ports import BeforeImage, Creation

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_BATCH = 100
"""Keys per BatchGetItem. Source: Amazon DynamoDB API reference, "BatchGetItem"."""

_INVENTORY: Mapping[str, AttributeValueTypeDef] = {"pk": {"S": "inventory"}, "sk": {"S": "state"}}


class DynamoRecords:
    """What the guardrail remembers; see `guardrail.ports.Records`."""

    def __init__(self, client: DynamoDBClient, table: str, history_days: int) -> None:
        self._db = client
        self._table = table
        self._history = timedelta(days=history_days)

    def inventory(self) -> Inventory | None:
        """See `Records.inventory`."""
        with translated(f"reading the inventory in {self._table}"):
            answer = self._db.get_item(TableName=self._table, Key=_INVENTORY, ConsistentRead=True)
        item = answer.get("Item")
        return _inventory(item) if item else None

    def store_inventory(self, inventory: Inventory) -> Inventory:
        """See `Records.store_inventory`; of two at once the first wins."""
        item: dict[str, AttributeValueTypeDef] = {
            **_INVENTORY,
            "vpcs": {"M": {vpc_id: {"NULL": True} for vpc_id in sorted(inventory.vpc_ids)}},
            "policies": {"M": {key: {"S": value} for key, value in inventory.policies.items()}},
        }
        with translated(f"storing the inventory in {self._table}"):
            try:
                self._db.put_item(
                    TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)"
                )
            except ClientError as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise
                return self.inventory() or inventory
        return inventory

    def forget(self, ids: Collection[str]) -> None:
        """See `Records.forget`; VPCs and endpoints stand in maps of their own."""
        names = {f"#id{place}": known for place, known in enumerate(sorted(ids))}
        paths = (
            f"{'vpcs' if known.startswith('vpc-') else 'policies'}.{name}"
            for name, known in names.items()
        )
        with translated(f"taking {', '.join(names.values())} off the inventory in {self._table}"):
            self._db.update_item(
                TableName=self._table,
                Key=_INVENTORY,
                UpdateExpression=f"REMOVE {', '.join(paths)}",
                ExpressionAttributeNames=names,
            )

    def creations(self, vpc_ids: Collection[str]) -> Mapping[str, Mapping[Service, Creation]]:
        """See `Records.creations`."""
        with translated(f"reading what was created from {self._table}"):
            return {
                item["pk"]["S"].removeprefix("vpc#"): dict(_creations(item))
                for item in self._vpc_items(sorted(vpc_ids))
            }

    def note_creation(self, vpc_id: str, service: Service, creation: Creation) -> None:
        """See `Records.note_creation`."""
        noted = {
            "generation": creation.generation,
            "begun": creation.begun.isoformat(),
            "endpoint_id": creation.endpoint_id,
        }
        with translated(f"noting an endpoint of {vpc_id} in {self._table}"):
            self._db.update_item(
                TableName=self._table,
                Key={"pk": {"S": f"vpc#{vpc_id}"}, "sk": {"S": "state"}},
                UpdateExpression="SET #service = :noted",
                ExpressionAttributeNames={"#service": service},
                ExpressionAttributeValues={":noted": {"S": json.dumps(noted)}},
            )

    def keep(self, image: BeforeImage) -> None:
        """See `Records.keep`."""
        at = image.at.astimezone(UTC)
        expires = int((at + self._history).timestamp())
        texts = {
            "pk": f"endpoint#{image.endpoint_id}",
            "sk": f"revert#{at.isoformat(timespec='milliseconds')}#{image.event_id or 'sweep'}",
            "policy_before": image.before,
            "policy_after": image.after,
            "reason": image.reason,
            "actor": image.actor or "unknown",
        }
        item: dict[str, AttributeValueTypeDef] = {key: {"S": text} for key, text in texts.items()}
        item["expires_at"] = {"N": str(expires)}
        with translated(f"storing the policy of {image.endpoint_id} in {self._table}"):
            self._db.put_item(TableName=self._table, Item=item)

    def _vpc_items(self, vpc_ids: list[str]) -> Iterator[dict[str, Any]]:
        for start in range(0, len(vpc_ids), _BATCH):
            keys = [
                {"pk": {"S": f"vpc#{vpc_id}"}, "sk": {"S": "state"}}
                for vpc_id in vpc_ids[start : start + _BATCH]
            ]
            answer = self._db.batch_get_item(
                RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}}
            )
            if answer.get("UnprocessedKeys"):
                raise RetryableError(f"{self._table} is throttled; it will be tried again")
            yield from answer["Responses"].get(self._table, [])


def _inventory(item: Mapping[str, Any]) -> Inventory:
    return Inventory(
        vpc_ids=frozenset(item["vpcs"]["M"]),
        policies={key: value["S"] for key, value in item["policies"]["M"].items()},
    )


def _creations(item: Mapping[str, Any]) -> Iterator[tuple[Service, Creation]]:
    for service in Service:
        if service in item:
            noted = json.loads(item[service]["S"])
            begun = datetime.fromisoformat(noted["begun"])
            yield service, Creation(noted["generation"], begun, noted["endpoint_id"])

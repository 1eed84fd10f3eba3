"""The records port on one DynamoDB table with `pk` and `sk`.

    inventory            state                          what stood at first sight
    vpc#<id>             state                          what `VpcMemory` holds, one attribute each
    endpoint#<id>        state                          the VPC of an endpoint that was made

What is kept of policies stands in `evidence.py`. The inventory is one item: 400 KB hold about 4,000
endpoints and their VPCs. Source of the size: Amazon DynamoDB developer guide, "Quotas".
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from guardrail.aws.failures import error_code, translated
from guardrail.aws.remembered import BREAKER, CONTESTED, GROUPS, memory_of
from guardrail.aws.table import batched
from guardrail.core.memory import ONCE_IN, Central, Cession, Creation, VpcMemory, Yield
from guardrail.core.model import Inventory, Note, YieldBegins
from guardrail.core.moments import stamp
from guardrail.core.names import Service

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_INVENTORY: Mapping[str, AttributeValueTypeDef] = {"pk": {"S": "inventory"}, "sk": {"S": "state"}}


class DynamoRecords:
    """What the guardrail remembers; see `guardrail.ports.Records`."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._db = client
        self._table = table

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

    def memories(self, vpc_ids: Collection[str]) -> Mapping[str, VpcMemory]:
        """See `Records.memories`."""
        with translated(f"reading what is remembered of VPCs from {self._table}"):
            found = self._states("vpc", sorted(vpc_ids))
            return {key: memory_of(item) for key, item in found}

    def locate(self, endpoint_ids: Collection[str]) -> Mapping[str, str]:
        """See `Records.locate`."""
        with translated(f"looking for {', '.join(sorted(endpoint_ids)[:3])} in {self._table}"):
            found = self._states("endpoint", sorted(endpoint_ids))
            return {key: item["vpc_id"]["S"] for key, item in found if "vpc_id" in item}

    def note_creation(self, vpc_id: str, service: Service, creation: Creation) -> None:
        """See `Records.note_creation`."""
        self._update(
            vpc_id,
            "SET #generation = :generation, #begun = :begun, #open = :open",
            names={
                "#generation": f"{service}:generation",
                "#begun": f"{service}:begun",
                "#open": f"{service}:unanswered",
            },
            values={
                ":generation": {"N": str(creation.generation)},
                ":begun": {"S": creation.begun.isoformat()},
                ":open": {"BOOL": True},
            },
        )

    def note_endpoint(self, vpc_id: str, service: Service, endpoint_id: str) -> None:
        """See `Records.note_endpoint`; where it stands first, so that no id is without its VPC."""
        item: dict[str, AttributeValueTypeDef] = {
            **_key("endpoint", endpoint_id),
            "vpc_id": {"S": vpc_id},
        }
        with translated(f"noting where {endpoint_id} stands in {self._table}"):
            self._db.put_item(TableName=self._table, Item=item)
        self._update(
            vpc_id,
            "ADD #ids :ids REMOVE #open",
            names={"#ids": f"{service}:endpoints", "#open": f"{service}:unanswered"},
            values={":ids": {"SS": [endpoint_id]}},
        )

    def note_group(self, vpc_id: str, group_id: str) -> None:
        """See `Records.note_group`."""
        self._update(
            vpc_id,
            "ADD #groups :ids",
            names={"#groups": GROUPS},
            values={":ids": {"SS": [group_id]}},
        )

    def note_leaving(
        self, vpc_id: str, service: Service, endpoint_ids: frozenset[str], generation: int
    ) -> None:
        """See `Records.note_leaving`."""
        self._update(
            vpc_id,
            "SET #generation = :generation ADD #leaving :ids",
            names={"#generation": f"{service}:generation", "#leaving": f"{service}:leaving"},
            values={":generation": {"N": str(generation)}, ":ids": {"SS": sorted(endpoint_ids)}},
        )

    def note_staying(self, vpc_id: str, service: Service, endpoint_ids: frozenset[str]) -> None:
        """See `Records.note_staying`."""
        self._update(
            vpc_id,
            "DELETE #leaving :ids",
            names={"#leaving": f"{service}:leaving"},
            values={":ids": {"SS": sorted(endpoint_ids)}},
        )

    def note_lost(
        self, vpc_id: str, service: Service, endpoint_ids: frozenset[str], generation: int
    ) -> None:
        """See `Records.note_lost`."""
        self._update(
            vpc_id,
            "SET #generation = :generation DELETE #ids :ids, #leaving :ids ADD #departed :ids",
            names={
                "#generation": f"{service}:generation",
                "#ids": f"{service}:endpoints",
                "#leaving": f"{service}:leaving",
                "#departed": f"{service}:departed",
            },
            values={":generation": {"N": str(generation)}, ":ids": {"SS": sorted(endpoint_ids)}},
        )

    def note(self, vpc_id: str, note: Note) -> None:
        """See `Records.note`."""
        if isinstance(note, YieldBegins):
            self._note_yield(vpc_id, note.begins)
        else:
            self._set(vpc_id, f"{note.service}:ceded", json.dumps(_told(note.begins)))

    def note_deletion(self, vpc_id: str, begun: Yield) -> bool:
        """See `Records.note_deletion`; moments are compared as texts."""
        return self._note_yield(
            vpc_id,
            begun,
            condition="attribute_not_exists(#since) OR #since <= :before",
            more={":before": {"S": stamp(begun.begun - ONCE_IN)}},
        )

    def _note_yield(
        self,
        vpc_id: str,
        begun: Yield,
        condition: str = "",
        more: Mapping[str, AttributeValueTypeDef] | None = None,
    ) -> bool:
        noted = {**_told(begun), "cause": begun.cause}
        return self._update(
            vpc_id,
            "SET #yield = :yield, #since = :since",
            names={"#yield": "yield", "#since": "yield_since"},
            values={
                ":yield": {"S": json.dumps(noted)},
                ":since": {"S": stamp(begun.begun)},
                **(more or {}),
            },
            condition=condition,
        )

    def note_central(self, vpc_id: str, service: Service, central: Central) -> None:
        """See `Records.note_central`."""
        noted = {"by": central.by, "asked": central.asked.isoformat()}
        self._set(vpc_id, f"{service}:central", json.dumps(noted))

    def note_put_off(self, vpc_id: str, since: datetime | None) -> None:
        """See `Records.note_put_off`."""
        if since:
            self._set(vpc_id, "put_off", since.isoformat())
        else:
            self._update(vpc_id, "REMOVE #name", names={"#name": "put_off"}, values={})

    def note_fight(self, vpc_id: str, endpoint_id: str, until: datetime, *, breaks: bool) -> None:
        """See `Records.note_fight`."""
        names = {"#contested": f"{CONTESTED}{endpoint_id}"}
        if breaks:
            names["#breaker"] = f"{BREAKER}{endpoint_id}"
        self._update(
            vpc_id,
            f"SET {', '.join(f'{name} = :until' for name in names)}",
            names=names,
            values={":until": {"S": until.isoformat()}},
        )

    def end_fight(self, vpc_id: str, endpoint_id: str, now: datetime) -> None:
        """See `Records.end_fight`; moments are compared as texts, so all are of one offset."""
        names = {"#contested": f"{CONTESTED}{endpoint_id}", "#breaker": f"{BREAKER}{endpoint_id}"}
        over = [f"(attribute_not_exists({name}) OR {name} <= :now)" for name in names]
        self._update(
            vpc_id,
            f"REMOVE {', '.join(names)}",
            names=names,
            values={":now": {"S": now.isoformat()}},
            condition=" AND ".join(over),
        )

    def _set(self, vpc_id: str, name: str, text: str) -> None:
        self._update(
            vpc_id, "SET #name = :text", names={"#name": name}, values={":text": {"S": text}}
        )

    def _update(
        self,
        vpc_id: str,
        expression: str,
        *,
        names: dict[str, str],
        values: dict[str, AttributeValueTypeDef],
        condition: str = "",
    ) -> bool:
        """Change single attributes of a VPC's item, so that two invocations lose nothing.

        Nothing is changed where the condition does not hold (any more): False.
        """
        request: dict[str, Any] = {"ExpressionAttributeValues": values} if values else {}
        if condition:
            request["ConditionExpression"] = condition
        with translated(f"noting about {vpc_id} in {self._table}"):
            try:
                self._db.update_item(
                    TableName=self._table,
                    Key=_key("vpc", vpc_id),
                    UpdateExpression=expression,
                    ExpressionAttributeNames=names,
                    **request,
                )
            except ClientError as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise
                return False
        return True

    def _states(self, kind: str, ids: list[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for item in batched(self._db, self._table, [_key(kind, one) for one in ids]):
            yield item["pk"]["S"].removeprefix(f"{kind}#"), item


def _key(kind: str, name: str) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": f"{kind}#{name}"}, "sk": {"S": "state"}}


def _told(begins: Yield | Cession) -> dict[str, str | None]:
    return {
        "begun": begins.begun.isoformat(),
        "actor": begins.actor,
        "event_id": begins.event_id,
    }


def _inventory(item: Mapping[str, Any]) -> Inventory:
    return Inventory(
        vpc_ids=frozenset(item["vpcs"]["M"]),
        policies={key: value["S"] for key, value in item["policies"]["M"].items()},
    )

"""The evidence port on the stack's table: policies that complied, and those that were replaced.

    endpoint#<id>   policy#last-compliant          what a revert restores
    endpoint#<id>   revert#<ISO time>#<event id>   what a policy write replaced, why, for whom

Only the second kind expires (`expires_at`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from guardrail.aws.failures import error_code, translated
from guardrail.aws.table import batched
from guardrail.core.fights import PastRevert
from guardrail.core.moments import stamp
from guardrail.core.plan import policy_hash
from guardrail.ports import BeforeImage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

LAST_COMPLIANT = "policy#last-compliant"
REVERT = "revert#"
_UNKNOWN = "attribute_not_exists(sha256) OR sha256 <> :sha256 OR attribute_exists(owed)"


class DynamoEvidence:
    """What is kept of endpoints' policies; see `guardrail.ports.Evidence`."""

    def __init__(self, client: DynamoDBClient, table: str, history_days: int) -> None:
        self._db = client
        self._table = table
        self._history = timedelta(days=history_days)

    def note_compliant(self, endpoint_id: str, policy: str) -> bool:
        """See `Evidence.note_compliant`; one conditional write, no read."""
        digest = policy_hash(policy)
        with translated(f"keeping the policy of {endpoint_id} in {self._table}"):
            try:
                answer = self._db.update_item(
                    TableName=self._table,
                    Key=_key(endpoint_id, LAST_COMPLIANT),
                    UpdateExpression="SET #policy = :policy, sha256 = :sha256 REMOVE owed",
                    ConditionExpression=_UNKNOWN,
                    ExpressionAttributeNames={"#policy": "policy"},
                    ExpressionAttributeValues={":policy": {"S": policy}, ":sha256": {"S": digest}},
                    ReturnValues="ALL_OLD",
                )
            except ClientError as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise
                return False
        return "owed" in answer.get("Attributes", {})

    def owe(self, endpoint_id: str) -> None:
        """See `Evidence.owe`."""
        with translated(f"noting what {endpoint_id} lacks in {self._table}"):
            self._db.update_item(
                TableName=self._table,
                Key=_key(endpoint_id, LAST_COMPLIANT),
                UpdateExpression="SET owed = :owed",
                ExpressionAttributeValues={":owed": {"BOOL": True}},
            )

    def last_compliant(self, endpoint_ids: Collection[str]) -> Mapping[str, str]:
        """See `Evidence.last_compliant`."""
        keys = [_key(endpoint_id, LAST_COMPLIANT) for endpoint_id in sorted(endpoint_ids)]
        with translated(f"reading the last compliant policies from {self._table}"):
            found = list(batched(self._db, self._table, keys))
        return {_endpoint_id(item): item["policy"]["S"] for item in found if "policy" in item}

    def keep(self, image: BeforeImage) -> None:
        """See `Evidence.keep`."""
        texts = {
            "vpc_id": image.vpc_id,
            "policy_before": image.before,
            "policy_after": image.after,
            "origin": image.origin,
            "reason": image.reason,
            "witness": json.dumps(asdict(image.witness)) if image.witness else "",
            "trigger": image.trigger,
            "event_id": image.event_id or "",
            "actor": image.actor or "",
            "user_agent": image.user_agent or "",
            "changed": image.changed.isoformat() if image.changed else "",
        }
        item: dict[str, AttributeValueTypeDef] = {
            **_record_key(image),
            **{name: {"S": text} for name, text in texts.items() if text},
            "codes": {"L": [{"S": code} for code in image.codes]},
            "expires_at": {"N": str(int((image.at + self._history).timestamp()))},
        }
        with translated(f"storing the policy of {image.endpoint_id} in {self._table}"):
            self._db.put_item(TableName=self._table, Item=item)

    def completed(
        self,
        image: BeforeImage,
        written: datetime,
        verified: datetime | None,
        exposure_ms: int | None,
    ) -> None:
        """See `Evidence.completed`."""
        at = written.astimezone(UTC).isoformat()
        values: dict[str, AttributeValueTypeDef] = {":written": {"S": at}}
        if verified:
            values[":verified"] = {"S": verified.astimezone(UTC).isoformat()}
        if exposure_ms is not None:
            values[":exposure_ms"] = {"N": str(exposure_ms)}
        setting = ", ".join(f"#{name[1:]} = {name}" for name in values)
        with translated(f"completing the record about {image.endpoint_id} in {self._table}"):
            self._db.update_item(
                TableName=self._table,
                Key=_record_key(image),
                UpdateExpression=f"SET {setting}",
                ExpressionAttributeNames={f"#{name[1:]}": name[1:] for name in values},
                ExpressionAttributeValues=values,
            )

    def reverts(self, endpoint_id: str, since: datetime) -> Sequence[PastRevert]:
        """See `Evidence.reverts`; without the policies, which are most of a record."""
        with translated(f"reading the history of {endpoint_id} from {self._table}"):
            return [_past(item) for item in self._written(endpoint_id, since)]

    def _written(self, endpoint_id: str, since: datetime) -> Iterator[Mapping[str, Any]]:
        paginator = self._db.get_paginator("query")
        for page in paginator.paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :since AND :end",
            FilterExpression="attribute_exists(written)",
            ProjectionExpression="sk, actor, user_agent",
            ExpressionAttributeValues={
                ":pk": {"S": f"endpoint#{endpoint_id}"},
                ":since": {"S": f"{REVERT}{stamp(since)}"},
                ":end": {"S": f"{REVERT}~"},
            },
            ConsistentRead=True,
        ):
            yield from page["Items"]


def _key(endpoint_id: str, name: str) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": f"endpoint#{endpoint_id}"}, "sk": {"S": name}}


def _record_key(image: BeforeImage) -> dict[str, AttributeValueTypeDef]:
    return _key(image.endpoint_id, f"{REVERT}{image.name}")


def _endpoint_id(item: Mapping[str, Any]) -> str:
    return str(item["pk"]["S"]).removeprefix("endpoint#")


def _past(item: Mapping[str, Any]) -> PastRevert:
    moment = item["sk"]["S"].removeprefix(REVERT).partition("#")[0]
    texts = {name: item[name]["S"] for name in ("actor", "user_agent") if name in item}
    return PastRevert(datetime.fromisoformat(moment), **texts)

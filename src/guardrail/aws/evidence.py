"""The evidence port on the stack's table: policies that complied, and those that were replaced.

    endpoint#<id>   policy#last-compliant          what a revert restores, and what `Kept` holds
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
from guardrail.core.fights import IN_FLIGHT, WINDOW, Loosening, PastRevert
from guardrail.core.moments import stamp
from guardrail.core.plan import policy_hash
from guardrail.ports import BeforeImage, Kept

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

LAST_COMPLIANT = "policy#last-compliant"
REVERT = "revert#"
_UNKNOWN = (
    "(attribute_not_exists(sha256) OR sha256 <> :sha256 OR attribute_exists(owed)"
    " OR attribute_exists(loosening)) AND (attribute_not_exists(seen) OR seen <= :looked)"
)


class DynamoEvidence:
    """What is kept of endpoints' policies; see `guardrail.ports.Evidence`."""

    def __init__(self, client: DynamoDBClient, table: str, history_days: int) -> None:
        self._db = client
        self._table = table
        self._history = timedelta(days=history_days)

    def note_compliant(self, endpoint_id: str, policy: str, looked: datetime) -> bool:
        """See `Evidence.note_compliant`; one conditional write, no read."""
        before = self._note(
            endpoint_id,
            "SET #policy = :policy, sha256 = :sha256, seen = :looked REMOVE loosening",
            {":policy": policy, ":sha256": policy_hash(policy), ":looked": stamp(looked)},
            condition=_UNKNOWN,
            names={"#policy": "policy"},
        )
        return before is not None and "owed" in before

    def owe(self, endpoint_id: str, at: datetime) -> None:
        """See `Evidence.owe`."""
        self._note(endpoint_id, "SET owed = :at", {":at": stamp(at)})

    def pay(self, endpoint_id: str, begun: datetime) -> None:
        """See `Evidence.pay`; moments are compared as texts."""
        values = {":begun": stamp(begun)}
        self._note(endpoint_id, "REMOVE owed", values, condition="owed <= :begun")

    def kept(self, endpoint_ids: Collection[str]) -> Mapping[str, Kept]:
        """See `Evidence.kept`."""
        keys = [_key(endpoint_id, LAST_COMPLIANT) for endpoint_id in sorted(endpoint_ids)]
        with translated(f"reading the last compliant policies from {self._table}"):
            found = list(batched(self._db, self._table, keys))
        return {_endpoint_id(item): _kept(item) for item in found}

    def note_loosening(self, endpoint_id: str, loosening: Loosening) -> None:
        """See `Evidence.note_loosening`."""
        noted = {**asdict(loosening), "at": loosening.at.isoformat() if loosening.at else None}
        self._note(endpoint_id, "SET loosening = :noted", {":noted": json.dumps(noted)})

    def claim(self, endpoint_id: str, now: datetime, until: datetime) -> bool:
        """See `Evidence.claim`; one conditional write, so that one of many gets it."""
        before = self._note(
            endpoint_id,
            "SET not_before = :until",
            {":until": stamp(until), ":now": stamp(now)},
            condition="attribute_not_exists(not_before) OR not_before <= :now",
        )
        return before is not None

    def _note(
        self,
        endpoint_id: str,
        expression: str,
        values: Mapping[str, str],
        *,
        condition: str = "",
        names: dict[str, str] | None = None,
    ) -> dict[str, Any] | None:
        """Return what was kept before; None when the condition does not hold."""
        request: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
        if names:
            request["ExpressionAttributeNames"] = names
        with translated(f"noting about {endpoint_id} in {self._table}"):
            try:
                answer = self._db.update_item(
                    TableName=self._table,
                    Key=_key(endpoint_id, LAST_COMPLIANT),
                    UpdateExpression=expression,
                    ExpressionAttributeValues={name: {"S": text} for name, text in values.items()},
                    ReturnValues="ALL_OLD",
                    **request,
                )
            except ClientError as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise
                return None
        return dict(answer.get("Attributes", {}))

    def keep(self, image: BeforeImage) -> None:
        """See `Evidence.keep`."""
        texts = {
            "vpc_id": image.vpc_id,
            "begun": stamp(image.at),
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

    def note_written(self, image: BeforeImage, at: datetime, exposure_ms: int | None) -> None:
        """See `Evidence.note_written`."""
        self._complete(image, "written", at, exposure_ms)

    def note_failed(self, image: BeforeImage) -> None:
        """See `Evidence.note_failed`; what it would have replaced stays on record."""
        with translated(f"completing the record about {image.endpoint_id} in {self._table}"):
            self._db.update_item(
                TableName=self._table, Key=_record_key(image), UpdateExpression="REMOVE begun"
            )

    def note_verified(self, image: BeforeImage, at: datetime, exposure_ms: int | None) -> None:
        """See `Evidence.note_verified`."""
        self._complete(image, "verified", at, exposure_ms)

    def _complete(
        self, image: BeforeImage, name: str, at: datetime, exposure_ms: int | None
    ) -> None:
        values: dict[str, AttributeValueTypeDef] = {":at": {"S": at.astimezone(UTC).isoformat()}}
        setting = "SET #name = :at"
        if exposure_ms is not None:
            values[":exposure_ms"] = {"N": str(exposure_ms)}
            setting += ", exposure_ms = :exposure_ms"
        with translated(f"completing the record about {image.endpoint_id} in {self._table}"):
            self._db.update_item(
                TableName=self._table,
                Key=_record_key(image),
                UpdateExpression=setting,
                ExpressionAttributeNames={"#name": name},
                ExpressionAttributeValues=values,
            )

    def reverts(self, endpoint_id: str, now: datetime) -> Sequence[PastRevert]:
        """See `Evidence.reverts`; without the policies, which are most of a record."""
        with translated(f"reading the history of {endpoint_id} from {self._table}"):
            return [_past(item) for item in self._begun(endpoint_id, now)]

    def _begun(self, endpoint_id: str, now: datetime) -> Iterator[Mapping[str, Any]]:
        paginator = self._db.get_paginator("query")
        for page in paginator.paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :since AND :end",
            FilterExpression="attribute_exists(written) OR begun >= :recent",
            ProjectionExpression="sk, actor, user_agent, written",
            ExpressionAttributeValues={
                ":pk": {"S": f"endpoint#{endpoint_id}"},
                ":since": {"S": f"{REVERT}{stamp(now - WINDOW)}"},
                ":end": {"S": f"{REVERT}~"},
                ":recent": {"S": stamp(now - IN_FLIGHT)},
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


def _kept(item: Mapping[str, Any]) -> Kept:
    texts = {name: value["S"] for name, value in item.items() if "S" in value}
    told = json.loads(texts["loosening"]) if "loosening" in texts else None
    if told:
        told["at"] = datetime.fromisoformat(told["at"]) if told["at"] else None
    return Kept(texts.get("policy"), "owed" in item, Loosening(**told) if told else None)


def _past(item: Mapping[str, Any]) -> PastRevert:
    moment = item["sk"]["S"].removeprefix(REVERT).partition("#")[0]
    texts = {name: item[name]["S"] for name in ("actor", "user_agent") if name in item}
    return PastRevert(datetime.fromisoformat(moment), **texts, written="written" in item)

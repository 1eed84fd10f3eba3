"""What was told lately, in the VPC's item of the stack's table."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from guardrail.aws.failures import error_code, translated
from guardrail.aws.remembered import FINDING, HELD_BACK, UNTIL

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class DynamoWindows:
    """Windows of messages, and open findings; see `guardrail.herald.Windows`."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._db = client
        self._table = table

    def open(self, vpc_id: str, key: str, now: datetime, until: datetime) -> int | None:
        """See `Windows.open`; moments are compared as texts, so all are of one offset."""
        names = {"#until": f"{UNTIL}{key}", "#held": f"{HELD_BACK}{key}"}
        begun = self._update(
            vpc_id,
            "SET #until = :until REMOVE #held",
            names,
            {":until": {"S": until.isoformat()}, ":now": {"S": now.isoformat()}},
            "attribute_not_exists(#until) OR #until <= :now",
        )
        if begun is not None:
            return int(begun.get(names["#held"], {}).get("N", 0))
        held = {"#held": names["#held"]}
        self._update(vpc_id, "ADD #held :one", held, {":one": {"N": "1"}})
        return None

    def close(self, vpc_id: str, key: str, until: datetime) -> bool:
        """See `Windows.close`."""
        names = {"#until": f"{UNTIL}{key}", "#held": f"{HELD_BACK}{key}"}
        values = {":until": {"S": until.isoformat()}}
        ended = self._update(vpc_id, "REMOVE #until, #held", names, values, "#until = :until")
        return ended is not None

    def note_finding(self, vpc_id: str, endpoint_id: str, at: datetime, *, active: bool) -> None:
        """See `Windows.note_finding`."""
        names = {"#finding": f"{FINDING}{endpoint_id}"}
        if active:
            self._update(vpc_id, "SET #finding = :at", names, {":at": {"S": at.isoformat()}})
        else:
            self._update(vpc_id, "REMOVE #finding", names, {})

    def _update(
        self,
        vpc_id: str,
        expression: str,
        names: dict[str, str],
        values: dict[str, Any],
        condition: str = "",
    ) -> dict[str, Any] | None:
        """Return what the item held before; None when the condition does not hold."""
        only: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
        if values:
            only["ExpressionAttributeValues"] = values
        with translated(f"noting what was told about {vpc_id} in {self._table}"):
            try:
                answer = self._db.update_item(
                    TableName=self._table,
                    Key={"pk": {"S": f"vpc#{vpc_id}"}, "sk": {"S": "state"}},
                    UpdateExpression=expression,
                    ExpressionAttributeNames=names,
                    ReturnValues="ALL_OLD",
                    **only,
                )
            except ClientError as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise
                return None
        return dict(answer.get("Attributes", {}))

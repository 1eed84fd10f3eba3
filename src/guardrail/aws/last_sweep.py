"""What the last sweep came to, in the stack's table: `sfn-guardrail org status` reads it there.

sweep   state   when it ended, the mode, and its totals as JSON
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from guardrail.aws.failures import translated
from guardrail.core.moments import stamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

KEY = {"pk": {"S": "sweep"}, "sk": {"S": "state"}}


class LastSweep:
    """One item that every sweep replaces."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._db = client
        self._table = table

    def note(self, at: datetime, mode: str, totals: Mapping[str, object]) -> None:
        """Keep the totals of a sweep; raises RetryableError or TerminalError."""
        item = {"at": {"S": stamp(at)}, "mode": {"S": mode}, "totals": {"S": json.dumps(totals)}}
        with translated(f"noting the totals of the sweep in {self._table}"):
            self._db.put_item(TableName=self._table, Item={**KEY, **item})

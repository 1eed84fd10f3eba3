"""What the last sweep came to, in the stack's table: `sfn-guardrail org status` reads it there.

sweep   state   when it ended, the mode, its totals and what is known of permissions, both as JSON
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from guardrail.aws.failures import translated
from guardrail.core.moments import stamp
from guardrail.core.trials import Trial, Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

KEY = {"pk": {"S": "sweep"}, "sk": {"S": "state"}}


@dataclass(frozen=True, slots=True)
class Swept:
    """When a sweep ended, what it found missing, and what was known of the permissions then."""

    at: datetime | None = None
    missing: tuple[str, ...] = ()
    trial: Trial | None = None


class LastSweep:
    """One item that every sweep replaces."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._db = client
        self._table = table

    def note(
        self, at: datetime, mode: str, totals: Mapping[str, object], trial: Trial | None = None
    ) -> None:
        """Keep the totals of a sweep; raises RetryableError or TerminalError."""
        item = {"at": {"S": stamp(at)}, "mode": {"S": mode}, "totals": {"S": json.dumps(totals)}}
        if trial:
            item["trial"] = {"S": _text(trial)}
        with translated(f"noting the totals of the sweep in {self._table}"):
            self._db.put_item(TableName=self._table, Item={**KEY, **item})

    def last(self, mode: str) -> Swept:
        """Return the last sweep in this mode, if no other was since; else one of nothing.

        Another mode's roles are others. The read may be stale, which costs a trial too many at
        worst. Raises RetryableError or TerminalError.
        """
        with translated(f"looking for the last sweep in {self._table}"):
            item = self._db.get_item(TableName=self._table, Key=KEY).get("Item", {})
        told = {name: value.get("S", "") for name, value in item.items()}
        if told.get("mode") != mode:
            return Swept()
        missing = json.loads(told["totals"]).get("missing", ())
        trial = _trial(told["trial"]) if "trial" in told else None
        return Swept(datetime.fromisoformat(told["at"]), tuple(missing), trial)


def _text(trial: Trial) -> str:
    told = {"at": stamp(trial.at), "answers": dict(trial.answers), "failure": trial.failure}
    return json.dumps(told)


def _trial(text: str) -> Trial:
    told = json.loads(text)
    answers = {Write(write): str(said) for write, said in told["answers"].items()}
    return Trial(datetime.fromisoformat(told["at"]), answers, told["failure"])

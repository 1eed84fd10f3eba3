"""Events about what the guardrail found and did, on the account's default bus.

Custom events have a price, so what found nothing announces nothing, and the client is made when it
is needed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from guardrail.aws import clients
from guardrail.aws.failures import translated
from guardrail.core.trail import SOURCE
from guardrail.errors import RetryableError

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

SWEPT = "Sweep Finished"
"""The detail-type of a sweep's totals; `docs/reference/events.md` has its fields."""


class Announcer:
    """Puts events on the default bus."""

    def announce(self, kind: str, detail: Mapping[str, object]) -> None:
        """Put one event; raises RetryableError or TerminalError when the bus does not take it."""
        entry: PutEventsRequestEntryTypeDef = {
            "Source": SOURCE,
            "DetailType": kind,
            "Detail": json.dumps(detail, default=str),
        }
        with translated(f"announcing '{kind}'"):
            answer = clients.events().put_events(Entries=[entry])
        for refused in answer.get("Entries", []):
            if refused.get("ErrorCode"):
                said = f"{refused.get('ErrorCode')}: {refused.get('ErrorMessage')}"
                raise RetryableError(f"announcing '{kind}': {said}")

"""Handing over what trying again cannot mend to the stack's dead-letter queue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from guardrail.aws.failures import translated

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

_MAX_EVENT = 100_000
"""Characters of the event that are kept.

A message holds 1,048,576 bytes at most and 262,144 in a queue that was told so; escaping may
double what is cut off. Source: Amazon SQS developer guide, "Message quotas".
"""

_MAX_CAUSES = 50
_MAX_CAUSE = 1_000
"""A sweep may fail in every VPC; the log holds all of them, the message the first ones."""


class DeadLetters:
    """Messages in the shape of Lambda's own failure records, with the cause in plain words."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, event: object, function_arn: str, causes: Mapping[str, str]) -> None:
        """Send `event` with the cause of each VPC; raises RetryableError or TerminalError."""
        first = list(causes.items())[:_MAX_CAUSES]
        message: dict[str, Any] = {
            "requestContext": {"functionArn": function_arn, "condition": "NotRetried"},
            "requestPayload": _shortened(event),
            "causes": {vpc_id: cause[:_MAX_CAUSE] for vpc_id, cause in first},
            "failed": len(causes),
        }
        with translated(f"sending to the dead-letter queue {self._queue_url}"):
            self._client.send_message(
                QueueUrl=self._queue_url, MessageBody=json.dumps(message, default=str)
            )


def _shortened(event: object) -> object:
    try:
        text = json.dumps(event, default=str)
    except RecursionError:
        return "(nested too deeply to be written)"
    return event if len(text) <= _MAX_EVENT else text[:_MAX_EVENT]

"""Handing over what trying again cannot mend to the stack's dead-letter queue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from guardrail.aws.failures import translated

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

_MAX_EVENT = 200_000
"""Characters of the event that are kept: a message holds 1,048,576 bytes at most.

Source: Amazon SQS developer guide, "Message quotas"; the margin is for escaping.
"""


class DeadLetters:
    """Messages in the shape of Lambda's own failure records, with the cause in plain words."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, event: object, function_arn: str, causes: Mapping[str, str]) -> None:
        """Send `event` with the cause of each VPC; raises RetryableError or TerminalError."""
        text = json.dumps(event, default=str)
        message: dict[str, Any] = {
            "requestContext": {"functionArn": function_arn, "condition": "NotRetried"},
            "requestPayload": event if len(text) <= _MAX_EVENT else text[:_MAX_EVENT],
            "causes": causes,
        }
        with translated(f"sending to the dead-letter queue {self._queue_url}"):
            self._client.send_message(
                QueueUrl=self._queue_url, MessageBody=json.dumps(message, default=str)
            )

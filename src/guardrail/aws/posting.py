"""Messages on an Amazon SNS topic, and findings in Security Hub: both only where asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from guardrail.aws import clients
from guardrail.aws.failures import translated
from guardrail.errors import TerminalError
from guardrail.findings import SecurityFinding
from guardrail.messages import Message
from guardrail.notices import Where

if TYPE_CHECKING:
    from guardrail.aws.unstubbed import SecurityHub


class TopicPost:
    """Publishes on a topic; see `guardrail.herald.Post`."""

    def __init__(self, topic_arn: str) -> None:
        self._topic_arn = topic_arn

    def send(self, message: Message) -> None:
        """See `Post.send`."""
        with translated(f"sending '{message.subject}' to {self._topic_arn}"):
            clients.sns().publish(
                TopicArn=self._topic_arn, Subject=message.subject, Message=message.text
            )


class SecurityHubFindings:
    """Imports findings as their provider; see `guardrail.herald.Hub`."""

    def __init__(self, where: Where) -> None:
        self._where = where

    def record(self, findings: Iterable[SecurityFinding]) -> None:
        """See `Hub.record`."""
        told = [finding.asff(self._where) for finding in findings]
        with translated(f"importing {len(told)} findings into Security Hub"):
            client: SecurityHub = clients.securityhub()
            answer = client.batch_import_findings(Findings=told)
        for failed in answer.get("FailedFindings", []):
            said = f"{failed.get('ErrorCode')}: {failed.get('ErrorMessage')}"
            raise TerminalError(f"Security Hub does not take {failed.get('Id')}: {said}")

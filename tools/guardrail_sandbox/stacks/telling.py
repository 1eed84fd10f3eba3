"""What a stack says of itself: its status and its events, also about single resources.

AWS: CloudFormation user guide, "View stack events" and "Stack status codes". The words of the
reasons are those that public reports of failed stacks quote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from moto.cloudformation.models import Event

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

    from guardrail_sandbox.untyped import Moto


@dataclass(frozen=True, slots=True)
class Teller:
    """Writes the events of one stack."""

    stack: Moto
    now: Callable[[], datetime]

    def status(self, status: str, reason: str | None = None) -> None:
        """Give the stack another status."""
        stack = self.stack
        stack.status = status
        self._add(stack.name, stack.stack_id, "AWS::CloudFormation::Stack", status, reason)

    def resource(
        self, name: str, kind: str, physical_id: str, status: str, *, reason: str | None = None
    ) -> None:
        """Tell how far the work on a resource is."""
        self._add(name, physical_id, kind, status, reason)

    def _add(self, name: str, physical_id: str, kind: str, status: str, reason: str | None) -> None:
        event = Event(
            stack_id=self.stack.stack_id,
            stack_name=self.stack.name,
            logical_resource_id=name,
            physical_resource_id=physical_id,
            resource_type=kind,
            resource_status=status,
            resource_status_reason=reason,
            resource_properties=None,
        )
        # moto's times have no zone.
        event.timestamp = self.now().replace(tzinfo=None)
        self.stack.events.append(event)


def reason_of(error: ClientError) -> str:
    """Return how CloudFormation words what EC2 refused."""
    metadata = error.response.get("ResponseMetadata", {})
    status, request_id = metadata.get("HTTPStatusCode"), metadata.get("RequestId")
    message = error.response.get("Error", {}).get("Message", "")
    service = f"(Service: Ec2, Status Code: {status}, Request ID: {request_id})"
    return f'Resource handler returned message: "{message} {service}"'


def failed_to(verb: str, names: Iterable[str]) -> str:
    """Return how CloudFormation words which resources failed."""
    return f"The following resource(s) failed to {verb}: [{', '.join(names)}]. "

"""Settling and agenda on EventBridge Scheduler: one-off schedules, one per VPC and purpose.

A pause is pushed on by each change of the VPC, three times its length in all: a network that its
owner never stops changing gets its endpoint, too. When it began stands in the schedule's own input.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from guardrail.aws.failures import error_code, translated
from guardrail.core.trail import LOOK_AGAIN, SETTLED, SOURCE

if TYPE_CHECKING:
    from mypy_boto3_scheduler.client import EventBridgeSchedulerClient


@dataclass(frozen=True, slots=True)
class Schedules:
    """Where the schedules stand and whom they invoke.

    The scheduler assumes `role_arn` to invoke `function_arn` and sends what it cannot deliver to
    `dead_letter_arn`.
    """

    group: str
    function_arn: str
    role_arn: str
    dead_letter_arn: str

    def request(self, name: str, due: datetime, message: dict[str, Any]) -> dict[str, Any]:
        """Return what makes, or changes, a schedule that sends `message` once and is gone."""
        # Schedules have whole seconds; rounded up, nothing comes earlier than asked for.
        at = due.astimezone(UTC) + timedelta(microseconds=999_999)
        target: dict[str, Any] = {
            "Arn": self.function_arn,
            "RoleArn": self.role_arn,
            "Input": json.dumps(message),
        }
        if self.dead_letter_arn:
            target["DeadLetterConfig"] = {"Arn": self.dead_letter_arn}
        return {
            "GroupName": self.group,
            "Name": name,
            "ScheduleExpression": f"at({at:%Y-%m-%dT%H:%M:%S})",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ActionAfterCompletion": "DELETE",
            "Target": target,
        }


_LONGEST = 3
"""How many times its length a pause lasts at most, however often it is pushed on."""


class ScheduledSettling:
    """The pause of `seconds` before creation; see `guardrail.ports.Settling`."""

    def __init__(
        self,
        client: EventBridgeSchedulerClient,
        schedules: Schedules,
        seconds: int,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._schedules = schedules
        self._pause = timedelta(seconds=seconds)
        self._now = now

    def push(self, vpc_id: str) -> bool:
        """See `Settling.push`; the schedule deletes itself after it ran."""
        if not self._pause:
            return False
        now = self._now()
        with translated(f"scheduling the endpoint of {vpc_id}"):
            if _made(self._client, self._request(vpc_id, now, now + self._pause)):
                return True
            return self._push_on(vpc_id, now)

    def pending(self, vpc_id: str) -> bool:
        """See `Settling.pending`."""
        if not self._pause:
            return False
        with translated(f"looking for the schedule of {vpc_id}"):
            return self._since(vpc_id) is not None

    def _push_on(self, vpc_id: str, now: datetime) -> bool:
        """Put the end of a running pause off, as far as it may be."""
        since = self._since(vpc_id) or now
        due = min(now + self._pause, since + _LONGEST * self._pause)
        if due <= now:
            return False
        request = self._request(vpc_id, since, due)
        # It may run in between and be gone: then start anew.
        return _changed(self._client, request) or _made(self._client, request)

    def _since(self, vpc_id: str) -> datetime | None:
        """Return when the running pause began; None when none runs."""
        try:
            found = self._client.get_schedule(GroupName=self._schedules.group, Name=vpc_id)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            return None
        message = json.loads(found["Target"].get("Input", "{}"))
        return datetime.fromisoformat(message["detail"]["since"])

    def _request(self, vpc_id: str, since: datetime, due: datetime) -> dict[str, Any]:
        detail = {"vpcId": vpc_id, "since": since.isoformat()}
        message = {"source": SOURCE, "detail-type": SETTLED, "detail": detail}
        return self._schedules.request(vpc_id, due, message)


class ScheduledAgenda:
    """Appointments of one function, bearing its `name`; see `guardrail.ports.Agenda`."""

    def __init__(self, client: EventBridgeSchedulerClient, schedules: Schedules, name: str) -> None:
        self._client = client
        self._schedules = schedules
        self._name = name

    def look_again(self, vpc_id: str, at: datetime) -> None:
        """See `Agenda.look_again`."""
        message = {"source": SOURCE, "detail-type": LOOK_AGAIN, "detail": {"vpcId": vpc_id}}
        request = self._schedules.request(f"{self._name}-{vpc_id}", at, message)
        with translated(f"making an appointment about {vpc_id}"):
            if not _made(self._client, request) and not _changed(self._client, request):
                _made(self._client, request)


def _made(client: EventBridgeSchedulerClient, request: dict[str, Any]) -> bool:
    """Make a schedule; False when there is one of the name."""
    try:
        client.create_schedule(**request)
    except ClientError as error:
        if error_code(error) != "ConflictException":
            raise
        return False
    return True


def _changed(client: EventBridgeSchedulerClient, request: dict[str, Any]) -> bool:
    """Change a schedule; False when there is none of the name (any more)."""
    try:
        client.update_schedule(**request)
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        return False
    return True

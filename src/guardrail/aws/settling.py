"""The settling port on EventBridge Scheduler: a one-off schedule per VPC, pushed on by changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from guardrail.aws.failures import error_code, translated
from guardrail.core.trail import SETTLED, SOURCE

if TYPE_CHECKING:
    from mypy_boto3_scheduler.client import EventBridgeSchedulerClient


@dataclass(frozen=True, slots=True)
class Schedules:
    """Where the schedules stand, whom they invoke and how long they wait.

    `function_arn` is that of VpcChange; the scheduler assumes `role_arn` to invoke it and
    sends what it cannot deliver to `dead_letter_arn`.
    """

    group: str
    function_arn: str
    role_arn: str
    dead_letter_arn: str
    seconds: int


class ScheduledSettling:
    """The pause before creation; see `guardrail.ports.Settling`."""

    def __init__(
        self,
        client: EventBridgeSchedulerClient,
        schedules: Schedules,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._schedules = schedules
        self._now = now

    def push(self, vpc_id: str) -> bool:
        """See `Settling.push`; the schedule deletes itself after it ran."""
        if self._schedules.seconds == 0:
            return False
        request = self._request(vpc_id)
        with translated(f"scheduling the endpoint of {vpc_id}"):
            try:
                self._client.create_schedule(**request)
            except ClientError as error:
                if error_code(error) != "ConflictException":
                    raise
                self._update(request)
        return True

    def pending(self, vpc_id: str) -> bool:
        """See `Settling.pending`."""
        if self._schedules.seconds == 0:
            return False
        with translated(f"looking for the schedule of {vpc_id}"):
            try:
                self._client.get_schedule(GroupName=self._schedules.group, Name=vpc_id)
            except ClientError as error:
                if error_code(error) != "ResourceNotFoundException":
                    raise
                return False
        return True

    def _update(self, request: dict[str, Any]) -> None:
        try:
            self._client.update_schedule(**request)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            # It ran in between and is gone: start anew.
            self._client.create_schedule(**request)

    def _request(self, vpc_id: str) -> dict[str, Any]:
        # Schedules have whole seconds; rounded up, the pause is never shorter than asked for.
        begun = self._now().astimezone(UTC) + timedelta(microseconds=999_999)
        due = begun + timedelta(seconds=self._schedules.seconds)
        message = {"source": SOURCE, "detail-type": SETTLED, "detail": {"vpcId": vpc_id}}
        target: dict[str, Any] = {
            "Arn": self._schedules.function_arn,
            "RoleArn": self._schedules.role_arn,
            "Input": json.dumps(message),
        }
        if self._schedules.dead_letter_arn:
            target["DeadLetterConfig"] = {"Arn": self._schedules.dead_letter_arn}
        return {
            "GroupName": self._schedules.group,
            "Name": vpc_id,
            "ScheduleExpression": f"at({due:%Y-%m-%dT%H:%M:%S})",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ActionAfterCompletion": "DELETE",
            "Target": target,
        }

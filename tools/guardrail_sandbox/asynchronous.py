"""Asynchronous invocation: attempts, retries, and the destination of what failed for good.

AWS: Lambda developer guide, "How Lambda handles errors and retries with asynchronous
invocation" (one and two minutes between attempts) and "Capturing records of Lambda
asynchronous invocations". In real time the waits are shorter here; everything else is as there.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from guardrail_sandbox.invocation import Invocation, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from guardrail_sandbox.clock import Clock
    from guardrail_sandbox.functions import Function
    from guardrail_sandbox.timers import Timers

RETRY_DELAYS = (0.2, 0.4)
"""Seconds before the first and the second retry when the time is real: nobody wants to wait."""

AWS_RETRY_DELAYS = (60.0, 120.0)
"""What they are on AWS, and on a clock that is driven."""


@dataclass(slots=True)
class _Event:
    function: Function
    payload: bytes
    accepted: float
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    attempts: int = 0


class AsyncQueue:
    """Accepts events for functions; `send(role ARN, queue ARN, body)` receives failure records."""

    def __init__(
        self,
        timers: Timers,
        send: Callable[[str, str, str], None],
        clock: Clock,
        retry_delays: tuple[float, float] = RETRY_DELAYS,
    ) -> None:
        self._timers = timers
        self._clock = clock
        self._send = send
        self._retry_delays = retry_delays

    def accept(self, function: Function, payload: bytes) -> str:
        """Queue an event, return its request id."""
        event = _Event(function, payload, self._clock.monotonic())
        self._attempt(event)
        return event.request_id

    def _attempt(self, event: _Event) -> None:
        event.attempts += 1
        invocation = Invocation(
            payload=event.payload,
            done=lambda result: self._done(event, result),
            request_id=event.request_id,
        )
        event.function.submit(invocation)

    def _done(self, event: _Event, result: Result) -> None:
        if not result.failed:
            return None
        settings = event.function.spec.asynchronous
        if event.attempts > settings.maximum_retries:
            return self._give_up(event, result, "RetriesExhausted")
        delay = self._retry_delays[event.attempts - 1]
        if self._clock.monotonic() + delay - event.accepted > settings.maximum_age_seconds:
            return self._give_up(event, result, "EventAgeExceeded")
        return self._timers.after(delay, lambda: self._attempt(event))

    def _give_up(self, event: _Event, result: Result, condition: str) -> None:
        spec = event.function.spec
        arn = spec.asynchronous.on_failure_arn
        if arn is not None:
            record = json.dumps(_destination_record(event, result, condition, self._clock.now()))
            # On the timer thread: it counts as pending until the message is in the queue.
            self._timers.after(0, lambda: self._send(spec.role_arn, arn, record))


def _destination_record(
    event: _Event, result: Result, condition: str, now: datetime
) -> Mapping[str, Any]:
    return {
        "version": "1.0",
        "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": f"{event.function.spec.arn}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": event.attempts,
        },
        "requestPayload": Result(event.payload).json(),
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "responsePayload": result.json(),
    }

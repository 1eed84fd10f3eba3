"""One invocation of a function and its result, as values."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from guardrail_sandbox.untyped import Json


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an invocation: the handler's answer, or the error in Lambda's shape."""

    payload: bytes
    failed: bool = False

    @classmethod
    def error(cls, kind: str, message: str) -> Result:
        """Build a failure that the platform found, e.g. a time-out or a crash."""
        body = {"errorType": kind, "errorMessage": message}
        return cls(json.dumps(body).encode(), failed=True)

    def json(self) -> Json:
        """Return the payload parsed, or as text when it is not JSON."""
        try:
            return json.loads(self.payload)
        except ValueError:
            return self.payload.decode(errors="replace")


@dataclass(slots=True)
class Invocation:
    """A payload on its way to a function; `done` is called once with the result."""

    payload: bytes
    done: Callable[[Result], None]
    timeout_seconds: float = 3.0
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def headers(self, function_arn: str, moment: float | None) -> dict[str, str]:
        """Return the headers of the Runtime API's answer; the deadline runs from now.

        `moment` is where time stands, if a test drives it. The deadline is the machine's.
        """
        deadline = int((time.time() + self.timeout_seconds) * 1000)
        return {
            **({} if moment is None else {"Sandbox-Moment": repr(moment)}),
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": self.request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline),
            "Lambda-Runtime-Invoked-Function-Arn": function_arn,
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}",
        }

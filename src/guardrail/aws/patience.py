"""Waiting for EC2 to grant one more call, as long as the function has time.

The SDK's own attempts last some seconds, and an emptied bucket of endpoint writes grants the next
one after 3.3. What the time does not suffice for is raised, Lambda tries again, and the sweep after
that. Source: Amazon EC2 developer guide, "Request throttling for the Amazon EC2 API".
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from botocore.exceptions import ClientError

from guardrail.aws.failures import error_code

_Made = TypeVar("_Made")

THROTTLED = frozenset({"RequestLimitExceeded", "Throttling", "ThrottlingException"})

_TOKEN = 3.4
"""Seconds for one more token of 0.3 a second; others wait too, so the wait is up to twice that."""

_MARGIN = 45.0
"""Seconds kept back: one more call with all attempts of the SDK, and the report."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait: `seconds_left` of the invocation, spent by `sleep`."""

    seconds_left: Callable[[], float]
    sleep: Callable[[float], None]

    def with_tokens(self, call: Callable[[], _Made]) -> _Made:
        """Return what `call` does once it is not throttled; raise its error when time runs out."""
        while True:
            try:
                return call()
            except ClientError as error:
                if error_code(error) not in THROTTLED or self.seconds_left() < _MARGIN:
                    raise
            self.sleep(_TOKEN * (1 + random.random()))  # noqa: S311  jitter, no secret

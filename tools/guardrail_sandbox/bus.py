"""The default event bus: matches events against the deployed rules and delivers to functions.

moto stores rules and targets but answers an error for Lambda targets, so delivery is here.
Rules and targets are read from moto at each event: what is deployed decides. Delivery can be
late, doubled and out of order, as AWS allows it to be ("at least once", no ordering; AWS:
EventBridge user guide, "Event delivery level").
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from guardrail_sandbox.timers import Timers

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Delivery:
    """How events travel: `delay_seconds` each, twice if `duplicate`, in random order if `shuffle`.

    With `shuffle` each delivery waits a random time of up to twice the delay (at least 0.5 s);
    `seed` makes that repeatable.
    """

    delay_seconds: float = 0.0
    duplicate: bool = False
    shuffle: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """Where a matching event goes, and where it ends when it cannot get there."""

    rule_arn: str
    arn: str
    dead_letter_arn: str | None


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """Why a target refused an event; the codes are those of EventBridge's dead-letter messages.

    AWS: EventBridge user guide, "Using dead-letter queues to process undelivered events".
    """

    code: str
    message: str


class Rules(Protocol):
    """The enabled rules of the bus."""

    def targets_of(self, event: Event) -> Iterable[Target]:
        """Return the targets of each rule that matches."""


class Bus:
    """Delivers events to functions.

    `invoke(target, payload)` hands an event to a function's asynchronous queue or says why not;
    `send(queue ARN, body, attributes)` writes to a dead-letter queue.
    """

    def __init__(
        self,
        rules: Rules,
        timers: Timers,
        invoke: Callable[[Target, bytes], Undeliverable | None],
        send: Callable[[str, str, Mapping[str, str]], None],
        delivery: Delivery | None = None,
    ) -> None:
        self._rules = rules
        self._timers = timers
        self._invoke = invoke
        self._send = send
        self._delivery = delivery or Delivery()
        self._random = random.Random(self._delivery.seed)  # noqa: S311  disorder, not a secret

    def put(self, event: Event) -> None:
        """Accept an event; it is matched and delivered on the timer thread."""
        for _ in range(2 if self._delivery.duplicate else 1):
            self._timers.after(self._wait(), lambda: self._deliver(event))

    def _wait(self) -> float:
        delay = self._delivery.delay_seconds
        if self._delivery.shuffle:
            return self._random.uniform(0, max(2 * delay, 0.5))
        return delay

    def _deliver(self, event: Event) -> None:
        for target in self._rules.targets_of(event):
            refused = self._invoke(target, json.dumps(event).encode())
            if refused is not None:
                self._bury(event, target, refused)

    def _bury(self, event: Event, target: Target, refused: Undeliverable) -> None:
        if target.dead_letter_arn is None:
            return
        attributes = {
            "RULE_ARN": target.rule_arn,
            "TARGET_ARN": target.arn,
            "ERROR_CODE": refused.code,
            "ERROR_MESSAGE": refused.message,
        }
        self._send(target.dead_letter_arn, json.dumps(event), attributes)

"""The default event bus: matches events against the rules, delivers to functions and queues.

moto stores rules and targets but answers an error for Lambda targets, so delivery is here.
Rules and targets are read from moto at each event: what is deployed decides. Delivery can be
late, doubled and out of order, as AWS allows it to be ("at least once", no ordering; AWS:
EventBridge user guide, "Event delivery level").
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from guardrail_sandbox.clock import RealClock
from guardrail_sandbox.redelivery import (
    GivenUp,
    Redelivery,
    RetryPolicy,
    Undeliverable,
    Waits,
    short_waits,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from guardrail_sandbox.clock import Clock
    from guardrail_sandbox.timers import Timers

Event = dict[str, Any]
_DEFAULT_RETRIES = RetryPolicy()


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
    retry_policy: RetryPolicy = _DEFAULT_RETRIES


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
        clock: Clock | None = None,
        waits: Waits = short_waits,
    ) -> None:
        self._rules = rules
        self._timers = timers
        self._redelivery = Redelivery(timers, clock or RealClock(), waits)
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
        payload = json.dumps(event)
        for target in self._rules.targets_of(event):
            self._redelivery.deliver(
                partial(self._invoke, target, payload.encode()),
                target.retry_policy,
                partial(self._bury, target, payload),
            )

    def _bury(self, target: Target, payload: str, given_up: GivenUp) -> None:
        if target.dead_letter_arn is not None:
            arns = {"RULE_ARN": target.rule_arn, "TARGET_ARN": target.arn}
            self._send(target.dead_letter_arn, payload, {**arns, **given_up.attributes})

"""How events get to the functions: late, twice, out of order or not at all, as drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from guardrail.errors import RetryableError
from guardrail_sandbox.trail import envelope
from model.rules import listeners
from model.timeline import Timeline

RETRIES = (60.0, 120.0)
"""Lambda tries an asynchronous invocation again after one minute and after two more.

Source: AWS Lambda developer guide, "How Lambda handles errors and retries with asynchronous
invocation".
"""


AT_ONCE = 4.0
"""Seconds that a perfect delivery takes. With none at all, a guardrail that answers its own writes
would be stopped by the throttle, whose next token comes after 3.3 seconds."""


@dataclass(frozen=True)
class Fate:
    """What becomes of one event: when each copy arrives, in seconds; without any it is lost.

    The invocation of its first copy takes `pause` seconds before its call number `at`, in which
    everybody else goes on.
    """

    arrivals: tuple[float, ...] = (AT_ONCE,)
    at: int = 0
    pause: float = 0.0


PROMPT = Fate()
Invoke = Callable[[str, object, Fate], RetryableError | None]


class Courier:
    """Takes records to the functions whose rules match; `fates` in order, then all is prompt."""

    def __init__(
        self,
        timeline: Timeline,
        fates: Sequence[Fate],
        invoke: Invoke,
        told: Callable[[str], None],
    ) -> None:
        self._timeline = timeline
        self._fates = iter(fates)
        self._invoke = invoke
        self._told = told
        self.given_up = 0
        self.handled: Callable[[object], None] = lambda _: None
        """Called with each event that a function has handled without an error."""

    def perfect(self) -> None:
        """Deliver everything promptly from now on."""
        self._fates = iter(())

    def publish(self, record: dict[str, Any]) -> None:
        """Send a record to whoever listens."""
        event = envelope(record)
        for function in listeners(event):
            self.send(function, event, str(record["eventName"]))

    def send(self, function: str, event: object, name: str) -> None:
        """Send an event to one function."""
        fate = next(self._fates, PROMPT)
        if fate != PROMPT:
            self._told(f"{name} for {function}: {_described(fate)}")
        for number, delay in enumerate(fate.arrivals):
            pausing = fate if number == 0 else PROMPT
            self._later(delay, function, event, name, pausing)

    def _later(self, delay: float, function: str, event: object, name: str, fate: Fate) -> None:
        self._timeline.after(delay, lambda: self._attempt(function, event, name, fate, 0))

    def _attempt(self, function: str, event: object, name: str, fate: Fate, tried: int) -> None:
        self._told(f"{function} gets {name}" + (f", attempt {tried + 1}" if tried else ""))
        error = self._invoke(function, event, fate)
        if error is None:
            self.handled(event)
            return
        self._told(f"{function} fails: {error}")
        if tried == len(RETRIES):
            self.given_up += 1
            return
        wait = RETRIES[tried]
        again = lambda: self._attempt(function, event, name, PROMPT, tried + 1)  # noqa: E731
        self._timeline.after(wait, again)


def _described(fate: Fate) -> str:
    if not fate.arrivals:
        return "it is lost"
    when = " and ".join(f"+{delay:.0f} s" for delay in fate.arrivals)
    slow = f", with a pause of {fate.pause:.0f} s before call {fate.at}" if fate.pause else ""
    return f"it arrives at {when}{slow}"

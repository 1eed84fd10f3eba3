"""The parts of AWS that run functions, composed: bus, schedules, queues, workers.

Everything it does is told by the deployed stack. It answers `guardrail_sandbox.front`.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict, deque
from functools import partial
from typing import TYPE_CHECKING, Any

from guardrail_sandbox import moto_state
from guardrail_sandbox.asynchronous import AsyncQueue
from guardrail_sandbox.bus import Bus, Delivery, Event, Target
from guardrail_sandbox.clock import DrivenClock, standing
from guardrail_sandbox.errors import SandboxError
from guardrail_sandbox.functions import Function
from guardrail_sandbox.invocation import Invocation, Result
from guardrail_sandbox.journal import Buried, Journal
from guardrail_sandbox.redelivery import (
    GivenUp,
    Redelivery,
    RetryPolicy,
    Undeliverable,
    aws_waits,
    short_waits,
)
from guardrail_sandbox.scheduler import Schedule, Scheduler
from guardrail_sandbox.timers import Timers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from guardrail_sandbox.authorization import Senders
    from guardrail_sandbox.clock import Clock
    from guardrail_sandbox.deployed import FunctionSpec
    from guardrail_sandbox.launch import Launcher

_READY_SECONDS = 60.0
_logger = logging.getLogger(__name__)


class Platform:
    """Runs the functions of a stack and brings events and schedules to them."""

    def __init__(
        self,
        launcher: Launcher,
        journal: Journal,
        delivery: Delivery | None,
        retry_delays: tuple[float, float],
        clock: Clock,
        senders: Senders,
    ) -> None:
        self._senders = senders
        self._launcher = launcher
        self._journal = journal
        self._region = launcher.region
        self._functions: dict[str, Function] = {}
        self._clock = clock
        self._timers = Timers(clock)
        self._async = AsyncQueue(self._timers, self._send_record, clock, retry_delays)
        rules = moto_state.StoredRules(self._region)
        # Real time is short of everything, so waits are only as on AWS when somebody drives it.
        waits = aws_waits if isinstance(clock, DrivenClock) else short_waits
        self._redelivery = Redelivery(self._timers, clock, waits)
        self._refusals: dict[str, deque[Undeliverable]] = defaultdict(deque)
        self._bus = Bus(
            rules, self._timers, self._invoke_target, self._bury, delivery, clock, waits
        )
        self._scheduler = Scheduler(moto_state.StoredSchedules(self._region), self._fire, clock)

    def run(self, specs: Iterable[FunctionSpec]) -> None:
        """Start the workers of these functions in place of what ran before, and wait for them."""
        self._stop_functions()
        self._functions = {
            spec.arn: Function(
                spec,
                self._launcher.start,
                lambda s, line: self._journal.add_line(s.logical_id, line),
                partial(standing, self._clock),
            )
            for spec in specs
        }
        try:
            for function in self._functions.values():
                function.wait_ready(_READY_SECONDS)
        except SandboxError as error:
            lines = "\n".join(self._journal.last_lines())
            raise SandboxError(f"{error}\n{lines}") from error

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Do something on the clock, and count it as pending until it is done."""
        self._timers.after(seconds, call)

    def start_schedules(self) -> None:
        """Let schedules fire from now on."""
        self._scheduler.start()

    def pending(self) -> dict[str, int]:
        """Tell what is still in flight, by kind; kinds with nothing are left out."""
        functions = {
            f"invocations of {f.spec.logical_id}": f.pending for f in self._functions.values()
        }
        counts = {
            "events, retries and messages": self._timers.pending,
            "schedules": self._scheduler.pending,
            **functions,
        }
        return {name: count for name, count in counts.items() if count}

    @property
    def next_due(self) -> float | None:
        """When a timer or a schedule is due next, in the clock's monotonic seconds."""
        dues = (self._timers.next_due, self._scheduler.next_due)
        return min((due for due in dues if due is not None), default=None)

    def close(self) -> None:
        """End everything that runs."""
        self._scheduler.close()
        self._timers.close()
        self._stop_functions()

    def put_event(self, event: Event) -> None:
        """Put an event on the default bus."""
        self._bus.put(event)

    def invoke(self, function: str, payload: bytes) -> Result | None:
        """Run a function (logical id, name or ARN) and wait; None when there is none such."""
        found = self.find(function)
        if found is None:
            return None
        done = threading.Event()
        results: list[Result] = []

        def finish(result: Result) -> None:
            results.append(result)
            done.set()

        found.submit(Invocation(payload, finish))
        done.wait()
        return results[0]

    def invoke_later(self, function: str, payload: bytes) -> str | None:
        """Queue an event for a function, return its request id; None when there is none such."""
        found = self.find(function)
        return None if found is None else self._async.accept(found, payload)

    def refuse(self, function_arn: str, refusals: Iterable[Undeliverable]) -> None:
        """Let the next deliveries to a function be refused, one for each of these."""
        self._refusals[function_arn].extend(refusals)

    def find(self, function: str) -> Function | None:
        """Return the function with this logical id, name or ARN."""
        for candidate in self._functions.values():
            spec = candidate.spec
            if function in {spec.logical_id, spec.name, spec.arn, f"{spec.arn}:$LATEST"}:
                return candidate
        return None

    def _stop_functions(self) -> None:
        for function in self._functions.values():
            function.stop()

    def _invoke_target(self, target: Target, payload: bytes) -> Undeliverable | None:
        if target.arn.split(":")[2] == "sqs":
            return self._to_queue(target, payload.decode())
        allowed = moto_state.may_invoke(target.arn, target.rule_arn, self._region)
        function = self._functions.get(target.arn)
        if allowed is None or function is None:
            return Undeliverable("NO_RESOURCE", f"The target {target.arn} does not exist.")
        if not allowed:
            message = f"The rule {target.rule_arn} has no permission to invoke {target.arn}."
            return Undeliverable("NO_PERMISSIONS", message)
        return self._hand_over(function, payload)

    def _fire(self, schedule: Schedule, due: datetime, payload: bytes) -> None:
        self._redelivery.deliver(
            partial(self._invoke_scheduled, schedule.target, payload),
            RetryPolicy.of(schedule.target.get("RetryPolicy")),
            partial(self._bury_scheduled, schedule, due, payload),
        )

    def _invoke_scheduled(self, target: dict[str, Any], payload: bytes) -> Undeliverable | None:
        arn, role_arn = target["Arn"], target.get("RoleArn", "")
        if not self._senders.may_invoke(role_arn, arn):
            message = f"{role_arn} is not authorized to perform lambda:InvokeFunction on {arn}"
            return Undeliverable("AccessDeniedException", message)
        function = self._functions.get(arn)
        if function is None:
            return Undeliverable("ResourceNotFoundException", f"Function not found: {arn}")
        return self._hand_over(function, payload)

    def _bury_scheduled(
        self, schedule: Schedule, due: datetime, payload: bytes, given_up: GivenUp
    ) -> None:
        """Send what a schedule could not deliver to its queue, if it has one.

        AWS: EventBridge Scheduler user guide, "Configuring a schedule's dead-letter queue".
        """
        dead_letter = schedule.target.get("DeadLetterConfig", {}).get("Arn")
        if dead_letter is not None:
            attributes = {
                "SCHEDULE_ARN": schedule.arn,
                "TARGET_ARN": schedule.target["Arn"],
                "SCHEDULED_TIME": due.strftime("%Y-%m-%dT%H:%M:%SZ"),
                **given_up.attributes,
            }
            self._send_as(
                schedule.target.get("RoleArn", ""), dead_letter, payload.decode(), attributes
            )

    def _hand_over(self, function: Function, payload: bytes) -> Undeliverable | None:
        refusals = self._refusals[function.spec.arn]
        if refusals:
            return refusals.popleft()
        self._async.accept(function, payload)
        return None

    def _send_record(self, role_arn: str, queue_arn: str, body: str) -> None:
        self._send_as(role_arn, queue_arn, body, {})

    def _send_as(
        self, role_arn: str, queue_arn: str, body: str, attributes: Mapping[str, str]
    ) -> None:
        if self._senders.may_send(role_arn, queue_arn):
            self._send(queue_arn, body, attributes)
        else:
            _logger.warning("dropped: %s may not send to %s", role_arn, queue_arn)

    def _to_queue(self, target: Target, body: str) -> Undeliverable | None:
        """Deliver to a queue of the user's own that is a rule's target."""
        if not self._senders.rule_may_send(target.rule_arn, target.arn):
            message = f"The queue {target.arn} does not let {target.rule_arn} in."
            return Undeliverable("NO_PERMISSIONS", message)
        moto_state.send_message(target.arn, body, {})
        return None

    def _bury(self, queue_arn: str, body: str, attributes: Mapping[str, str]) -> None:
        rule_arn = attributes["RULE_ARN"]
        if self._senders.rule_may_send(rule_arn, queue_arn):
            self._send(queue_arn, body, attributes)
        else:
            _logger.warning("dropped: %s does not let %s in", queue_arn, rule_arn)

    def _send(self, queue_arn: str, body: str, attributes: Mapping[str, str]) -> None:
        moto_state.send_message(queue_arn, body, attributes)
        self._journal.add(
            Buried(queue_arn, moto_state.as_object(body), dict(attributes), self._clock.now())
        )

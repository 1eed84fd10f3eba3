"""How events travel from the bus to functions, and where they end when they cannot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
from toy import eventually

from guardrail_sandbox.bus import Bus, Delivery, Target
from guardrail_sandbox.redelivery import Undeliverable
from guardrail_sandbox.timers import Timers

TARGET = Target(rule_arn="arn:rule", arn="arn:function", dead_letter_arn="arn:queue")


class AllMatch:
    """A rule for everything."""

    def targets_of(self, event: dict[str, Any]) -> Iterable[Target]:
        """Return the one target."""
        assert event
        return [TARGET]


class Post:
    """Receives what the bus delivers; refuses when told."""

    def __init__(self) -> None:
        self.refusal: Undeliverable | None = None
        self.delivered: list[int] = []
        self.buried: list[tuple[str, Any, dict[str, str]]] = []

    def invoke(self, target: Target, payload: bytes) -> Undeliverable | None:
        """Accept an event unless told to refuse."""
        assert target == TARGET
        if self.refusal is None:
            self.delivered.append(json.loads(payload)["number"])
        return self.refusal

    def send(self, queue: str, body: str, attributes: Mapping[str, str]) -> None:
        """Keep a message."""
        self.buried.append((queue, json.loads(body), dict(attributes)))


@pytest.fixture
def timers() -> Iterator[Timers]:
    """Start a clock and stop it."""
    running = Timers()
    yield running
    running.close()


def delivered(timers: Timers, delivery: Delivery, count: int = 5) -> list[int]:
    """Put numbered events on a bus and return what arrived."""
    post = Post()
    bus = Bus(AllMatch(), timers, post.invoke, post.send, delivery)
    for number in range(count):
        bus.put({"number": number})
    assert eventually(lambda: timers.pending == 0)
    return post.delivered


def test_events_arrive_in_order_by_default(timers: Timers) -> None:
    """The plain bus is kind."""
    assert delivered(timers, Delivery()) == [0, 1, 2, 3, 4]


def test_a_duplicated_event_arrives_twice(timers: Timers) -> None:
    """At least once, as EventBridge promises."""
    assert sorted(delivered(timers, Delivery(duplicate=True), 2)) == [0, 0, 1, 1]


def test_shuffled_events_arrive_all_and_out_of_order(timers: Timers) -> None:
    """No event is lost, and the order is not kept."""
    found = delivered(timers, Delivery(shuffle=True, seed=1), 8)
    assert sorted(found) == list(range(8))
    assert found != list(range(8))


def test_a_delayed_event_counts_as_pending(timers: Timers) -> None:
    """What still travels keeps the sandbox from having settled."""
    post = Post()
    bus = Bus(AllMatch(), timers, post.invoke, post.send, Delivery(delay_seconds=30))
    bus.put({"number": 1})
    assert timers.pending == 1
    assert post.delivered == []


def test_a_refused_event_goes_to_the_queue_with_the_reason(timers: Timers) -> None:
    """The message has the attributes that EventBridge sets."""
    post = Post()
    post.refusal = Undeliverable("NO_PERMISSIONS", "not allowed")
    bus = Bus(AllMatch(), timers, post.invoke, post.send)
    bus.put({"number": 1})
    assert eventually(lambda: timers.pending == 0)
    assert post.buried == [
        (
            "arn:queue",
            {"number": 1},
            {
                "RULE_ARN": "arn:rule",
                "TARGET_ARN": "arn:function",
                "ERROR_CODE": "NO_PERMISSIONS",
                "ERROR_MESSAGE": "not allowed",
                "RETRY_ATTEMPTS": "0",
            },
        )
    ]


def test_a_failing_call_does_not_stop_the_clock(
    timers: Timers, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other work goes on, and the failure is shown."""
    done: list[str] = []
    timers.after(0, lambda: [][0])
    timers.after(0, lambda: done.append("still here"))
    assert eventually(lambda: timers.pending == 0)
    assert done == ["still here"]
    assert "IndexError" in capsys.readouterr().err

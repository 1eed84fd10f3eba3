"""Telling of what was found and done: events, messages for people, findings for Security Hub.

What cannot be told keeps no repair from being made: it is returned, and ends in the dead-letter
queue with the cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from guardrail.core.memory import Window
from guardrail.errors import GuardrailError
from guardrail.findings import SecurityFinding, findings_of
from guardrail.messages import Message, Subject, held_back_message, message_of
from guardrail.notices import Kind, Notice, Where, notices_of
from guardrail.report import Report

WINDOW = timedelta(hours=1)
"""Within it one message is sent for an endpoint and reason; the others are counted."""


class Bus(Protocol):
    """Where events go."""

    def announce(self, kind: str, detail: Mapping[str, object]) -> None:
        """Put one event; raises RetryableError or TerminalError when the bus does not take it."""


class Post(Protocol):
    """Where messages for people go."""

    def send(self, message: Message) -> None:
        """Send one message; raises RetryableError or TerminalError."""


class Hub(Protocol):
    """Where findings go."""

    def record(self, findings: Iterable[SecurityFinding]) -> None:
        """Make or update one finding for each endpoint; raises RetryableError or TerminalError."""


class Windows(Protocol):
    """What was sent lately, so that not everything is."""

    def open(self, vpc_id: str, key: str, now: datetime, until: datetime) -> int | None:
        """Begin a window until then unless one is open, in which the message is counted: None.

        Returns how many were held back in the last window.
        """

    def close(self, vpc_id: str, key: str, until: datetime) -> bool:
        """Forget the window that lasted until then; False when another was begun meanwhile."""

    def note_finding(self, vpc_id: str, endpoint_id: str, at: datetime, *, active: bool) -> None:
        """Remember since when the endpoint has a finding, or that it is resolved."""


@dataclass(frozen=True, slots=True)
class Herald:
    """Tells of reports; `post` and `hub` are None where nobody asked for them."""

    where: Where
    bus: Bus
    windows: Windows
    now: Callable[[], datetime]
    post: Post | None = None
    hub: Hub | None = None

    def tell(self, report: Report, error: GuardrailError | None) -> Mapping[str, str]:
        """Tell of one reconcile; return what could not be told, with the cause."""
        failed: dict[str, str] = {}
        notices = list(notices_of(report, error, self.where))
        for notice in notices:
            for way, tell in self._ways():
                if cause := _attempt(tell, notice):
                    failed[f"{way} '{notice.kind}' about {notice.subject_id}"] = cause
        failed.update(self._catch_up(report))
        if self.hub and (cause := self._record(self.hub, report, notices)):
            failed[f"finding about {report.vpc_id}"] = cause
        return failed

    def _catch_up(self, report: Report) -> Mapping[str, str]:
        """End the VPC's windows that are over, telling what was held back in them.

        One that somebody has begun anew meanwhile is left alone.
        """
        failed: dict[str, str] = {}
        for key, window in report.windows.items() if self.post else ():
            if window.until <= self.now():
                try:
                    self._end(report.vpc_id, key, window)
                except GuardrailError as error:
                    failed[f"message about {key}"] = str(error)
        return failed

    def _ways(self) -> Iterator[tuple[str, Callable[[Notice], None]]]:
        yield "event", self._announce
        if self.post:
            yield "message", self._send

    def _announce(self, notice: Notice) -> None:
        self.bus.announce(notice.kind, notice.detail)

    def _send(self, notice: Notice) -> None:
        now, key = self.now(), f"{notice.kind}|{notice.subject_id}|{notice.reason}"
        held_back = self.windows.open(notice.vpc_id, key, now, now + WINDOW)
        if held_back is not None and self.post:
            self.post.send(message_of(notice, held_back))

    def _end(self, vpc_id: str, key: str, window: Window) -> None:
        kind, subject_id, reason = key.split("|", 2)
        ended = self.windows.close(vpc_id, key, window.until)
        if ended and window.held_back and self.post:
            subject = Subject(subject_id, vpc_id, self.where.account_id, self.where.region)
            self.post.send(held_back_message(Kind(kind), subject, reason, window.held_back))

    def _record(self, hub: Hub, report: Report, notices: Iterable[Notice]) -> str | None:
        findings = list(findings_of(report, notices, self.now()))
        try:
            if findings:
                hub.record(findings)
            for finding in findings:
                self.windows.note_finding(
                    report.vpc_id, finding.endpoint_id, finding.at, active=not finding.resolved
                )
        except GuardrailError as error:
            return str(error)
        return None


def _attempt(tell: Callable[[Notice], None], notice: Notice) -> str | None:
    try:
        tell(notice)
    except GuardrailError as error:
        return str(error)
    return None

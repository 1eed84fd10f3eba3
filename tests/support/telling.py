"""A herald over fakes: what was announced, sent and recorded, and windows that tell when."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from guardrail.core.memory import Window
from guardrail.errors import RetryableError
from guardrail.findings import SecurityFinding
from guardrail.herald import Herald
from guardrail.messages import Message
from guardrail.notices import Where
from support.fakes import ACCOUNT, FakeRecords
from support.faults import Clock

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "events.schema.json"
WHERE = Where(ACCOUNT, "us-east-1")


def check_event(kind: str, detail: Mapping[str, object]) -> None:
    """Fail unless the detail is as the schema of its detail-type has it."""
    _validator(kind).validate(json.loads(json.dumps(detail)))


@cache
def _validator(kind: str) -> Draft202012Validator:
    schema = json.loads(SCHEMA.read_text())
    of_kind = {"$ref": f"#/$defs/{kind.replace(' ', '%20')}", "$defs": schema["$defs"]}
    return Draft202012Validator(of_kind, format_checker=FormatChecker())


@dataclass
class FakeWindows:
    """Windows in the memories of `records`."""

    records: FakeRecords

    def open(self, vpc_id: str, key: str, now: datetime, until: datetime) -> int | None:
        """See `Windows.open`."""
        windows = self.records.memory(vpc_id).windows
        known = windows.get(key)
        if known is None or known.until <= now:
            self._set(vpc_id, {**windows, key: Window(until)})
            return known.held_back if known else 0
        self._set(vpc_id, {**windows, key: Window(known.until, known.held_back + 1)})
        return None

    def close(self, vpc_id: str, key: str, until: datetime) -> bool:
        """See `Windows.close`."""
        windows = dict(self.records.memory(vpc_id).windows)
        ended = windows.get(key, Window(datetime.min)).until == until  # noqa: DTZ901
        if ended:
            del windows[key]
            self._set(vpc_id, windows)
        return ended

    def note_finding(self, vpc_id: str, endpoint_id: str, at: datetime, *, active: bool) -> None:
        """See `Windows.note_finding`."""
        known = {i: t for i, t in self.records.memory(vpc_id).findings.items() if i != endpoint_id}
        self.records.know(vpc_id, findings={**known, **({endpoint_id: at} if active else {})})

    def _set(self, vpc_id: str, windows: Mapping[str, Window]) -> None:
        self.records.know(vpc_id, windows=windows)


@dataclass
class Heard:
    """Everything that was told; `broken` ways take nothing."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    findings: list[SecurityFinding] = field(default_factory=list)
    broken: bool = False

    def announce(self, kind: str, detail: Mapping[str, object]) -> None:
        """Take an event that is as its schema has it."""
        self._refuse()
        check_event(kind, detail)
        self.events.append((kind, dict(detail)))

    def send(self, message: Message) -> None:
        """Take a message."""
        self._refuse()
        self.messages.append(message)

    def record(self, findings: Iterable[SecurityFinding]) -> None:
        """Take findings."""
        self._refuse()
        self.findings.extend(findings)

    def herald(self, records: FakeRecords, clock: Clock) -> Herald:
        """Return the herald that tells all of it."""
        return Herald(WHERE, self, FakeWindows(records), clock, post=self, hub=self)

    def kinds(self) -> list[str]:
        """Return the detail-types announced so far, in order, and forget them."""
        told = [kind for kind, _ in self.events]
        self.events.clear()
        return told

    def _refuse(self) -> None:
        if self.broken:
            raise RetryableError("nobody listens")

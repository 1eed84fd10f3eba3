"""One readable line for each event, decision and write.

`Timeline` turns journal entries into lines and remembers when each event came, so that it can
say for how long an endpoint was open. It knows the canonical log line of the guardrail and the
two layouts of CloudTrail records; what it does not recognise it shows by name only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from guardrail_sandbox.calls import resource_of, summary_of
from guardrail_sandbox.journal import Buried, Entry, Logged, Recorded

_WORDS = {
    "compliant": "in order",
    "gone": "gone",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the timeline; `kind` is event, refused, decision, write, closed or buried."""

    at: datetime
    kind: str
    text: str

    @property
    def clock(self) -> str:
        """Local time with tenths of a second."""
        local = self.at.astimezone()
        return f"{local:%H:%M:%S}.{local.microsecond // 100_000}"


class Timeline:
    """Turns entries into lines; call `lines` in the order in which the entries came.

    A decision to go on waiting is shown once for each VPC, not with every event. That an
    endpoint was closed is said after both the log line and the record of the write.
    """

    def __init__(self) -> None:
        self._seen: dict[str, datetime] = {}
        self._written: dict[str, datetime] = {}
        self._waiting: dict[str, str] = {}
        self._open: dict[str, dict[str, Any]] = {}

    def lines(self, entry: Entry) -> Iterator[Line]:
        """Yield the lines of one entry; most have one, some have none."""
        match entry:
            case Recorded() if entry.dry_run and entry.by_guardrail:
                return  # what the sweep tries without doing it
            case Recorded():
                yield self._recorded(entry)
                yield from self._closed(resource_of(entry.record), entry.at)
            case Logged(fields={"message": "reconciled"}):
                yield from self._reconciled(entry)
            case Logged(fields={"message": "ignored", "reason": reason}):
                yield Line(entry.at, "decision", f"ignored: {reason}")
            case Logged(fields={"level": "ERROR" | "WARNING", "message": message}):
                yield Line(entry.at, "decision", f"{entry.function}: {message}")
            case Logged():
                return
            case Buried():
                yield Line(entry.at, "buried", _cause(entry))

    def _recorded(self, entry: Recorded) -> Line:
        record = entry.record
        name, resource = record["eventName"], resource_of(record)
        self._seen[record["eventID"]] = entry.at
        what = " ".join(part for part in (name, resource, summary_of(record)) if part)
        who = "" if entry.by_guardrail else f" by {actor_of(record['userIdentity']['arn'])}"
        if entry.failed:
            return Line(entry.at, "refused", f"{what}{who}: {record['errorCode']}")
        if entry.by_guardrail:
            self._written[resource] = entry.at
            return Line(entry.at, "write", what)
        return Line(entry.at, "event", f"{what}{who}")

    def _reconciled(self, entry: Logged) -> Iterator[Line]:
        fields = entry.fields
        text = f"{fields.get('vpc_id')} {decision_of(fields)}"
        if not self._repeats(fields, text):
            yield Line(entry.at, "decision", text)
        for action in fields.get("actions") or ():
            if action.get("action") == "WritePolicy" and action.get("result") == "applied":
                self._open[str(action.get("target"))] = fields
                yield from self._closed(str(action.get("target")), entry.at)

    def _repeats(self, fields: dict[str, Any], text: str) -> bool:
        vpc_id = str(fields.get("vpc_id"))
        repeats = self._waiting.get(vpc_id) == text
        self._waiting[vpc_id] = text if fields.get("outcome") in {"settling", "waiting"} else ""
        return repeats

    def _closed(self, endpoint_id: str, at: datetime) -> Iterator[Line]:
        """Yield the line once the write is recorded after the event that it answers."""
        fields = self._open.get(endpoint_id)
        if fields is None:
            return
        opened = self._seen.get(str(fields.get("event_id")))
        closed = self._written.get(endpoint_id)
        if closed is None or (opened is not None and closed < opened):
            return
        del self._open[endpoint_id]
        # The log line's own figure is coarser: CloudTrail's times have whole seconds.
        how_long = f" for {(closed - opened).total_seconds():.2f} s" if opened else ""
        reason = _reason(fields, endpoint_id)
        who, tool = actor_of(fields.get("actor")), _tool(fields.get("user_agent"))
        wrote = fields.get("exposure_ms") is not None
        how = f"{who} wrote it with {tool}" if wrote else f"found by {fields.get('trigger')}"
        text = f"{endpoint_id} stood open{how_long if wrote else ''}: {how}; {reason}"
        yield Line(at, "closed", text)


def decision_of(fields: dict[str, Any]) -> str:
    """Say what one reconcile decided: the codes with their reasons, or that all is in order."""
    outcome = str(fields.get("outcome"))
    if fields.get("error"):
        return f"{outcome}: {fields['error']}"
    # Why a policy was put back is said when the endpoint is closed.
    brief = outcome == "repaired"
    told = (_finding(f, brief=brief) for f in fields.get("findings") or ())
    said = "; ".join(dict.fromkeys(told))
    planned, left = _actions(fields, "recorded"), _actions(fields, "deferred")
    would = f" (would {planned}; mode {fields.get('mode')})" if planned else ""
    later = f" ({left}: left to a later event or the next sweep)" if left else ""
    done = "; repaired" if said and outcome == "repaired" else ""
    return f"{said or _WORDS.get(outcome, outcome)}{done}{would}{later}"


def _actions(fields: dict[str, Any], result: str) -> str:
    """Name the actions with this result."""
    actions = fields.get("actions") or ()
    return ", ".join(str(a["action"]) for a in actions if a.get("result") == result)


def actor_of(arn: object) -> str:
    """Return the short name of a principal: the user, or the session of a role."""
    return str(arn).rpartition("/")[2] if arn else "somebody"


def _finding(finding: dict[str, Any], *, brief: bool) -> str:
    code = str(finding.get("code"))
    return code if brief and code.startswith("policy-") else f"{code}: {finding.get('message')}"


def _reason(fields: dict[str, Any], endpoint_id: object) -> str:
    for finding in fields.get("findings") or ():
        if finding.get("endpoint_id") == endpoint_id and "policy" in str(finding.get("code")):
            return str(finding.get("message"))
    return "its policy was not the baseline"


def _tool(user_agent: object) -> str:
    match = re.match(r"[A-Za-z0-9-]+", str(user_agent or ""))
    return match[0] if match else "an unknown tool"


def _cause(entry: Buried) -> str:
    """Say why a message went to the dead-letter queue."""
    code = entry.attributes.get("ERROR_CODE")
    if code:
        return f"not delivered: {code}: {entry.attributes.get('ERROR_MESSAGE', '')}"
    context, response = entry.body.get("requestContext", {}), entry.body.get("responsePayload", {})
    function = str(context.get("functionArn", "")).removesuffix(":$LATEST").rpartition(":")[2]
    detail = response if isinstance(response, dict) else {}
    error = f"{detail.get('errorType')}: {detail.get('errorMessage')}"
    return f"{function} gave up after {context.get('approximateInvokeCount')} attempts: {error}"

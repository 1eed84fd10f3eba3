"""What a sweep came to: totals, and what its owner should know even when nothing is wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from guardrail.core.reasons import Reason
from guardrail.ports import Result
from guardrail.report import Report

_MOST = 200
"""Exemptions and failures that are listed; an event holds 256 KB (EventBridge quotas)."""


@dataclass
class Summary:
    """Totals over the reports of one sweep."""

    vpcs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    drift: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    put_off: int = 0
    exemptions: list[dict[str, str]] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def add(self, report: Report) -> None:
        """Count one VPC."""
        self.vpcs += 1
        self.outcomes[report.outcome] += 1
        self.drift.update(f.reason for f in report.findings if f.reason.is_drift)
        self.actions.update(
            f"{step.action.kind}:{step.result}"
            for step in report.steps
            if step.result is not Result.DEFERRED
        )
        self.put_off += report.put_off
        self.exemptions.extend(
            {"id": f.endpoint_id or report.vpc_id, "code": f.reason, "message": f.message}
            for f in report.findings
            if f.reason in _EXEMPTIONS
        )
        if report.error:
            self.failures[report.vpc_id] = report.error

    @property
    def found(self) -> bool:
        """Whether anything was wrong or done; a sweep that found nothing costs nothing."""
        return bool(self.drift or self.actions or self.failures or self.missing)

    def fields(self) -> dict[str, Any]:
        """Return the fields of the log line `swept`, and of the event."""
        first = dict(list(self.failures.items())[:_MOST])
        return {
            "vpcs": self.vpcs,
            "outcomes": dict(self.outcomes),
            "drift": dict(self.drift),
            "actions": dict(self.actions),
            "put_off": self.put_off,
            "exemptions": self.exemptions[:_MOST],
            "exempted": len(self.exemptions),
            "failures": {vpc_id: error[:500] for vpc_id, error in first.items()},
            "failed": len(self.failures),
            "missing": self.missing[:_MOST],
        }

    def counts(self) -> dict[str, Any]:
        """Return what the table keeps: the fields without the lists, which have no set size."""
        left_out = {"exemptions", "failures"}
        return {name: value for name, value in self.fields().items() if name not in left_out}


_EXEMPTIONS = frozenset({Reason.EXEMPT, Reason.EXEMPTION_INVALID})

"""What one reconcile found and did, as the canonical log line holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from guardrail.core.actions import Action, WritePolicy
from guardrail.core.memory import Window, Yield
from guardrail.core.model import Finding, Mode
from guardrail.core.plan import policy_hash
from guardrail.core.reasons import Reason
from guardrail.core.trail import Trigger
from guardrail.errors import GuardrailError
from guardrail.ports import Result
from guardrail.reverting import Revert


class Outcome(StrEnum):
    """A reconcile in one word."""

    COMPLIANT = "compliant"
    """Nothing was found that is to be removed or waited for."""

    REPAIRED = "repaired"
    """Something was written; what else the plan held stands under `actions`."""

    REPORTED = "reported"
    """Drift was found and is only told: observe mode, or what `enforce-new` spares."""

    DEFERRED = "deferred"
    """Drift was found that another function, the next event or the next sweep removes."""

    WAITING = "waiting"
    """The VPC lacks subnets or DNS attributes, whose change brings it back, or its owner is let
    go first (`yielding`)."""

    SETTLING = "settling"
    """The VPC has just changed; its endpoint is made once it has been quiet."""

    SKIPPED = "skipped"
    """The VPC is exempt, out of scope or served centrally, or the region lacks the service."""

    GONE = "gone"
    """The VPC does not exist (any more)."""

    FAILED = "failed"
    """Something could not be done; `error` says what, where and what to do next."""


@dataclass(frozen=True, slots=True)
class Step:
    """One action of the plan and what became of it; `error` says why it failed."""

    action: Action
    result: Result
    resource_id: str | None = None
    error: GuardrailError | None = None

    @property
    def target(self) -> str:
        """The id that the action is about: what it made, else what it changes."""
        names = ("endpoint_id", "vpc_id", "group_id", "resource_id")
        known = (getattr(self.action, name, None) for name in names)
        return self.resource_id or next(str(value) for value in known if value)


@dataclass(frozen=True, slots=True)
class Report:
    """One reconcile of one VPC.

    `yielded` is set when the guardrail began to get out of the way, `healed` says of endpoints why
    their findings are to be resolved, `windows` are those of messages about the VPC.
    """

    vpc_id: str
    trigger: Trigger
    mode: Mode
    findings: tuple[Finding, ...] = ()
    steps: tuple[Step, ...] = ()
    gone: bool = False
    error: str | None = None
    reverts: tuple[Revert, ...] = ()
    yielded: Yield | None = None
    healed: Mapping[str, str] = field(default_factory=dict)
    windows: Mapping[str, Window] = field(default_factory=dict)
    duration_ms: int = 0

    @property
    def outcome(self) -> Outcome:
        """The most telling word, the worst first."""
        results = {step.result for step in self.steps}
        reasons = {finding.reason for finding in self.findings}
        ranked = (
            (Outcome.FAILED, self.error is not None),
            (Outcome.GONE, self.gone),
            (Outcome.REPAIRED, Result.APPLIED in results),
            (Outcome.DEFERRED, bool(results & {Result.DEFERRED, Result.IN_USE, Result.SPACED})),
            (Outcome.REPORTED, any(reason.is_drift for reason in reasons)),
            (Outcome.SETTLING, Reason.SETTLING in reasons),
            (Outcome.WAITING, bool(reasons & _WAITING)),
            (Outcome.SKIPPED, bool(reasons & _SKIPPED)),
        )
        return next((outcome for outcome, holds in ranked if holds), Outcome.COMPLIANT)

    @property
    def exposure_ms(self) -> int | None:
        """How long an endpoint was open that was put back, where the trigger had opened it."""
        return next((r.exposure_ms for r in self.reverts if r.exposure_ms is not None), None)

    @property
    def put_off(self) -> bool:
        """Whether a sweep left everything that this VPC needs to a later one."""
        results = {step.result for step in self.steps}
        return self.trigger.is_sweep and results == {Result.DEFERRED}

    def fields(self) -> dict[str, Any]:
        """Return the fields of the canonical log line `reconciled`."""
        return {
            "vpc_id": self.vpc_id,
            "trigger": self.trigger.name,
            "event_id": self.trigger.event_id,
            "actor": self.trigger.actor,
            "user_agent": self.trigger.user_agent,
            "mode": self.mode,
            "outcome": self.outcome,
            "drift": [f.reason for f in self.findings if f.reason.is_drift],
            "states": [f.reason for f in self.findings if not f.reason.is_drift],
            "findings": [_finding_fields(finding) for finding in self.findings],
            "actions": [_step_fields(step) for step in self.steps],
            "witness": _witness(self.findings),
            **_hashes(self.steps),
            "error": self.error,
            "exposure_ms": self.exposure_ms,
            "verified": [r.verified is not None for r in self.reverts],
            "duration_ms": self.duration_ms,
        }


_WAITING = frozenset({Reason.WAITING_FOR_DNS, Reason.WAITING_FOR_SUBNETS, Reason.YIELDING})
_SKIPPED = frozenset(
    {Reason.OUT_OF_SCOPE, Reason.EXEMPT, Reason.NOT_APPLICABLE, Reason.SERVED_CENTRALLY}
)


def _finding_fields(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.reason,
        "endpoint_id": finding.endpoint_id,
        "service": finding.service,
        "message": finding.message,
    }


def _step_fields(step: Step) -> dict[str, Any]:
    detail = {
        name: value if not isinstance(value, str) or len(value) <= 200 else policy_hash(value)
        for name, value in asdict(step.action).items()
        if name not in {"policy", "before"}
    }
    return {
        "action": step.action.kind,
        "target": step.target,
        "result": step.result,
        "detail": detail,
    }


def _witness(findings: tuple[Finding, ...]) -> dict[str, Any] | None:
    witnesses = (f.verdict.witness for f in findings if f.verdict and f.verdict.witness)
    return next((asdict(witness) for witness in witnesses), None)


def _hashes(steps: tuple[Step, ...]) -> dict[str, str | None]:
    write = next((s.action for s in steps if isinstance(s.action, WritePolicy)), None)
    return {
        "policy_sha256_before": policy_hash(write.before) if write else None,
        "policy_sha256_after": policy_hash(write.policy) if write else None,
    }

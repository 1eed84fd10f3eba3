"""What is told of one reconcile: one event per remediation or refusal, as `docs/schemas` has it.

A VPC in order is told of by nobody. Events are for machines: every field has one meaning and the
schema has a version. What a person reads is made of them in `messages.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from guardrail.core.actions import ActionKind, CreateEndpoint, WritePolicy, withdraws
from guardrail.core.fights import Fight
from guardrail.core.memory import Yield
from guardrail.core.model import Finding
from guardrail.core.moments import stamp
from guardrail.core.plan import policy_hash
from guardrail.core.reasons import Reason
from guardrail.core.remedies import removes
from guardrail.core.trail import Trigger
from guardrail.errors import GuardrailError, RetryableError
from guardrail.ports import Result
from guardrail.report import Report, Step
from guardrail.reverting import Revert

SCHEMA = "1.0"
"""Raised in its second part by what is added, in its first by what is changed or taken away."""


class Kind(StrEnum):
    """The detail-types of events."""

    CREATED = "Endpoint Created"
    REPAIRED = "Endpoint Repaired"
    WITHDRAWN = "Endpoint Withdrawn"
    REVERTED = "Policy Reverted"
    OBSERVED = "Drift Observed"
    REFUSED = "Remediation Refused"
    CONTESTED = "Endpoint Contested"
    YIELDED = "Teardown Yielded"


@dataclass(frozen=True, slots=True)
class Where:
    """Whose events these are."""

    account_id: str
    region: str
    partition: str = "aws"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell: `detail` is the event's; `reason` is what messages are bundled by."""

    kind: Kind
    reason: str
    detail: Mapping[str, Any]

    @property
    def vpc_id(self) -> str:
        """The VPC that it is about."""
        return str(self.detail["vpc_id"])

    @property
    def subject_id(self) -> str:
        """The endpoint that it is about, or the VPC."""
        return str(self.detail.get("endpoint_id") or self.vpc_id)


def notices_of(report: Report, error: GuardrailError | None, where: Where) -> Iterator[Notice]:
    """Yield what is to be told of a reconcile; nothing of one that found all in order."""
    common = {
        "schema_version": SCHEMA,
        "account_id": where.account_id,
        "region": where.region,
        "vpc_id": report.vpc_id,
        "mode": report.mode,
        "trigger": _trigger(report.trigger),
    }
    for revert in report.reverts:
        yield from _of_revert(revert, common)
    yield from _of_steps(report, common)
    if report.yielded:
        yield _yielded(report.yielded, report, common)
    yield from _refusals(report, error, common)
    if not error and not report.trigger.is_sweep:
        yield from _observed(report, common)


def _of_steps(report: Report, common: Mapping[str, Any]) -> Iterator[Notice]:
    """Yield one notice for each endpoint made, else one for the repairs, one for what made way."""
    applied = [step for step in report.steps if step.result is Result.APPLIED]
    made = [step for step in applied if isinstance(step.action, CreateEndpoint)]
    for step in made:
        yield _created(step, applied, common)
    if made or report.yielded:
        return
    if repairs := [step for step in applied if _repairs(step, report)]:
        yield _repaired(repairs, report, common)
    withdrawn = [step for step in applied if withdraws(step.action)]
    # A group that goes after its endpoint is swept up, not news.
    if any(step.action.kind is not ActionKind.DELETE_SECURITY_GROUP for step in withdrawn):
        yield _withdrawn(withdrawn, report, common)


_PREPARES = frozenset(
    {ActionKind.CREATE_SECURITY_GROUP, ActionKind.AUTHORIZE_CLIENTS, ActionKind.ENABLE_VPC_DNS}
)
"""What an endpoint needs before it is made, or one that stands lacks."""

_UNDONE = frozenset({Result.DEFERRED, Result.SPACED, Result.FAILED, Result.IN_USE})


def _repairs(step: Step, report: Report) -> bool:
    """Whether a step that was carried out put an endpoint right that stands."""
    if isinstance(step.action, CreateEndpoint | WritePolicy) or withdraws(step.action):
        return False
    awaited = any(isinstance(other.action, CreateEndpoint) for other in report.steps)
    return not (awaited and step.action.kind in _PREPARES)


def _of_revert(revert: Revert, common: Mapping[str, Any]) -> Iterator[Notice]:
    image = revert.image
    detail = {
        **common,
        "endpoint_id": image.endpoint_id,
        "reasons": list(image.codes),
        "message": image.reason,
        "witness": asdict(image.witness) if image.witness else None,
        "actor": image.actor,
        "user_agent": image.user_agent,
        "changed": _moment(image.changed),
        "reverted": _moment(image.at),
        "verified": _moment(revert.verified),
        "exposure_ms": revert.exposure_ms,
        "policy": {
            "origin": image.origin,
            "sha256_before": policy_hash(image.before),
            "sha256_after": policy_hash(image.after),
        },
        "record": image.name,
        "contested": _contested(revert.fight),
    }
    reason = image.codes[0] if image.codes else "policy"
    yield Notice(Kind.REVERTED, reason, detail)
    if revert.turns:
        yield Notice(Kind.CONTESTED, "breaker" if revert.fight.open else "contested", detail)


def _contested(fight: Fight) -> dict[str, Any] | None:
    if not fight.contested:
        return None
    return {
        "reverts": len(fight.made),
        "since": _moment(fight.made[0].at),
        "opponents": [opponent._asdict() for opponent in fight.opponents()],
        "breaker_open": fight.open,
    }


def _created(step: Step, applied: list[Step], common: Mapping[str, Any]) -> Notice:
    detail = {
        **common,
        "endpoint_id": step.target,
        "actions": [_action(one) for one in applied],
        "zones": len(getattr(step.action, "subnet_ids", ())),
    }
    return Notice(Kind.CREATED, "created", detail)


def _repaired(steps: list[Step], report: Report, common: Mapping[str, Any]) -> Notice:
    rest = any(step.result in _UNDONE for step in report.steps)
    detail = {
        **common,
        "endpoint_id": _single_endpoint(steps),
        "actions": [_action(step) for step in steps],
        "complete": not rest and not report.error,
        "failed": report.error is not None,
    }
    return Notice(Kind.REPAIRED, "repaired", detail)


def _withdrawn(steps: list[Step], report: Report, common: Mapping[str, Any]) -> Notice:
    why = [f for f in report.findings if f.reason in _MAKES_WAY]
    detail = {
        **common,
        "endpoint_id": _single_endpoint(steps),
        "reasons": [finding.reason for finding in why],
        "message": why[0].message if why else "",
        "replaced": any(isinstance(step.action, CreateEndpoint) for step in report.steps),
        "actions": [_action(step) for step in steps],
    }
    return Notice(Kind.WITHDRAWN, why[0].reason if why else "withdrawn", detail)


_MAKES_WAY = (Reason.DUPLICATE_ENDPOINT, Reason.YIELDING)


def _single_endpoint(steps: Iterable[Step]) -> str | None:
    """Return the endpoint that all of it is about, if it is a single one."""
    targets = (getattr(step.action, "endpoint_ids", (step.target,)) for step in steps)
    ids = {one for several in targets for one in several if one.startswith("vpce-")}
    return ids.pop() if len(ids) == 1 else None


def _yielded(began: Yield, report: Report, common: Mapping[str, Any]) -> Notice:
    detail = {
        **common,
        "cause": began.cause,
        "actor": began.actor,
        "until": _moment(began.until),
        "actions": [_action(s) for s in report.steps if s.result is Result.APPLIED],
    }
    return Notice(Kind.YIELDED, began.cause, detail)


def _refusals(
    report: Report, error: GuardrailError | None, common: Mapping[str, Any]
) -> Iterator[Notice]:
    """Yield one notice for each step that another attempt will not mend.

    Steps of one kind that are about no single endpoint share one. And of a sweep for each policy
    that it could not put back: attempts have been made before. Where no step failed, but looking or
    remembering did, it is one.
    """
    failed = [step for step in report.steps if step.error]
    left = [f for f in report.findings if f.reason.is_drift and not _is_removed(f, report)]
    of_one: dict[tuple[str, ...], list[Step]] = {}
    for step in failed:
        policy = report.trigger.is_sweep and isinstance(step.action, WritePolicy)
        if policy or not isinstance(step.error, RetryableError):
            kind = (step.action.kind, type(step.error).__name__, _single_endpoint([step]) or "")
            of_one.setdefault(kind, []).append(step)
    for steps in of_one.values():
        about = [f for f in left if any(removes(step.action, f) for step in steps)]
        if first := steps[0].error:
            yield _refused(first, steps, about, common)
    if error and not failed and not isinstance(error, RetryableError):
        yield _refused(error, [], left, common)


def _refused(
    error: GuardrailError,
    failed: list[Step],
    left: list[Finding],
    common: Mapping[str, Any],
) -> Notice:
    ids = {finding.endpoint_id for finding in left if finding.endpoint_id}
    endpoint_id = _single_endpoint(failed) or (ids.pop() if len(ids) == 1 else None)
    detail = {
        **common,
        "endpoint_id": endpoint_id,
        "error": str(error),
        "error_kind": type(error).__name__,
        "drift": [_finding(finding) for finding in left],
        "actions": [_action(step) for step in failed],
    }
    doing = [*dict.fromkeys(step.action.kind for step in failed), type(error).__name__]
    return Notice(Kind.REFUSED, " ".join(doing), detail)


def _is_removed(finding: Finding, report: Report) -> bool:
    """Whether all that removes the drift was carried out."""
    remedies = [step for step in report.steps if removes(step.action, finding)]
    done = {Result.APPLIED, Result.GONE}
    return bool(remedies) and all(step.result in done for step in remedies)


def _observed(report: Report, common: Mapping[str, Any]) -> Iterator[Notice]:
    """Yield what is only reported: in observe mode, or because enforce-new spares it.

    What another function, the next event or the next sweep removes is told of then. Sweeps tell of
    it in their totals.
    """
    for finding in report.findings if not report.error else ():
        would = [step for step in report.steps if removes(step.action, finding)]
        recorded = any(step.result is Result.RECORDED for step in would)
        if finding.reason.is_drift and (recorded or not would):
            detail = {
                **common,
                "endpoint_id": finding.endpoint_id,
                "drift": [_finding(finding)],
                "actions": [_action(step) for step in would],
            }
            yield Notice(Kind.OBSERVED, finding.reason, detail)


def _finding(finding: Finding) -> dict[str, Any]:
    witness = finding.verdict.witness if finding.verdict else None
    return {
        "code": finding.reason,
        "endpoint_id": finding.endpoint_id,
        "message": finding.message,
        "witness": asdict(witness) if witness else None,
    }


def _action(step: Step) -> dict[str, str]:
    return {"action": step.action.kind, "target": step.target, "result": step.result}


def _trigger(trigger: Trigger) -> dict[str, str | None]:
    return {
        "name": trigger.name,
        "event_id": trigger.event_id,
        "actor": trigger.actor,
        "user_agent": trigger.user_agent,
    }


def _moment(moment: datetime | None) -> str | None:
    return stamp(moment) if moment else None

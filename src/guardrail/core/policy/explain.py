"""Verdicts in words: which statement lets what in, or what stops the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.core.policy.verdict import (
    Coverage,
    Outcome,
    PolicyCode,
    PolicyReason,
    Verdict,
    Witness,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from guardrail.core.policy.compare import Finding
    from guardrail.core.policy.document import Policy


# A sentence stays readable; the witness itself is always whole.
_MOST = 200


def broader(finding: Finding, policies: tuple[Policy, Policy]) -> Verdict:
    """Name the statement that lets the witness in, and why the baseline would not."""
    candidate, baseline = policies
    statement = _named(candidate, finding.statement)
    if finding.denied_by is None:
        against = "which no statement of the baseline allows"
    else:
        against = f"which {_named(baseline, finding.denied_by)} of the baseline denies"
    message = f"{statement} allows {described(finding.witness)}, {against}"
    reason = PolicyReason(
        PolicyCode.BROADER,
        message,
        finding.statement,
        candidate.statements[finding.statement].pointer,
    )
    return Verdict(Outcome.BROADER, (reason,), finding.witness)


def described(witness: Witness) -> str:
    """Put the request into words."""
    caller = "an anonymous caller" if witness.principal == "anonymous" else witness.principal
    text = f"{witness.action} on {_short(witness.resource)} by {caller}"
    if not witness.context:
        return text
    pairs = (f"{key} = {_shown(value)}" for key, value in witness.context.items())
    return f"{text} with {', '.join(pairs)}"


def _shown(value: str | tuple[str, ...]) -> str:
    return _short(value if isinstance(value, str) else f"[{', '.join(value)}]")


def _short(text: str) -> str:
    return text if len(text) <= _MOST else f"{text[:_MOST]}…"


def _named(policy: Policy, index: int) -> str:
    sid = policy.statements[index].sid
    return f"statement {index} ({sid})" if sid else f"statement {index}"


def contained(covered: Mapping[int, tuple[int, ...]]) -> Verdict:
    """Contained, with the baseline statements behind each candidate statement."""
    coverage = tuple(Coverage(index, by) for index, by in sorted(covered.items()))
    return Verdict(Outcome.CONTAINED, coverage=coverage)


def over_budget() -> Verdict:
    """Say that the comparison would take too long."""
    return _undecided("the policies overlap in too many ways to compare within the work allowed")


def unconfirmed() -> Verdict:
    """Say that the engine and the evaluator disagree: a defect, reported as not decided."""
    return _undecided("a request was found that the plain evaluator does not confirm")


def several_values(key: str) -> Verdict:
    """Say that a plain operator on several values means nothing that AWS documents."""
    return _undecided(f"{key} is compared both with set operators and as a single value")


def variable_meets() -> Verdict:
    """Say that the value of a policy variable would decide between two patterns."""
    return _undecided("a policy variable meets another pattern, and its value would decide")


def unique_id() -> Verdict:
    """Say that a caller with a unique id may be any user or role."""
    return _undecided("nothing tells whose a unique id is, and the policies treat it apart")


def unread(reasons: tuple[PolicyReason, ...]) -> Verdict:
    """Say that the baseline has a construct outside the supported language."""
    first = reasons[0]
    return _undecided(f"in the baseline at {first.pointer or '/'}: {first.message}")


def _undecided(message: str) -> Verdict:
    return Verdict(Outcome.UNDECIDED, (PolicyReason(PolicyCode.UNDECIDED, message),))

"""`sfn-guardrail check`: the verdict on files."""

from __future__ import annotations

import hashlib
import json
import shlex
from typing import Any, assert_never

import typer

from guardrail.core.policy import (
    BaselineError,
    Outcome,
    PolicyCode,
    PolicyReason,
    Verdict,
    Witness,
    decide,
)
from guardrail_cli.documents import UsageError, document_text

BROADER, UNREADABLE, UNDECIDED = 1, 2, 3
_GRAVEST_FIRST = (UNREADABLE, BROADER, UNDECIDED, 0)


def check_files(paths: list[str], baseline: str, service: str | None, *, as_json: bool) -> int:
    """Print the verdict on each file and return the exit code."""
    several = len(paths) > 1
    _check_baseline(baseline)
    codes: list[int] = []
    for path in paths:
        candidate: str | None = None
        try:
            candidate = document_text(path)
            verdict = decide(candidate, baseline, service=service)
        except UsageError as error:
            if not several and not as_json:
                raise
            verdict = _unreadable(error)
        codes.append(exit_code(verdict))
        if as_json:
            record = {"file": path} if several else {}
            typer.echo(json.dumps({**record, **verdict_record(candidate, verdict)}))
        else:
            typer.echo(_line(path, verdict) if several else "\n".join(_lines(verdict)))
    return next(code for code in _GRAVEST_FIRST if code in codes)


def _check_baseline(baseline: str) -> None:
    try:
        decide(baseline, baseline)
    except BaselineError as error:
        raise UsageError(str(error)) from error


def _unreadable(error: Exception) -> Verdict:
    reason = PolicyReason(PolicyCode.MALFORMED, str(error))
    return Verdict(Outcome.MALFORMED, (reason,))


def exit_code(verdict: Verdict) -> int:
    """Return the documented exit code of a verdict."""
    match verdict.outcome:
        case Outcome.CONTAINED:
            return 0
        case Outcome.BROADER:
            return BROADER
        case Outcome.MALFORMED:
            return UNREADABLE
        case Outcome.UNDECIDED:
            return UNDECIDED
        case _:
            assert_never(verdict.outcome)


def verdict_record(candidate: str | None, verdict: Verdict) -> dict[str, Any]:
    """Return the verdict in its documented JSON shape; no hash of what could not be read."""
    text = None if candidate is None else candidate.encode(errors="surrogatepass")
    return {
        "verdict": verdict.outcome.value,
        "reasons": [
            {
                "code": reason.code.value,
                "message": reason.message,
                "statement": reason.statement,
                "pointer": reason.pointer,
            }
            for reason in verdict.reasons
        ],
        "witness": None if verdict.witness is None else witness_record(verdict.witness),
        "policy_sha256": None if text is None else hashlib.sha256(text).hexdigest(),
    }


def witness_record(witness: Witness) -> dict[str, Any]:
    """Return the request as JSON; several values of a key become a list."""
    context = {
        key: value if isinstance(value, str) else list(value)
        for key, value in witness.context.items()
    }
    return {
        "principal": witness.principal,
        "action": witness.action,
        "resource": witness.resource,
        "context": context,
    }


def _line(path: str, verdict: Verdict) -> str:
    reason = f": {verdict.reasons[0].message}" if verdict.reasons else ""
    return f"{path}: {verdict.outcome}{reason}"


def _lines(verdict: Verdict) -> list[str]:
    lines = [str(verdict.outcome)]
    for reason in verdict.reasons:
        place = f" (at {reason.pointer})" if reason.pointer else ""
        lines.append(f"  {reason.message}{place}")
    for covered in verdict.coverage:
        by = ", ".join(str(index) for index in covered.by)
        how = f"is within baseline statement {by}" if by else "lets no request through"
        lines.append(f"  statement {covered.statement} {how}")
    if verdict.witness is not None:
        lines += ["  to try it:", f"    {_command(verdict.witness)}"]
    return lines


def _command(witness: Witness) -> str:
    """Return the `simulate` options that replay the witness."""
    words = ["--principal", witness.principal, "--action", witness.action]
    words += ["--resource", witness.resource]
    for key, value in witness.context.items():
        for one in (value,) if isinstance(value, str) else value:
            words += ["--context", f"{key}={one}"]
    return f"sfn-guardrail simulate POLICY.json {shlex.join(words)}"

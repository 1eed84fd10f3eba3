"""`sfn-guardrail corpus`: recorded verdicts against today's engine."""

from __future__ import annotations

import json
import time
from typing import Any, NamedTuple

import typer

from guardrail.core.policy import decide
from guardrail_cli.documents import document_text

DISAGREE = 1
_OF_DOCUMENTS = {"invalid": "malformed", "unsupported": "undecided"}
_EVERYTHING = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"},
    }
)


class Ran(NamedTuple):
    """One recorded case with what the engine said and how long it took."""

    id: str
    expected: str
    actual: str
    milliseconds: float


def run_corpus(path: str, *, as_json: bool) -> int:
    """Print agreement, disagreements and times; return the exit code."""
    try:
        ran = [_run(json.loads(line)) for line in document_text(path).splitlines() if line]
    except (ValueError, KeyError, TypeError) as error:
        typer.echo(f"error: {path} holds no corpus: {error}", err=True)
        return 2
    wrong = [case for case in ran if case.expected != case.actual]
    typer.echo(json.dumps(_record(ran, wrong)) if as_json else "\n".join(_lines(ran, wrong)))
    return DISAGREE if wrong else 0


def _run(case: dict[str, Any]) -> Ran:
    if "document" in case:
        candidate, baseline = _text(case["document"]), _EVERYTHING
        expected = _OF_DOCUMENTS[case["expected"]]
    else:
        candidate, baseline = _text(case["candidate"]), _text(case["baseline"])
        expected = case["expected"]
    start = time.perf_counter()
    verdict = decide(candidate, baseline, service=case.get("service"))
    taken = (time.perf_counter() - start) * 1000
    return Ran(str(case["id"]), expected, verdict.outcome.value, taken)


def _text(document: Any) -> str:  # noqa: ANN401 - a policy as JSON text or as JSON
    return document if isinstance(document, str) else json.dumps(document)


def percentiles(milliseconds: list[float]) -> dict[str, float]:
    """Return median, p90, p99 and the maximum."""
    ordered = sorted(milliseconds) or [0.0]
    marks = {"median": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    last = len(ordered) - 1
    return {name: round(ordered[round(part * last)], 3) for name, part in marks.items()}


def _record(ran: list[Ran], wrong: list[Ran]) -> dict[str, Any]:
    return {
        "total": len(ran),
        "agreeing": len(ran) - len(wrong),
        "disagreements": [
            {"id": case.id, "expected": case.expected, "actual": case.actual} for case in wrong
        ],
        "milliseconds": percentiles([case.milliseconds for case in ran]),
    }


def _lines(ran: list[Ran], wrong: list[Ran]) -> list[str]:
    lines = [f"{case.id}: expected {case.expected}, got {case.actual}" for case in wrong]
    lines.append(f"{len(ran) - len(wrong)} of {len(ran)} agree")
    times = percentiles([case.milliseconds for case in ran])
    spread = ", ".join(f"{name} {value:.2f} ms" for name, value in times.items())
    return [*lines, f"per decision: {spread}"]

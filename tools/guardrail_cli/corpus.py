"""`sfn-guardrail corpus`: recorded verdicts against today's engine."""

from __future__ import annotations

import json
import time
from typing import Any, NamedTuple

import typer

from guardrail.core.policy import BaselineError, decide
from guardrail_cli.documents import UsageError, document_text

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
    # Only line feeds end a line: JSON strings may hold other separators.
    lines = document_text(path).removeprefix("\ufeff").split("\n")
    ran = [
        _run(_case(line, f"{path}:{number}"))
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]
    wrong = [case for case in ran if case.expected != case.actual]
    typer.echo(json.dumps(_record(ran, wrong)) if as_json else "\n".join(_lines(ran, wrong)))
    return DISAGREE if wrong else 0


class Case(NamedTuple):
    """One recorded case: a policy, what it is judged against, and the verdict to expect."""

    id: str
    candidate: str
    baseline: str
    expected: str
    service: str | None


def _case(line: str, place: str) -> Case:
    """Read one line; `UsageError` names the place of one that is no case."""
    try:
        given = json.loads(line)
        service = _service(given.get("service"))
        if "document" in given:
            expected = _OF_DOCUMENTS[given["expected"]]
            return Case(str(given["id"]), _text(given["document"]), _EVERYTHING, expected, service)
        texts = _text(given["candidate"]), _text(given["baseline"])
        return Case(str(given["id"]), *texts, str(given["expected"]), service)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{place} is no case of a corpus: {error}") from error


def _service(given: object) -> str | None:
    """Return the service whose actions count; null and `any` mean those of every service."""
    if given is not None and not isinstance(given, str):
        raise TypeError("service is a name or null")
    return None if given == "any" else given


def _run(case: Case) -> Ran:
    start = time.perf_counter()
    try:
        actual = decide(case.candidate, case.baseline, service=case.service).outcome.value
    except BaselineError as error:
        actual = f"error: {error}"
    taken = (time.perf_counter() - start) * 1000
    return Ran(case.id, case.expected, actual, taken)


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

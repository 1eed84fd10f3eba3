"""`sfn-guardrail simulate`: one request, through the plain evaluator."""

from __future__ import annotations

import json

import typer

from guardrail.core.policy import Witness
from guardrail.core.policy.evaluate import Decision, Evaluation, Request, evaluate
from guardrail.core.policy.parse import UnreadableError, parse
from guardrail_cli.documents import UsageError, document_text

NOT_ALLOWED, UNREADABLE, UNSUPPORTED = 1, 2, 3


def simulate_request(
    path: str,
    *,
    principal: str,
    action: str,
    resource: str,
    context: list[str],
    segmented: bool,
    as_json: bool,
) -> int:
    """Print what the policy says about the request and return the exit code."""
    try:
        policy = parse(document_text(path))
    except UnreadableError as error:
        for reason in error.reasons:
            typer.echo(f"error: {reason.pointer or '/'}: {reason.message}", err=True)
        return UNREADABLE if error.malformed else UNSUPPORTED
    witness = Witness(principal, action, resource, _context(context))
    try:
        evaluation = evaluate(policy, Request(witness, segmented=segmented))
    except ValueError as error:
        raise UsageError(str(error)) from error
    typer.echo(_json(evaluation) if as_json else _text(evaluation))
    return 0 if evaluation.decision is Decision.ALLOWED else NOT_ALLOWED


def _context(pairs: list[str]) -> dict[str, str | tuple[str, ...]]:
    values: dict[str, list[str]] = {}
    spelled: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"{pair!r} is not key=value")
        # Condition keys ignore case: two spellings are two values of one key.
        values.setdefault(spelled.setdefault(key.lower(), key), []).append(value)
    return {key: many[0] if len(many) == 1 else tuple(many) for key, many in values.items()}


def _json(evaluation: Evaluation) -> str:
    record = {"decision": evaluation.decision.value, "statement": evaluation.statement}
    return json.dumps(record)


def _text(evaluation: Evaluation) -> str:
    if evaluation.statement is None:
        return f"{evaluation.decision}: no statement allows it"
    return f"{evaluation.decision} by statement {evaluation.statement}"

"""Where the engine and an independent judge disagree, in words; used by tests and the bench."""

from __future__ import annotations

import json

from brute_force import counterexample
from generated_policies import generated_pair
from independent_evaluator import allowed

from guardrail.core.policy import Outcome, decide


def disagreement(candidate: str, baseline: str, *, service: str | None, seed: int) -> str | None:
    """Return what is wrong with the engine's verdict as far as sampled requests show."""
    verdict = decide(candidate, baseline, service=service)
    if verdict.outcome is Outcome.BROADER:
        return _unconfirmed(candidate, baseline, service)
    found = counterexample(candidate, baseline, service=service, seed=seed)
    if verdict.outcome is Outcome.CONTAINED and found:
        return f"contained, but allowed only by the candidate: {found}"
    if verdict.outcome is Outcome.MALFORMED:
        return f"malformed: {verdict.reasons[0].message}"
    return None


def _unconfirmed(candidate: str, baseline: str, service: str | None) -> str | None:
    witness = decide(candidate, baseline, service=service).witness
    assert witness is not None
    request = {
        "principal": witness.principal,
        "action": witness.action,
        "resource": witness.resource,
        "context": dict(witness.context),
    }
    if service and not witness.action.lower().startswith(f"{service}:"):
        return f"the witness is outside the universe: {request}"
    policies = json.loads(candidate), json.loads(baseline)
    for segmented in (False, True):
        if allowed(policies[0], request, segmented=segmented) and not allowed(
            policies[1], request, segmented=segmented
        ):
            return None
    return f"the witness is not confirmed: {request}"


def z3_disagreement(seed: int) -> tuple[bool, str | None]:
    """Return whether z3 decides one generated pair, and how the engine differs from it."""
    from z3_oracle import contained

    candidate, baseline = generated_pair(seed, sets=False, variables=False)
    service = "states" if seed % 3 else None
    verdict = decide(candidate, baseline, service=service)
    answer = contained(candidate, baseline, service=service)
    if verdict.outcome is Outcome.UNDECIDED:
        return answer is not None, "undecided"
    if answer is None or answer is verdict.contained:
        return answer is not None, None
    problem = f"z3 says contained={answer}, the engine {verdict.outcome}"
    return True, f"{problem}:\n{candidate}\n{baseline}"

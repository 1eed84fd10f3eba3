"""The decision whether a candidate is contained in a baseline.

Parse, compare under every reading that AWS leaves open and for every value of the policy variables,
and let the plain evaluator confirm the witness before it is returned.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from guardrail.core.policy import explain
from guardrail.core.policy.parse import UnreadableError, parse
from guardrail.core.policy.problems import BaselineError, DocumentError, OverBudgetError
from guardrail.core.policy.question import Question
from guardrail.core.policy.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from guardrail.core.policy.document import Policy


@lru_cache(maxsize=512)
def decide(candidate: str, baseline: str, *, service: str | None = "states") -> Verdict:
    """Whether every request that `candidate` allows is allowed by `baseline` too.

    Only actions of `service` are considered (none: of any service). A malformed baseline raises
    `BaselineError`, a `ValueError`; nothing else raises.
    """
    within = _readable_baseline(baseline)
    try:
        policy = parse(candidate)
    except UnreadableError as error:
        outcome = Outcome.MALFORMED if error.malformed else Outcome.UNDECIDED
        return Verdict(outcome, error.reasons)
    if isinstance(within, Verdict):
        return within
    try:
        return Question(policy, within, service).answer()
    except OverBudgetError:
        return explain.over_budget()
    except DocumentError as error:
        return Verdict(Outcome.UNDECIDED, (error.reason(),))


@lru_cache(maxsize=16)
def _readable_baseline(baseline: str) -> Policy | Verdict:
    try:
        return parse(baseline)
    except UnreadableError as error:
        if error.malformed:
            raise BaselineError(error.reasons) from error
        return explain.unread(error.reasons)

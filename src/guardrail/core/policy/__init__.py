"""The policy engine decides whether an endpoint policy grants anything beyond the baseline."""

from guardrail.core.policy.decide import decide
from guardrail.core.policy.endpoint_rules import check_endpoint_rules
from guardrail.core.policy.fallback import baseline_alone, fallback
from guardrail.core.policy.problems import BaselineError
from guardrail.core.policy.verdict import (
    Coverage,
    Outcome,
    PolicyCode,
    PolicyReason,
    Verdict,
    Witness,
)

__all__ = [
    "BaselineError",
    "Coverage",
    "Outcome",
    "PolicyCode",
    "PolicyReason",
    "Verdict",
    "Witness",
    "baseline_alone",
    "check_endpoint_rules",
    "decide",
    "fallback",
]

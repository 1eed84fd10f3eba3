"""The policy engine: whether an endpoint policy grants anything beyond the baseline."""

from guardrail.core.policy.compare import decide, fallback
from guardrail.core.policy.verdict import Outcome, PolicyCode, PolicyReason, Verdict, Witness

__all__ = ["Outcome", "PolicyCode", "PolicyReason", "Verdict", "Witness", "decide", "fallback"]

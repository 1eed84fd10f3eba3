"""The policy engine: does an endpoint policy grant anything beyond the baseline?"""

from guardrail.core.policy.verdict import Outcome, PolicyCode, PolicyReason, Verdict, Witness

__all__ = ["Outcome", "PolicyCode", "PolicyReason", "Verdict", "Witness"]

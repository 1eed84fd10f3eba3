"""A policy has at most 20,480 characters, white space included.

Source: VPC user guide, "Amazon VPC quotas" (VPC endpoints); the code is a guess.
Confidence: documented
"""

from __future__ import annotations

from collections.abc import Mapping

from guardrail_sandbox.ec2.behaviour import Before, Behaviour
from guardrail_sandbox.ec2.call import Call, RefusedError

MOST_CHARACTERS = 20_480


class PolicySize(Behaviour):
    """See the module."""

    name = "policy-size"

    def before(self) -> Mapping[str, Before]:
        """Measure each policy that is written."""
        return {"CreateVpcEndpoint": _refuse, "ModifyVpcEndpoint": _refuse}


def _refuse(call: Call) -> None:
    if len(call.form.get("PolicyDocument", "")) > MOST_CHARACTERS:
        message = f"The policy document exceeds the maximum size of {MOST_CHARACTERS} characters."
        raise RefusedError("InvalidPolicyDocument", message)

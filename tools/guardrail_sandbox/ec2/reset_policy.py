"""ResetPolicy puts the default policy back.

It is documented for gateway endpoints; what it does to interface endpoints is not known:
`reset-policy` says whether it is applied, ignored or refused.

Source: EC2 API reference, ModifyVpcEndpoint (ResetPolicy).
Confidence: inferred
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from guardrail_sandbox.ec2.behaviour import Before, Behaviour
from guardrail_sandbox.ec2.call import Call, RefusedError
from guardrail_sandbox.ec2.default_policy import FULL_ACCESS


class ResetPolicy(Behaviour):
    """See the module."""

    name = "reset-policy"
    assumptions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "reset-policy": ("applied", "ignored", "refused")
    }

    def before(self) -> Mapping[str, Before]:
        """Write the default in place of the reset."""
        return {"ModifyVpcEndpoint": self._reset}

    def _reset(self, call: Call) -> None:
        if call.form.get("ResetPolicy") != "true":
            return
        if "PolicyDocument" in call.form:
            message = "PolicyDocument and ResetPolicy cannot be used together."
            raise RefusedError("InvalidParameterCombination", message)
        if call.of_interface and self.assumes("reset-policy", "refused"):
            message = "ResetPolicy is not supported for interface endpoints."
            raise RefusedError("InvalidParameter", message)
        if not call.of_interface or self.assumes("reset-policy", "applied"):
            call.form = {**call.form, "PolicyDocument": FULL_ACCESS}

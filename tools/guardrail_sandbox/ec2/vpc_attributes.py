"""ModifyVpcAttribute takes one attribute in a call.

Source: cluster-api-provider-aws issue 783 (code and message); VPC user guide, "DNS attributes for
your VPC".
Confidence: observed
"""

from __future__ import annotations

from collections.abc import Mapping

from guardrail_sandbox.ec2.behaviour import Before, Behaviour
from guardrail_sandbox.ec2.call import Call, RefusedError

_ATTRIBUTES = ("EnableDnsHostnames", "EnableDnsSupport", "EnableNetworkAddressUsageMetrics")


class OneVpcAttribute(Behaviour):
    """See the module."""

    name = "one-vpc-attribute"

    def before(self) -> Mapping[str, Before]:
        """Count the attributes."""
        return {"ModifyVpcAttribute": _refuse}


def _refuse(call: Call) -> None:
    if sum(f"{name}.Value" in call.form for name in _ATTRIBUTES) > 1:
        message = "Fields for multiple attribute types specified"
        raise RefusedError("InvalidParameterCombination", message)

"""A VPC holds at most 50 interface endpoints.

Source: VPC user guide, "Amazon VPC quotas" (VPC endpoints); EC2 API reference, "Error codes"
(VpcEndpointLimitExceeded).
Confidence: documented
"""

from __future__ import annotations

from collections.abc import Mapping

from guardrail_sandbox.ec2.behaviour import Before, Behaviour
from guardrail_sandbox.ec2.call import Call, RefusedError
from guardrail_sandbox.ec2.life_cycle import GOING

MOST_ENDPOINTS = 50


class EndpointQuota(Behaviour):
    """See the module."""

    name = "endpoint-quota"

    def before(self) -> Mapping[str, Before]:
        """Count before another one is made."""
        return {"CreateVpcEndpoint": _refuse}


def _refuse(call: Call) -> None:
    standing = sum(
        e.vpc_id == call.vpc_id and e.vpc_endpoint_type == "Interface" and e.state not in GOING
        for e in call.ec2.vpc_end_points.values()
    )
    if call.of_interface and standing >= MOST_ENDPOINTS:
        message = f"The maximum number of VPC endpoints for the VPC {call.vpc_id} has been reached."
        raise RefusedError("VpcEndpointLimitExceeded", message)

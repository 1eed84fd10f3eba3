"""An endpoint has at most one subnet in each zone.

A subnet that is removed in the same call does not count; that is inferred.

Source: EC2 API reference, "Error codes" (DuplicateSubnetsInSameZone); terraform-aws-vpc issue 451
(message).
Confidence: documented
"""

from __future__ import annotations

from collections.abc import Mapping

from guardrail_sandbox import moto_endpoints
from guardrail_sandbox.ec2.behaviour import Before, Behaviour
from guardrail_sandbox.ec2.call import Call, RefusedError


class OneSubnetPerZone(Behaviour):
    """See the module."""

    name = "one-subnet-per-zone"

    def before(self) -> Mapping[str, Before]:
        """Look at the subnets that the endpoint would have."""
        return {"CreateVpcEndpoint": _refuse, "ModifyVpcEndpoint": _refuse}


def _refuse(call: Call) -> None:
    if not call.of_interface or not call.new_subnets():
        return
    zones: set[str] = set()
    for subnet_id in call.subnets_after():
        subnet = moto_endpoints.subnet(call.region, subnet_id)
        if subnet is not None and subnet.availability_zone in zones:
            message = (
                "Found another VPC endpoint subnet in the availability zone of"
                f" {subnet_id}. VPC endpoint subnets should be in different availability zones"
                " supported by the VPC endpoint service."
            )
            raise RefusedError("DuplicateSubnetsInSameZone", message)
        if subnet is not None:
            zones.add(subnet.availability_zone)

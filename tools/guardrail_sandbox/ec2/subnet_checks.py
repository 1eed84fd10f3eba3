"""Subnets of an endpoint exist, are of its VPC, in zones of the service, and have an address.

The code for a subnet of another VPC is a guess; the zone's code and message were seen.

Source: EC2 API reference, "Error codes" (InvalidSubnetId.NotFound,
InsufficientFreeAddressesInSubnet); terraform-aws-vpc issue 785 (zone not supported).
Confidence: observed
"""

from __future__ import annotations

from collections.abc import Mapping

from guardrail_sandbox import moto_endpoints
from guardrail_sandbox.ec2.behaviour import Before, Behaviour
from guardrail_sandbox.ec2.call import Call, RefusedError
from guardrail_sandbox.ec2.services import service_of
from guardrail_sandbox.untyped import Moto


class SubnetChecks(Behaviour):
    """See the module."""

    name = "subnet-checks"

    def before(self) -> Mapping[str, Before]:
        """Look at each subnet that is added."""
        return {"CreateVpcEndpoint": _refuse, "ModifyVpcEndpoint": _refuse}


def _refuse(call: Call) -> None:
    if not call.of_interface:
        return
    used = set(call.endpoint.subnet_ids or ()) if call.endpoint else set()
    for subnet_id in call.new_subnets():
        subnet = moto_endpoints.subnet(call.region, subnet_id)
        if subnet is None:
            message = f"The subnet ID '{subnet_id}' does not exist"
            raise RefusedError("InvalidSubnetId.NotFound", message)
        if subnet.vpc_id != call.vpc_id:
            message = f"The subnet {subnet_id} does not belong to the VPC {call.vpc_id}"
            raise RefusedError("InvalidParameter", message)
        _require_zone(call, subnet)
        if subnet_id not in used and subnet.available_ip_address_count < 1:
            message = f"Insufficient free addresses in subnet '{subnet_id}'"
            raise RefusedError("InsufficientFreeAddressesInSubnet", message)


def _require_zone(call: Call, subnet: Moto) -> None:
    service = service_of(call.service_name, call.region)
    if service is not None and subnet.availability_zone not in service.zones:
        message = (
            f"The VPC endpoint service {service.name} does not support the availability zone of"
            f" the subnet: {subnet.id}."
        )
        raise RefusedError("InvalidParameter", message)

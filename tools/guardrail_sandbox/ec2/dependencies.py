"""A subnet, a group or a VPC that an endpoint uses cannot be deleted.

The endpoint's network interfaces hold subnet, group and VPC, also while it is being deleted. A VPC
is held by groups other than the default one and by gateway endpoints too; internet gateways,
instances and the like hold nothing here beyond what moto knows. That a group of an endpoint without
interfaces is held by nothing, and goes from the endpoint as it is deleted, is assumed (moto keeps
it there, and then describes no group of the endpoint at all).

Source: EC2 API reference, "Error codes" (DependencyViolation), DeleteSecurityGroup, DeleteVpc.
Confidence: documented
"""

from __future__ import annotations

from collections.abc import Mapping

from guardrail_sandbox.ec2.behaviour import After, Before, Behaviour
from guardrail_sandbox.ec2.call import Call, RefusedError, Reply


class Dependencies(Behaviour):
    """See the module."""

    name = "dependencies"

    def before(self) -> Mapping[str, Before]:
        """Look for what is still there."""
        return {
            "DeleteSubnet": _refuse_subnet,
            "DeleteSecurityGroup": _refuse_group,
            "DeleteVpc": _refuse_vpc,
        }

    def after(self) -> Mapping[str, After]:
        """Take a group that is gone off endpoints."""
        return {"DeleteSecurityGroup": _take_off}


def _refuse_subnet(call: Call) -> None:
    subnet_id = call.form.get("SubnetId", "")
    if any(eni.subnet.id == subnet_id for eni in call.ec2.enis.values()):
        message = f"The subnet '{subnet_id}' has dependencies and cannot be deleted."
        raise RefusedError("DependencyViolation", message)


def _refuse_group(call: Call) -> None:
    group_id = call.form.get("GroupId", "")
    for eni in call.ec2.enis.values():
        if any(group.id == group_id for group in eni.group_set):
            message = f"resource {group_id} has a dependent object"
            raise RefusedError("DependencyViolation", message)


def _refuse_vpc(call: Call) -> None:
    vpc_id = call.form.get("VpcId", "")
    ec2 = call.ec2
    held = (
        any(eni.subnet.vpc_id == vpc_id for eni in ec2.enis.values())
        or any(group.name != "default" for group in ec2.groups.get(vpc_id, {}).values())
        or any(e.vpc_id == vpc_id and e.state != "deleted" for e in ec2.vpc_end_points.values())
    )
    if held:
        message = f"The vpc '{vpc_id}' has dependencies and cannot be deleted."
        raise RefusedError("DependencyViolation", message)


def _take_off(call: Call, reply: Reply) -> Reply:
    group_id = call.form.get("GroupId", "")
    for endpoint in call.ec2.vpc_end_points.values():
        if group_id in endpoint.security_group_ids:
            endpoint.security_group_ids.remove(group_id)
    return reply

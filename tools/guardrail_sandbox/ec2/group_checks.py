"""Security groups of an endpoint exist, are of its VPC, and at least one is left.

The codes for a group of another VPC and for the last group are guesses.

Source: EC2 API reference, "Error codes" (InvalidGroup.NotFound), ModifyVpcEndpoint.
Confidence: inferred
"""

from __future__ import annotations

from collections.abc import Mapping

from guardrail_sandbox.ec2.behaviour import Before, Behaviour
from guardrail_sandbox.ec2.call import Call, RefusedError


class GroupChecks(Behaviour):
    """See the module."""

    name = "group-checks"

    def before(self) -> Mapping[str, Before]:
        """Look at each group that is added, and at what is left."""
        return {"CreateVpcEndpoint": _refuse, "ModifyVpcEndpoint": _refuse}


def _refuse(call: Call) -> None:
    if not call.of_interface:
        return
    for group_id in call.new_groups():
        group = call.ec2.get_security_group_from_id(group_id)
        if group is None:
            message = f"The security group '{group_id}' does not exist"
            raise RefusedError("InvalidGroup.NotFound", message)
        if group.vpc_id != call.vpc_id:
            message = f"The security group {group_id} does not belong to the VPC {call.vpc_id}"
            raise RefusedError("InvalidParameter", message)
    if call.values("RemoveSecurityGroupId") and not call.groups_after():
        message = "A VPC endpoint must have at least one security group."
        raise RefusedError("InvalidParameter", message)

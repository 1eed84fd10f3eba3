"""What belongs to others: VPCs shared by RAM, and endpoints that AWS's services manage.

A participant sees the VPC and its subnets with their owner, none of its endpoints, and cannot
make one there. Nobody but the service changes or deletes an endpoint of its own. The codes are
guesses. `Sandbox.ec2` makes such resources: `share_vpc` and `add_managed_endpoint`.

Source: PrivateLink guide, "Access an AWS service using an interface VPC endpoint" (shared subnets);
VPC user guide, "Share your VPC subnets with other accounts"; EC2 API reference, VpcEndpoint
(RequesterManaged).
Confidence: documented
"""

from __future__ import annotations

from collections.abc import Mapping

from guardrail_sandbox.ec2.behaviour import Before, Behaviour
from guardrail_sandbox.ec2.call import Call, RefusedError
from guardrail_sandbox.ec2.delete_failures import fail
from guardrail_sandbox.ec2.endpoint_filters import visible
from guardrail_sandbox.untyped import Moto


class Ownership(Behaviour):
    """See the module."""

    name = "ownership"

    def before(self) -> Mapping[str, Before]:
        """Hide and protect what is others'."""
        return {
            "DescribeVpcEndpoints": _hide,
            "CreateVpcEndpoint": _refuse_foreign_vpc,
            "ModifyVpcEndpoint": _refuse_change,
            "DeleteVpcEndpoints": _refuse_deletion,
        }


def _is_foreign(call: Call, vpc_id: str) -> bool:
    vpc = call.ec2.vpcs.get(vpc_id)
    return vpc is not None and vpc.owner_id != call.ec2.account_id


def _is_managed(endpoint: Moto) -> bool:
    return bool(getattr(endpoint, "requester_managed", False))


def _hide(call: Call) -> None:
    foreign = {v.id for v in call.ec2.vpcs.values() if v.owner_id != call.ec2.account_id}
    if foreign:
        seen = {i: e for i, e in visible(call).items() if e.vpc_id not in foreign}
        call.views["vpc_end_points"] = seen


def _refuse_foreign_vpc(call: Call) -> None:
    if _is_foreign(call, call.vpc_id):
        message = f"The VPC {call.vpc_id} is shared with this account, which cannot do this in it."
        raise RefusedError("OperationNotPermitted", message)


def _refuse_change(call: Call) -> None:
    endpoint = call.endpoint
    if endpoint is None or _is_foreign(call, endpoint.vpc_id):
        endpoint_id = call.form.get("VpcEndpointId", "")
        message = f"The Vpc Endpoint Id '{endpoint_id}' does not exist"
        raise RefusedError("InvalidVpcEndpointId.NotFound", message)
    if _is_managed(endpoint):
        raise RefusedError("OperationNotPermitted", _managed(endpoint.id))


def _refuse_deletion(call: Call) -> None:
    for endpoint_id in call.values("VpcEndpointId"):
        endpoint = call.ec2.vpc_end_points.get(endpoint_id)
        if endpoint is not None and _is_managed(endpoint):
            fail(call, endpoint_id, "OperationNotPermitted", _managed(endpoint_id))


def _managed(endpoint_id: str) -> str:
    return f"The VPC endpoint {endpoint_id} is managed by an AWS service."

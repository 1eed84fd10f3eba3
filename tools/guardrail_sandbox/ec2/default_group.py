"""An interface endpoint without security groups takes the VPC's default group.

Source: EC2 API reference, CreateVpcEndpoint (SecurityGroupIds).
Confidence: documented
"""

from __future__ import annotations

from guardrail_sandbox import moto_state
from guardrail_sandbox.ec2.behaviour import Behaviour
from guardrail_sandbox.untyped import Moto


class DefaultGroup(Behaviour):
    """See the module."""

    name = "default-group"

    def made(self, endpoint: Moto, region: str) -> None:
        """Take the default group."""
        if endpoint.vpc_endpoint_type == "Interface" and not endpoint.security_group_ids:
            groups = moto_state.ec2(region).groups.get(endpoint.vpc_id, {}).values()
            endpoint.security_group_ids = [g.id for g in groups if g.name == "default"]

"""Private DNS is refused where something else answers for the service's names in the VPC.

That is another endpoint with private DNS, or a private hosted zone of such a name; a service
without private names has no private DNS at all. Whether an endpoint that is being deleted still
conflicts is not documented: `deleting-conflicts`.

Source: messages in Terraform AWS provider issue 17535 and in vespa issue 33303; Route 53
developer guide, "Considerations when working with a private hosted zone".
Confidence: observed
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from guardrail_sandbox import moto_endpoints
from guardrail_sandbox.ec2.behaviour import Before, Behaviour
from guardrail_sandbox.ec2.call import Call, RefusedError
from guardrail_sandbox.ec2.private_dns_attributes import wants_private_dns
from guardrail_sandbox.ec2.services import service_of


class PrivateDnsConflicts(Behaviour):
    """See the module."""

    name = "private-dns-conflicts"
    assumptions: ClassVar[Mapping[str, tuple[str, ...]]] = {"deleting-conflicts": ("no", "yes")}

    def before(self) -> Mapping[str, Before]:
        """Look for conflicts."""
        return {"CreateVpcEndpoint": self._refuse, "ModifyVpcEndpoint": self._refuse}

    def _refuse(self, call: Call) -> None:
        service = service_of(call.service_name, call.region)
        if not wants_private_dns(call) or service is None:
            return
        if not service.private_names:
            message = (
                f"Private DNS can't be enabled because the service {service.name} does not"
                " provide a private DNS name."
            )
            raise RefusedError("InvalidParameter", message)
        zones = moto_endpoints.private_zones(call.vpc_id)
        taken = {name for name in service.private_names if name in zones}
        if taken or self._has_other(call, service.name):
            name = next(iter(taken), service.private_names[0])
            message = (
                "private-dns-enabled cannot be set because there is already a conflicting DNS"
                f" domain for {name} in the VPC {call.vpc_id}"
            )
            raise RefusedError("InvalidParameter", message)

    def _has_other(self, call: Call, service_name: str) -> bool:
        gone = {"deleted"} if self.assumes("deleting-conflicts", "yes") else {"deleting", "deleted"}
        return any(
            other.vpc_id == call.vpc_id
            and other.service_name == service_name
            and other.private_dns_enabled
            and other.id != call.form.get("VpcEndpointId")
            and other.state not in gone
            for other in call.ec2.vpc_end_points.values()
        )

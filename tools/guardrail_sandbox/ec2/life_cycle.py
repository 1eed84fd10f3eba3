"""Endpoints are pending before they are available, deleting before they are gone.

A deleted endpoint is described as `deleted` for a while, then not at all; it cannot be modified.
Whether a pending one can is not documented: `modify-pending`. Gateway endpoints are available
at once here.

Source: EC2 API reference, VpcEndpoint (State); that each phase takes minutes: Terraform's AWS
provider waits up to ten of them after create, modify and delete.
Confidence: observed
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

from guardrail_sandbox import moto_state
from guardrail_sandbox.ec2.behaviour import After, Before, Behaviour
from guardrail_sandbox.ec2.call import Call, RefusedError, Reply
from guardrail_sandbox.untyped import Moto

GOING = frozenset({"deleting", "deleted"})
"""States of an endpoint that nobody can use any more."""


class LifeCycle(Behaviour):
    """See the module."""

    name = "life-cycle"
    assumptions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "modify-pending": ("accepted", "refused")
    }

    def before(self) -> Mapping[str, Before]:
        """Refuse what the state forbids; keep what moto would drop at once."""
        return {"ModifyVpcEndpoint": self._refuse, "DeleteVpcEndpoints": _keep_interfaces}

    def after(self) -> Mapping[str, After]:
        """Delete slowly."""
        return {"DeleteVpcEndpoints": self._delete}

    def made(self, endpoint: Moto, region: str) -> None:
        """Begin as pending."""
        del region
        if endpoint.vpc_endpoint_type == "Interface":
            endpoint.state = "pending"
            self._world.after(self._world.pace.pending, partial(_become_available, endpoint))

    def _refuse(self, call: Call) -> None:
        endpoint = call.endpoint
        if endpoint is None or endpoint.state in GOING:
            endpoint_id = call.form.get("VpcEndpointId", "")
            message = f"The Vpc Endpoint Id '{endpoint_id}' does not exist"
            raise RefusedError("InvalidVpcEndpointId.NotFound", message)
        if endpoint.state == "pending" and self.assumes("modify-pending", "refused"):
            message = f"The VPC endpoint {endpoint.id} is in state pending and cannot be modified."
            raise RefusedError("IncorrectState", message)

    def _delete(self, call: Call, reply: Reply) -> Reply:
        kept = call.notes[self.name]
        if not isinstance(kept, dict):
            return reply
        call.ec2.enis.update(kept)
        for endpoint_id in call.values("VpcEndpointId"):
            endpoint = call.ec2.vpc_end_points.get(endpoint_id)
            if endpoint is not None and endpoint.vpc_endpoint_type == "Interface":
                endpoint.state = "deleting"
                gone = partial(self._end, call.region, endpoint)
                self._world.after(self._world.pace.deleting, gone)
        return reply

    def _end(self, region: str, endpoint: Moto) -> None:
        endpoint.state = "deleted"
        ec2 = moto_state.ec2(region)
        for eni_id in endpoint.network_interface_ids:
            ec2.enis.pop(eni_id, None)
        forget = partial(ec2.vpc_end_points.pop, endpoint.id, None)
        self._world.after(self._world.pace.described_as_deleted, forget)


def _become_available(endpoint: Moto) -> None:
    if endpoint.state == "pending":
        endpoint.state = "available"


def _keep_interfaces(call: Call) -> None:
    enis, endpoints = call.ec2.enis, call.ec2.vpc_end_points
    named = [endpoints[i] for i in call.values("VpcEndpointId") if i in endpoints]
    kept = {i: enis[i] for e in named for i in e.network_interface_ids if i in enis}
    call.notes[LifeCycle.name] = kept

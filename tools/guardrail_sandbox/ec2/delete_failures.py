"""DeleteVpcEndpoints answers 200 and lists what it could not delete as unsuccessful.

An endpoint that does not exist, or not any more, is such an item, with the code
InvalidVpcEndpoint.NotFound (another one than Describe has). One that is being deleted is no
failure.

Source: EC2 API reference, DeleteVpcEndpoints (Unsuccessful); the code: Terraform's AWS provider,
which matches it.
Confidence: documented
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape

from guardrail_sandbox.ec2.behaviour import After, Before, Behaviour
from guardrail_sandbox.ec2.call import Call, Reply, answer

UNDELETABLE = "undeletable"
"""Note of a call: why which endpoint is not deleted, as a dictionary of (code, message) by id."""


class DeleteFailures(Behaviour):
    """See the module."""

    name = "delete-failures"

    def before(self) -> Mapping[str, Before]:
        """Sort the failures out."""
        return {"DeleteVpcEndpoints": _sort}

    def after(self) -> Mapping[str, After]:
        """Report the failures."""
        return {"DeleteVpcEndpoints": _report}


def fail(call: Call, endpoint_id: str, code: str, message: str) -> None:
    """Keep an endpoint from being deleted; the answer will say why."""
    failed = call.notes.setdefault(UNDELETABLE, {})
    if isinstance(failed, dict):
        failed[endpoint_id] = (code, message)
    kept = [i for i in call.values("VpcEndpointId") if i != endpoint_id]
    call.drop("VpcEndpointId")
    call.form.update({f"VpcEndpointId.{n}": i for n, i in enumerate(kept, 1)})


def _sort(call: Call) -> None:
    for endpoint_id in call.values("VpcEndpointId"):
        endpoint = call.ec2.vpc_end_points.get(endpoint_id)
        if endpoint is None or endpoint.state == "deleted":
            message = f"The VpcEndpoint Id '{endpoint_id}' does not exist"
            fail(call, endpoint_id, "InvalidVpcEndpoint.NotFound", message)


def _report(call: Call, reply: Reply) -> Reply:
    failed = call.notes.get(UNDELETABLE)
    if not isinstance(failed, dict):
        return reply
    items = "".join(
        f"<item><resourceId>{escape(endpoint_id)}</resourceId><error><code>{escape(code)}</code>"
        f"<message>{escape(message)}</message></error></item>"
        for endpoint_id, (code, message) in failed.items()
    )
    return answer("DeleteVpcEndpoints", f"<unsuccessful>{items}</unsuccessful>")

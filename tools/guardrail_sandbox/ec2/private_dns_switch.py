"""ModifyVpcEndpoint turns private DNS on and off.

Source: EC2 API reference, ModifyVpcEndpoint (PrivateDnsEnabled).
Confidence: documented
"""

from __future__ import annotations

from collections.abc import Mapping

from guardrail_sandbox.ec2.behaviour import After, Behaviour
from guardrail_sandbox.ec2.call import Call, Reply


class PrivateDnsSwitch(Behaviour):
    """See the module."""

    name = "private-dns-switch"

    def after(self) -> Mapping[str, After]:
        """Do what moto leaves out."""
        return {"ModifyVpcEndpoint": _switch}


def _switch(call: Call, reply: Reply) -> Reply:
    if "PrivateDnsEnabled" in call.form:
        call.endpoint.private_dns_enabled = call.form["PrivateDnsEnabled"] == "true"
    return reply

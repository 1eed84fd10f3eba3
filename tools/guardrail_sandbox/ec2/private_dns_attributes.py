"""Private DNS is refused while a DNS attribute of the VPC is off.

An endpoint that is made without saying has private DNS, as AWS's examples show, but today's
reference states no default: `private-dns-default`. Taken as on where the VPC's attributes allow it,
so that an endpoint made by hand in a plain VPC stands here whichever default AWS has.

Source: GuardDuty user guide, troubleshooting of runtime monitoring (the message); PrivateLink
guide, "Access an AWS service using an interface VPC endpoint".
Confidence: documented
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from guardrail_sandbox.ec2.behaviour import Before, Behaviour
from guardrail_sandbox.ec2.call import Call, RefusedError


class PrivateDnsAttributes(Behaviour):
    """See the module."""

    name = "private-dns-attributes"
    assumptions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "private-dns-default": ("where-possible", "on", "off")
    }

    def before(self) -> Mapping[str, Before]:
        """Look at what would have private DNS."""
        return {"CreateVpcEndpoint": self._create, "ModifyVpcEndpoint": _require_attributes}

    def _create(self, call: Call) -> None:
        if call.of_interface and "PrivateDnsEnabled" not in call.form:
            possible = self.assumes("private-dns-default", "where-possible") and _possible(call)
            on = possible or self.assumes("private-dns-default", "on")
            call.form = {**call.form, "PrivateDnsEnabled": "true" if on else "false"}
        _require_attributes(call)


def _possible(call: Call) -> bool:
    vpc = call.ec2.vpcs.get(call.vpc_id)
    return vpc is None or (_is_on(vpc.enable_dns_support) and _is_on(vpc.enable_dns_hostnames))


def _require_attributes(call: Call) -> None:
    vpc = call.ec2.vpcs.get(call.vpc_id)
    if vpc is None or not wants_private_dns(call):
        return
    if not _possible(call):
        message = (
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC"
            f" attributes set to true for {vpc.id}"
        )
        raise RefusedError("InvalidParameter", message)


def wants_private_dns(call: Call) -> bool:
    """Whether the call turns private DNS on for an interface endpoint."""
    return call.of_interface and call.form.get("PrivateDnsEnabled") == "true"


def _is_on(attribute: object) -> bool:
    # moto keeps the text of the request.
    return str(attribute).lower() == "true"

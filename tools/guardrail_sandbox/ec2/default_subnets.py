"""Subnets are default subnets in a default VPC, and in no other.

moto takes the first subnet of a zone for the default one, whatever its VPC. Then a default VPC
cannot be made again after it was deleted.

Source: VPC user guide, "Default VPCs" (components); EC2 API reference, CreateDefaultVpc.
Confidence: documented
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from guardrail_sandbox.ec2.behaviour import After, Before, Behaviour
from guardrail_sandbox.ec2.call import Call, Reply

_ID = re.compile(rb"<subnetId>(subnet-[0-9a-f]+)</subnetId>")
_FLAGS = re.compile(rb"<(defaultForAz|mapPublicIpOnLaunch)>true<")


class DefaultSubnets(Behaviour):
    """See the module."""

    name = "default-subnets"

    def before(self) -> Mapping[str, Before]:
        """Hide subnets of other VPCs from moto."""
        return {"CreateDefaultVpc": _hide}

    def after(self) -> Mapping[str, After]:
        """Correct what moto made."""
        return {"CreateSubnet": _correct, "CreateDefaultVpc": _keep}


def _hide(call: Call) -> None:
    call.views["subnets"] = defaultdict(dict)


def _keep(call: Call, reply: Reply) -> Reply:
    for zone, made in call.views["subnets"].items():
        call.ec2.subnets[zone].update(made)
    return reply


def _correct(call: Call, reply: Reply) -> Reply:
    found = _ID.search(reply.body)
    if found is None:
        return reply
    subnet = call.ec2.get_subnet(found[1].decode())
    # Only CreateDefaultSubnet makes one in a VPC that stands.
    subnet.default_for_az = subnet.map_public_ip_on_launch = False
    return reply.with_body(_FLAGS.sub(rb"<\1>false<", reply.body))

"""An endpoint that is given no policy lets everybody in, by a text without Version.

Source: PrivateLink guide, "Control access to VPC endpoints using endpoint policies" (default
endpoint policy); the text as recorded by CloudTrail.
Confidence: observed
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from guardrail_sandbox.ec2.behaviour import Before, Behaviour
from guardrail_sandbox.ec2.call import Call
from guardrail_sandbox.untyped import Moto

FULL_ACCESS = (
    '{\n  "Statement": [\n    {\n      "Action": "*", \n      "Effect": "Allow", \n'
    '      "Principal": "*", \n      "Resource": "*"\n    }\n  ]\n}'
)
"""The default endpoint policy as EC2 shows it."""


class DefaultPolicy(Behaviour):
    """See the module."""

    name = "default-policy"

    def before(self) -> Mapping[str, Before]:
        """Fill the policy in."""
        return {"CreateVpcEndpoint": _fill_in}

    def made(self, endpoint: Moto, region: str) -> None:
        """Fill it in where CloudFormation made the endpoint, and make a text of its object."""
        del region
        policy = endpoint.policy_document
        if isinstance(policy, dict):
            endpoint.policy_document = json.dumps(policy)
        elif endpoint.vpc_endpoint_type == "Interface" and policy == json.dumps(
            type(endpoint).DEFAULT_POLICY
        ):
            endpoint.policy_document = FULL_ACCESS


def _fill_in(call: Call) -> None:
    if call.of_interface and not call.form.get("PolicyDocument"):
        call.form = {**call.form, "PolicyDocument": FULL_ACCESS}

"""A service without policy support accepts the full-access policy only.

Source: message in pulumi-aws-native issue 1711; EC2 API reference, ServiceDetail
(VpcEndpointPolicySupported).
Confidence: observed
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from guardrail_sandbox.ec2.behaviour import Before, Behaviour
from guardrail_sandbox.ec2.call import Call, RefusedError
from guardrail_sandbox.ec2.default_policy import FULL_ACCESS
from guardrail_sandbox.ec2.policy_syntax import statements_of
from guardrail_sandbox.ec2.services import service_of


class PolicySupport(Behaviour):
    """See the module."""

    name = "policy-support"

    def before(self) -> Mapping[str, Before]:
        """Look at the service of each policy that is written."""
        return {"CreateVpcEndpoint": _refuse, "ModifyVpcEndpoint": _refuse}


def _refuse(call: Call) -> None:
    text, service = call.form.get("PolicyDocument"), service_of(call.service_name, call.region)
    if text is None or service is None or service.supports_policies:
        return
    if statements_of(text) != json.loads(FULL_ACCESS)["Statement"]:
        message = f"Service {service.name} only supports the full-access endpoint policy."
        raise RefusedError("InvalidParameter", message)

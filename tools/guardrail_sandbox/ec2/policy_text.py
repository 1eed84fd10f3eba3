"""A policy comes back in another layout: keys sorted, two spaces, a space before line ends.

Recordings show both, the text as it was written and the text serialised anew: `policy-text`.

Source: CloudTrail records and Describe answers in public recordings.
Confidence: observed
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar

from guardrail_sandbox.ec2.behaviour import After, Behaviour
from guardrail_sandbox.ec2.call import Call, Reply
from guardrail_sandbox.untyped import Moto


class PolicyText(Behaviour):
    """See the module."""

    name = "policy-text"
    assumptions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "policy-text": ("reserialised", "verbatim")
    }

    def after(self) -> Mapping[str, After]:
        """Serialise a policy that was written."""
        return {"ModifyVpcEndpoint": self._rewrite}

    def made(self, endpoint: Moto, region: str) -> None:
        """Serialise the first policy."""
        del region
        self._serialise(endpoint)

    def _rewrite(self, call: Call, reply: Reply) -> Reply:
        if "PolicyDocument" in call.form:
            self._serialise(call.endpoint)
        return reply

    def _serialise(self, endpoint: Moto) -> None:
        if self.assumes("policy-text", "verbatim") or endpoint.vpc_endpoint_type != "Interface":
            return
        try:
            policy = json.loads(endpoint.policy_document)
        except ValueError:
            return  # Only where malformed policies are let through.
        endpoint.policy_document = json.dumps(
            policy, indent=2, sort_keys=True, separators=(", ", ": ")
        )

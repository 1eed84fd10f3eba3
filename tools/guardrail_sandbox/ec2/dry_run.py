"""A dry run changes nothing and answers DryRunOperation.

Quotas, conflicts and dependencies are not looked at, so a dry run promises little.

Source: EC2 API reference, "Common query parameters" (DryRun); that it stops before the other
checks: boto3 issue 2554.
Confidence: documented
"""

from __future__ import annotations

from collections.abc import Mapping

from guardrail_sandbox.ec2.behaviour import ANY, Before, Behaviour
from guardrail_sandbox.ec2.call import Call, RefusedError


class DryRun(Behaviour):
    """See the module."""

    name = "dry-run"

    def before(self) -> Mapping[str, Before]:
        """Look at every action."""
        return {ANY: _answer}


def _answer(call: Call) -> None:
    if call.form.get("DryRun") == "true":
        message = "Request would have succeeded, but DryRun flag is set."
        raise RefusedError("DryRunOperation", message, 412)

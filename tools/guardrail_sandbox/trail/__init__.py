"""CloudTrail in front of a local EC2: every mutating call becomes the record AWS would write.

`CloudTrailLayer` wraps the WSGI application that answers EC2 calls. It changes neither the
request nor the answer, and it knows nothing about what the records are used for.
Where records differ from AWS's is listed in docs/reference/sandbox-trail.md.
"""

from __future__ import annotations

from guardrail_sandbox.trail.identity import Identity, SessionIssuer
from guardrail_sandbox.trail.layer import CloudTrailLayer
from guardrail_sandbox.trail.record import deliverable, envelope

__all__ = ["CloudTrailLayer", "Identity", "SessionIssuer", "deliverable", "envelope"]

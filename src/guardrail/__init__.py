"""The Step Functions endpoint guardrail: observe, plan, apply.

`core` decides and knows nothing of AWS clients; `aws` is the only importer of the SDK;
`reconcile` joins the two for one VPC.
"""

__version__ = "0.1.0"

"""IAM in front of the local AWS: the functions may do what the template's roles allow, no more.

moto's own enforcement ignores conditions and refuses statements that name ARNs. Here each call
becomes the permissions that AWS asks for, with resource and condition keys, and the roles as
deployed decide.
"""

from __future__ import annotations

from guardrail_sandbox.authorization.layer import AuthorizationLayer
from guardrail_sandbox.authorization.need import Need
from guardrail_sandbox.authorization.roles import Roles
from guardrail_sandbox.authorization.senders import AsDeployed, Everybody, Senders

__all__ = ["AsDeployed", "AuthorizationLayer", "Everybody", "Need", "Roles", "Senders"]

"""The few errors of the guardrail, each a disposition: what the caller does next.

Drift is never an error, and neither is "gone": both are outcomes. Bugs propagate as they are.
"""

from __future__ import annotations


class GuardrailError(Exception):
    """Base of all errors that the guardrail raises on purpose."""


class RetryableError(GuardrailError):
    """Throttled, unavailable, pending or not yet visible: raise, Lambda tries again."""


class TerminalError(GuardrailError):
    """Access denied or a request that EC2 rejects: trying again changes nothing."""


class NameTakenError(RetryableError):
    """Another endpoint or a private hosted zone answers for the service's name in the VPC."""


class PolicyRefusedError(TerminalError):
    """EC2 takes the endpoint as it is, and not the policy that is to be written."""


class RefusedError(GuardrailError):
    """The guardrail refuses to write: it would widen access or touch another service."""


def first_to_mend(*errors: GuardrailError | None) -> GuardrailError | None:
    """Return one of several errors: one that another attempt may mend before any other."""
    known = [error for error in errors if error]
    return min(known, key=lambda error: not isinstance(error, RetryableError), default=None)


class SettingsError(GuardrailError):
    """The configuration is wrong; the message names the setting and what it accepts."""

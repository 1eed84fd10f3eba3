"""From the SDK's errors to the guardrail's own, in one table of codes and messages.

Nearly every failure about an endpoint is `InvalidParameter`, so the message decides there.
Unknown codes are retryable: the retries are bounded, and the dead-letter queue holds the rest.
Source of the codes: Amazon EC2 API reference, "Error codes for the Amazon EC2 API".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from guardrail.errors import (
    GuardrailError,
    NameTakenError,
    PolicyRefusedError,
    RetryableError,
    TerminalError,
)

GONE = frozenset(
    {
        "InvalidVpcEndpointId.NotFound",
        "InvalidVpcEndpoint.NotFound",
        "InvalidVpcID.NotFound",
    }
)
"""What is acted upon does not exist (any more): an outcome, not an error."""

GONE_SUBNET = frozenset({"InvalidSubnetID.NotFound", "InvalidSubnetId.NotFound"})
"""The same of a subnet; where it is one of several to stand in, the others are still to be used."""

GONE_GROUP = frozenset(
    {"InvalidGroup.NotFound", "InvalidGroupId.NotFound", "InvalidSecurityGroupID.NotFound"}
)
"""The same of a security group; one just made may not be visible yet, which is an error."""


@dataclass(frozen=True, slots=True)
class _Rule:
    codes: frozenset[str]
    kind: type[GuardrailError]
    hint: str
    message_part: str = ""


_RULES = (
    _Rule(
        frozenset({"UnauthorizedOperation", "AccessDenied", "AccessDeniedException"}),
        TerminalError,
        "allow the action to the function's role, or exempt the role from the organisation's"
        " policy that denies it",
    ),
    _Rule(
        frozenset({"InvalidParameter"}),
        RetryableError,
        "the VPC's DNS attributes may not be visible yet; the next attempt looks again",
        "requires both enableDnsSupport and enableDnsHostnames",
    ),
    _Rule(
        frozenset({"InvalidParameter"}),
        # An endpoint that its owner made meanwhile is seen, and adopted, by the next attempt.
        NameTakenError,
        "another endpoint or a private hosted zone already answers for the service's name in"
        " the VPC; if it stays so, remove one of the two",
        "conflicting DNS domain",
    ),
    _Rule(
        frozenset({"InvalidParameter", "InvalidParameterValue", "InvalidParameterCombination"}),
        TerminalError,
        "EC2 refuses the request as it is; the message says which part",
    ),
    _Rule(
        frozenset({"InvalidPolicyDocument", "MalformedPolicyDocument"}),
        PolicyRefusedError,
        "check the baseline with `sfn-guardrail check`",
    ),
    _Rule(
        frozenset({"VpcEndpointLimitExceeded", "SecurityGroupLimitExceeded"}),
        TerminalError,
        "ask for a higher quota of the account",
    ),
    _Rule(
        frozenset(
            {"SecurityGroupsPerInterfaceLimitExceeded", "RulesPerSecurityGroupLimitExceeded"}
        ),
        TerminalError,
        "ask for a higher quota of the account, or remove groups or rules",
    ),
    _Rule(
        frozenset({"ValidationException"}),
        TerminalError,
        "the region holds more than the inventory's one item can, about 4,000 endpoints and their"
        " VPCs; use the modes observe or enforce, which need none",
        "Item size",
    ),
    _Rule(
        frozenset({"ValidationException", "ResourceNotFoundException"}),
        TerminalError,
        "the stack's own parts are not as the template made them; deploy it again",
    ),
)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise the guardrail's error in place of the SDK's; `doing` says what was tried."""
    try:
        yield
    except ClientError as error:
        raise classify(error, doing) from error
    except ParamValidationError:
        # A request that the SDK itself refuses is a bug of ours, which another try cannot mend.
        raise
    except BotoCoreError as error:
        raise RetryableError(f"{doing}: AWS could not be reached: {error}") from error


def classify(error: ClientError, doing: str) -> GuardrailError:
    """Return the error to raise for `error`: what happened, where, and what to do next."""
    code, message = error_code(error), str(error.response.get("Error", {}).get("Message", ""))
    for rule in _RULES:
        if code in rule.codes and rule.message_part in message:
            return rule.kind(f"{doing}: {code}: {message} ({rule.hint})")
    return RetryableError(f"{doing}: {code}: {message} (it will be tried again)")


def error_code(error: ClientError) -> str:
    """Return the SDK's error code, without CloudTrail's `Client.` prefix."""
    return str(error.response.get("Error", {}).get("Code", ""))

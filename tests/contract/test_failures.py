"""From the SDK's errors to what the guardrail does next: each row of the table is reachable."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError

from guardrail.aws.failures import _RULES, GONE, classify, translated
from guardrail.errors import (
    GuardrailError,
    NameTakenError,
    PolicyRefusedError,
    RefusedError,
    RetryableError,
    TerminalError,
)

CONFLICT = "private-dns-enabled cannot be set because there is already a conflicting DNS domain"
NO_DNS = "requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true"


def failure(code: str, message: str = "no") -> ClientError:
    """Return an error as the SDK raises it."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "ModifyVpcEndpoint")


@pytest.mark.parametrize(
    ("code", "message", "kind", "advice"),
    [
        ("RequestLimitExceeded", "no", RetryableError, "tried again"),
        ("Unavailable", "no", RetryableError, "tried again"),
        ("IncorrectState", "no", RetryableError, "tried again"),
        ("IdempotentParameterMismatch", "no", RetryableError, "tried again"),
        ("InvalidGroup.NotFound", "no", RetryableError, "tried again"),
        ("InvalidSubnetID.NotFound", "no", RetryableError, "tried again"),
        ("InvalidSubnetId.NotFound", "no", RetryableError, "tried again"),
        ("SomethingNew", "no", RetryableError, "tried again"),
        ("InvalidParameter", NO_DNS, RetryableError, "DNS attributes"),
        ("InvalidParameter", CONFLICT, NameTakenError, "remove one of the two"),
        ("InvalidParameter", "other", TerminalError, "which part"),
        ("InvalidParameterCombination", "other", TerminalError, "which part"),
        ("UnauthorizedOperation", "no", TerminalError, "allow the action"),
        ("AccessDeniedException", "no", TerminalError, "allow the action"),
        ("InvalidPolicyDocument", "no", PolicyRefusedError, "sfn-guardrail check"),
        ("VpcEndpointLimitExceeded", "no", TerminalError, "quota"),
        ("RulesPerSecurityGroupLimitExceeded", "no", TerminalError, "quota"),
        ("ResourceNotFoundException", "no", TerminalError, "deploy it again"),
    ],
)
def test_an_error_says_what_happened_where_and_what_to_do(
    code: str, message: str, kind: type[GuardrailError], advice: str
) -> None:
    """Code and message decide; an unknown code is tried again."""
    error = classify(failure(code, message), "WritePolicy vpce-1")
    assert type(error) is kind
    assert str(error).startswith(f"WritePolicy vpce-1: {code}: {message}")
    assert advice in str(error)


def test_no_row_of_the_table_hides_another() -> None:
    """Each rule is the first that matches its own codes and message."""
    for rule in _RULES:
        for code in rule.codes:
            error = classify(failure(code, rule.message_part), "x")
            assert type(error) is rule.kind
            assert rule.hint in str(error)


@pytest.mark.parametrize(
    "raised",
    [ConnectTimeoutError(endpoint_url="https://ec2"), NoCredentialsError(), failure("Throttling")],
)
def test_what_the_sdk_raises_is_translated_with_its_cause(raised: Exception) -> None:
    """No error of the SDK leaves the adapter, and the cause stays attached."""
    with pytest.raises(RetryableError, match="observing") as caught, translated("observing"):
        raise raised
    assert caught.value.__cause__ is raised


def test_the_guardrails_own_errors_pass() -> None:
    """A refusal is not translated into anything else."""
    with pytest.raises(RefusedError), translated("observing"):
        raise RefusedError("no")


def test_gone_is_no_error_of_the_table() -> None:
    """What does not exist any more is an outcome of the write."""
    assert not GONE & {code for rule in _RULES for code in rule.codes}

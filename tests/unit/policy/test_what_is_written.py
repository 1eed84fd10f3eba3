"""What the guardrail writes: the fallback, and the rules that EC2 applies to it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from guardrail.core.policy import check_endpoint_rules, decide, fallback

ALLOW: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "states:*",
    "Resource": "*",
    "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-abc1234567"}},
}
OPEN: dict[str, Any] = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
DENY: dict[str, Any] = {**OPEN, "Sid": "Ours", "Effect": "Deny", "Action": "states:Delete*"}


def document(*statements: dict[str, Any], version: str | None = "2012-10-17") -> str:
    """Return a policy as JSON."""
    head = {} if version is None else {"Version": version}
    return json.dumps({**head, "Statement": list(statements)}, indent=2)


def test_the_owners_denies_are_kept() -> None:
    """The fallback is the baseline with the candidate's own Denies, without their names."""
    written = json.loads(fallback(document(OPEN, DENY), document(ALLOW)))
    unnamed = {name: value for name, value in DENY.items() if name != "Sid"}
    assert written["Statement"] == [ALLOW, unnamed]


def test_the_fallback_is_minified_and_contained() -> None:
    """Whatever is written is within the baseline, and as short as JSON can be."""
    text = fallback(document(OPEN, DENY), document(ALLOW))
    assert ", " not in text
    assert decide(text, document(ALLOW)).contained


@pytest.mark.parametrize(
    "candidate",
    ["not json", document(OPEN), document({**DENY, "Effect": "Nope"}, OPEN), document(ALLOW)],
)
def test_without_denies_the_baseline_stands_alone(candidate: str) -> None:
    """A malformed candidate, or one without Denies, falls back to the plain baseline."""
    assert json.loads(fallback(candidate, document(ALLOW))) == json.loads(document(ALLOW))


def test_denies_that_do_not_fit_are_dropped() -> None:
    """When baseline and Denies together exceed 20,480 characters, the baseline stands alone."""
    wide = {**DENY, "Resource": [f"arn:aws:states:*:*:stateMachine:{i:04}" for i in range(490)]}
    candidate = json.dumps({"Version": "2012-10-17", "Statement": [wide]})
    assert len(candidate) < 20_480
    big = {**ALLOW, "Action": [f"states:Action{i:03}" for i in range(100)]}
    assert json.loads(fallback(candidate, document(big)))["Statement"] == [big]


def test_denies_that_ec2_would_refuse_are_dropped() -> None:
    """A Deny that breaks an endpoint rule is not carried over."""
    refused = {**DENY, "Condition": {"StringLike": {"aws:SourceVpc": "vpc-*"}}}
    written = json.loads(fallback(document(refused), document(ALLOW)))
    assert written["Statement"] == [ALLOW]


def test_denies_with_text_that_another_version_reads_differently_are_dropped() -> None:
    """Under 2008 a policy variable is plain text, so such a Deny is not carried into 2012."""
    old = {**DENY, "Resource": "arn:aws:states:*:*:stateMachine:${aws:username}"}
    written = json.loads(fallback(document(old, version=None), document(ALLOW)))
    assert written["Statement"] == [ALLOW]


def test_a_baseline_that_cannot_be_judged_is_an_error() -> None:
    """Nothing is written from a baseline that the engine does not understand."""
    odd = {**ALLOW, "Condition": {"StringAlmost": {"a:b": "c"}}}
    with pytest.raises(ValueError, match="baseline"):
        fallback(document(OPEN), document(odd))


def conditioned(operator: str, key: str, value: str) -> str:
    """Return a policy with one condition."""
    return document({**OPEN, "Condition": {operator: {key: value}}})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (conditioned("StringLike", "aws:SourceVpc", "vpc-*"), "generates"),
        (conditioned("NumericEquals", "aws:PrincipalAccount", "5"), "numeric"),
        (conditioned("StringLike", "aws:PrincipalTag/team", "abc*"), "fewer than 6"),
        (conditioned("ArnLike", "aws:SourceArn", "arn:aws:states:*:12345*:x:y"), "account"),
        (conditioned("StringLike", "aws:PrincipalArn", "arn:aws:iam::1234*:role/a"), "account"),
        (document({**OPEN, "Resource": "arn:aws:states:*:1234?6789012:*"}), "account"),
        ("{" + " " * 20_480 + "}", "20480 at most"),
    ],
)
def test_what_ec2_refuses_is_found(text: str, expected: str) -> None:
    """Each documented endpoint rule is reported in words."""
    reasons = check_endpoint_rules(text)
    assert any(expected in reason.message for reason in reasons)


@pytest.mark.parametrize(
    "text",
    [
        document(ALLOW),
        conditioned("StringLike", "aws:PrincipalTag/team", "billing*"),
        conditioned("ArnLike", "aws:SourceArn", "arn:aws:states:*:*:stateMachine:a*"),
        document({**OPEN, "Resource": "arn:aws:states:*:123456789012:*"}),
        document({**OPEN, "Resource": "arn:aws:s3:::bucket"}),
    ],
)
def test_what_ec2_takes_is_left_alone(text: str) -> None:
    """Policies within the rules have no reason against them."""
    assert check_endpoint_rules(text) == ()

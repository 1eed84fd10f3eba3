"""The plain evaluator: one request against one policy."""

from __future__ import annotations

import json
from typing import Any

import pytest

from guardrail.core.policy import Witness
from guardrail.core.policy.evaluate import Decision, Request, evaluate
from guardrail.core.policy.parse import parse

ROLE = "arn:aws:iam::123456789012:role/team/App"
PLAIN_ROLE = "arn:aws:iam::123456789012:role/App"
SESSION = "arn:aws:sts::123456789012:assumed-role/App/one"


def decision(statement: dict[str, Any], principal: str = "anonymous", **context: Any) -> Decision:
    """Evaluate a request for one action on one resource."""
    document = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "*",
            "Resource": "*",
            **statement,
        },
    }
    keys = {name.replace("_", ":"): value for name, value in context.items()}
    witness = Witness(principal, "states:StartExecution", "arn:aws:states:eu:1:x:y", keys)
    return evaluate(parse(json.dumps(document)), Request(witness)).decision


@pytest.mark.parametrize(
    ("entry", "caller", "is_meant"),
    [
        ({"AWS": "123456789012"}, SESSION, True),
        ({"AWS": "123456789012"}, "arn:aws:iam::123456789012:saml-provider/x", False),
        ({"AWS": "123456789012"}, "events.amazonaws.com", False),
        ({"AWS": PLAIN_ROLE}, SESSION, True),
        ({"AWS": ROLE}, SESSION, False),
        ({"AWS": "arn:aws-cn:iam::123456789012:root"}, SESSION, False),
        ({"Service": "events.amazonaws.com"}, "events.amazonaws.com", True),
        ({"AWS": SESSION}, PLAIN_ROLE, False),
        ("*", "anonymous", True),
    ],
)
def test_principals_mean_their_callers(entry: Any, caller: str, *, is_meant: bool) -> None:
    """Accounts mean their callers, roles their sessions, other entries themselves."""
    expected = Decision.ALLOWED if is_meant else Decision.NOT_ALLOWED
    assert decision({"Principal": entry}, caller) is expected


def test_a_role_with_a_path_means_the_sessions_that_carry_its_arn() -> None:
    """The request's aws:PrincipalArn tells the path that the session's name hides."""
    assert (
        decision({"Principal": {"AWS": ROLE}}, SESSION, aws_PrincipalArn=ROLE) is Decision.ALLOWED
    )


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringEquals": {"a:b": "x"}}, {}, False),
        ({"StringNotEquals": {"a:b": "x"}}, {}, True),
        ({"StringEqualsIfExists": {"a:b": "x"}}, {}, True),
        ({"StringEqualsIgnoreCase": {"a:b": "X"}}, {"a_b": "x"}, True),
        ({"StringLike": {"a:b": "x*z?"}}, {"a_b": "xyyzz"}, True),
        ({"Null": {"a:b": "true"}}, {}, True),
        ({"Null": {"a:b": "true"}}, {"a_b": ""}, False),
        ({"ForAllValues:StringEquals": {"a:b": "x"}}, {}, True),
        ({"ForAnyValue:StringEquals": {"a:b": "x"}}, {}, False),
        ({"ForAnyValue:StringEqualsIfExists": {"a:b": "x"}}, {}, True),
        ({"ForAllValues:StringEquals": {"a:b": "x"}}, {"a_b": ("x", "y")}, False),
        ({"ForAnyValue:StringEquals": {"a:b": "x"}}, {"a_b": ("x", "y")}, True),
        ({"NumericLessThan": {"a:b": "5"}}, {"a_b": "4.9"}, True),
        ({"NumericLessThan": {"a:b": "5"}}, {"a_b": "many"}, False),
        ({"DateGreaterThan": {"a:b": "2027-01-01"}}, {"a_b": "1798761601"}, True),
        ({"IpAddress": {"a:b": "10.0.0.0/8"}}, {"a_b": "10.9.9.9"}, True),
        ({"IpAddress": {"a:b": "10.0.0.0/8"}}, {"a_b": "::1"}, False),
        ({"Bool": {"a:b": "true"}}, {"a_b": "True"}, True),
        ({"BinaryEquals": {"a:b": "QQ=="}}, {"a_b": "QQ=="}, True),
        ({"ArnLike": {"a:b": "arn:*:*:*:*:x"}}, {"a_b": "arn:a:b:c:d:e:x"}, False),
        ({"StringEquals": {"a:b": "${c:d}"}}, {"a_b": "x", "c_d": "x"}, True),
        ({"StringEquals": {"a:b": "${c:d}"}}, {"a_b": "x"}, False),
        ({"StringNotEquals": {"a:b": "${c:d}"}}, {"a_b": "x"}, True),
        ({"StringEquals": {"a:b": "${c:d, 'x'}"}}, {"a_b": "x"}, True),
    ],
)
def test_conditions_hold_as_documented(
    condition: dict[str, Any], context: dict[str, Any], *, holds: bool
) -> None:
    """Missing keys, several values and every family follow the documentation."""
    expected = Decision.ALLOWED if holds else Decision.NOT_ALLOWED
    assert decision({"Condition": condition}, **context) is expected


def test_a_plain_operator_refuses_several_values() -> None:
    """What AWS leaves open is an error here, never a guess."""
    with pytest.raises(ValueError, match="several values"):
        decision({"Condition": {"StringEquals": {"a:b": "x"}}}, a_b=("x", "y"))


def test_a_deny_is_told_from_no_allow() -> None:
    """An explicit Deny is its own decision."""
    assert decision({"Effect": "Deny"}) is Decision.DENIED
    assert decision({"Action": "states:Stop*"}) is Decision.NOT_ALLOWED

"""From AWS's sentence about a failed stack to what to do about it."""

from __future__ import annotations

import pytest
import typer

from guardrail_cli.org.causes import advice
from guardrail_cli.org.options import end

CALLER = "User: arn:aws:sts::111122223333:assumed-role/stacksets-exec-0123/AWSCloudFormation is not"
GET = (
    "Your access has been denied by S3, please make sure your request credentials have permission"
    " to GetObject for acme-eu-west-1/sfn-endpoint-guardrail/0.zip. S3 Error Code: AccessDenied."
    f" S3 Error Message: {CALLER} authorized to perform: s3:GetObject on resource:"
)
BUCKET, ROLE, REGION = "artifact-buckets.yaml", "StackSets role is missing", "region is not enabled"
POLICY, PERMISSION, QUOTA = "policy of the organisation", "permission is missing", "quota is used"


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("Error occurred while GetObject. S3 Error Code: NoSuchBucket", BUCKET),
        (f'{GET} "arn" because no resource-based policy allows the s3:GetObject action', BUCKET),
        (f'{GET} "arn" with an explicit deny in a resource-based policy', BUCKET),
        (f'{GET} "arn" with an explicit deny in a service control policy', POLICY),
        ("not authorized to s3:GetObject with an explicit deny", POLICY),
        (f"{CALLER} authorized to perform: iam:CreateRole on resource: x because no", PERMISSION),
        (
            "Account 111122223333 should have 'stacksets-exec-0123' role with trust relationship to"
            " Role 'aws-service-role/member.org.stacksets.cloudformation.amazonaws.com/x'.",
            ROLE,
        ),
        ("not authorized to perform: sts:AssumeRole on resource: role/stacksets-exec-0", ROLE),
        ("You must enable organizations access to operate", "trusted access"),
        ("Cancelled since failure tolerance has exceeded", "failures beside it"),
        ("Region me-south-1 is not enabled", REGION),
        ("The region me-south-1 requires opt-in", REGION),
        ("The security token included in the request is invalid.", REGION),
        ("The region has no such option", "events of the stack"),
        ("The maximum number of rules for this region has been reached, an option", QUOTA),
        ("Limit exceeded for this resource", QUOTA),
        ("sfn-endpoint-guardrail-status already exists", "something of that name"),
        ("Account is suspended", "take the account out"),
        ("it is INOPERABLE", "takes this one stack out of the set"),
        ("there is no stack", "failures beside it"),
        ("something nobody has seen", "events of the stack"),
    ],
)
def test_a_cause_comes_with_what_to_do(reason: str, told: str) -> None:
    """AWS's sentences, as far as they are known; who was denied stands in each denial."""
    assert told in advice(reason)


def test_what_fails_in_many_accounts_for_one_reason_is_named_for_some(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A region can fail in a thousand; nothing else goes under in it."""
    many = {(f"{number:012}", "eu-west-1"): "region is not enabled" for number in range(12)}
    others = {("0" * 12, "us-east-1"): "region is not enabled", ("x", "eu-west-1"): "limit"}
    with pytest.raises(typer.Exit) as ended:
        end({**many, **others})
    lines = capsys.readouterr().err.splitlines()
    assert ended.value.exit_code == 1
    assert [line[:22] for line in lines[:5]] == [f"{n:012} eu-west-1" for n in range(5)]
    assert all(REGION in line for line in lines[:5])
    assert lines[5] == "and 7 more accounts in eu-west-1: region is not enabled"
    assert [line.split(" (")[0] for line in lines[6:]] == [
        "000000000000 us-east-1: region is not enabled",
        "x eu-west-1: limit",
    ]


REQUEST = "0a1b2c3d-0000-4000-8000-{0:012}"


@pytest.mark.parametrize(
    ("reason", "more"),
    [
        (
            f"Limit exceeded (Service: Ec2, Status Code: 400, Request ID: {REQUEST})"
            f" (RequestToken: {REQUEST}, HandlerErrorCode: ServiceLimitExceeded)",
            "Limit exceeded (Service: Ec2, Status Code: 400, …)"
            " (…, HandlerErrorCode: ServiceLimitExceeded)",
        ),
        (
            "not authorized to perform: iam:CreateRole on arn:aws:iam::{0:012}:role/x",
            "not authorized to perform: iam:CreateRole on arn:aws:iam::…:role/x",
        ),
        (
            f"Stack StackSet-sfn-endpoint-guardrail-{REQUEST} is not to be updated",
            "Stack StackSet-sfn-endpoint-guardrail-… is not to be updated",
        ),
        ("refused (Request ID: R{0}X)", "refused (…)"),
    ],
)
def test_reasons_that_differ_by_an_id_are_one_cause(
    capsys: pytest.CaptureFixture[str], reason: str, more: str
) -> None:
    """Those that are named keep theirs, which AWS's support asks for."""
    places = {(f"{n:012}", "eu-west-1"): reason.format(n) for n in range(12)}
    with pytest.raises(typer.Exit):
        end({**places, ("x", "eu-west-1"): "limit"})
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 7
    assert reason.format(4) in lines[4]
    assert lines[5] == f"and 7 more accounts in eu-west-1: {more}"


def test_nothing_that_failed_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a word."""
    with pytest.raises(typer.Exit) as ended:
        end({})
    assert (ended.value.exit_code, capsys.readouterr().err) == (0, "")

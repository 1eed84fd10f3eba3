"""What stands in deploy/: the artifact buckets, and the policy that protects the guardrail."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import botocore.session
import pytest
from samtranslator.yaml_helper import yaml_parse
from stack_template import FUNCTIONS, ROOT, listed, template
from test_lint import CFN_LINT

from guardrail.core.policy import Outcome, Witness, decide
from guardrail.core.policy.evaluate import Decision, Request, evaluate
from guardrail.core.policy.parse import parse
from guardrail_cli.org.template import PARAMETER

DEPLOY = ROOT / "deploy"
BUCKETS: Mapping[str, Any] = yaml_parse((DEPLOY / "artifact-buckets.yaml").read_text())
SCP: Mapping[str, Any] = json.loads((DEPLOY / "scp.json").read_text())

ORGANISATION, BUCKET = "o-abc1234567", "arn:aws:s3:::acme-guardrail-eu-west-1"
ARTIFACT = f"{BUCKET}/sfn-endpoint-guardrail/{'0' * 64}.zip"

STACK_OF_A_SET = "StackSet-sfn-endpoint-guardrail-0a1b2c3d-0000-1111-2222-333344445555"
CUT = 24
"""So much of a stack's name is left at least where a name of 64 characters has to hold it.

Seen on functions of StackSets in public recordings: 24 or 25 characters, then the logical id.
"""
ROLE = "arn:aws:iam::111122223333:role/{}"
DEPLOYS = ROLE.format("stacksets-exec-0123456789abcdef0123456789abcdef")
STRANGER = ROLE.format("aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef")
EC2 = "arn:aws:ec2:eu-west-1:111122223333:"

PROTECTED = {
    "AWS::Lambda::Function": (
        "arn:aws:lambda:eu-west-1:111122223333:function:{}",
        ("lambda:UpdateFunctionCode", "lambda:DeleteFunction", "lambda:PutFunctionConcurrency"),
    ),
    "AWS::Events::Rule": (
        "arn:aws:events:eu-west-1:111122223333:rule/{}",
        ("events:DisableRule", "events:DeleteRule", "events:RemoveTargets", "events:PutRule"),
    ),
    "AWS::Scheduler::Schedule": (
        "arn:aws:scheduler:eu-west-1:111122223333:schedule/default/{}",
        ("scheduler:DeleteSchedule", "scheduler:UpdateSchedule"),
    ),
    "AWS::Scheduler::ScheduleGroup": (
        "arn:aws:scheduler:eu-west-1:111122223333:schedule-group/{}",
        ("scheduler:DeleteScheduleGroup",),
    ),
    "AWS::DynamoDB::Table": (
        "arn:aws:dynamodb:eu-west-1:111122223333:table/{}",
        ("dynamodb:DeleteTable", "dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:UpdateItem"),
    ),
    "AWS::Logs::LogGroup": (
        "arn:aws:logs:eu-west-1:111122223333:log-group:{}:*",
        ("logs:DeleteLogGroup", "logs:PutRetentionPolicy"),
    ),
    "AWS::SQS::Queue": (
        "arn:aws:sqs:eu-west-1:111122223333:{}",
        ("sqs:DeleteQueue", "sqs:PurgeQueue", "sqs:SetQueueAttributes"),
    ),
    "AWS::IAM::Role": (
        ROLE,
        ("iam:PassRole", "iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "iam:CreateRole"),
    ),
}
PART_OF_ANOTHER = {
    "AWS::IAM::Policy",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission",
    "AWS::SQS::QueuePolicy",
}
LEFT_OPEN = {"AWS::CloudWatch::Alarm", "AWS::SNS::Topic"}
"""They tell; the guardrail works without them, and teams may want to silence them."""
WITHOUT_AN_OPERATION = {
    "iam:PassRole",
    "dynamodb:PartiQLDelete",
    "dynamodb:PartiQLInsert",
    "dynamodb:PartiQLUpdate",
}


@pytest.mark.skipif(CFN_LINT is None, reason="cfn-lint is not installed")
@pytest.mark.parametrize("name", ["artifact-buckets.yaml", "stack-set.yaml"])
def test_cfn_lint_finds_nothing(name: str) -> None:
    """The templates are written by hand and deployed as they are."""
    done = subprocess.run(
        [str(CFN_LINT), name],
        cwd=DEPLOY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_buckets_are_where_the_template_looks_for_them() -> None:
    """The name, what a prefix may be, and that removing the stack removes no code."""
    bucket = BUCKETS["Resources"]["Artifacts"]
    assert bucket["Properties"]["BucketName"] == {"Fn::Sub": "${Prefix}-${AWS::Region}"}
    assert BUCKETS["Parameters"]["Prefix"]["AllowedPattern"] == PARAMETER["AllowedPattern"]
    for resource in BUCKETS["Resources"].values():
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resource["UpdateReplacePolicy"] == "Retain"


def test_buckets_are_private_encrypted_and_versioned() -> None:
    """Public access is blocked in all four ways, and access lists are off."""
    properties = BUCKETS["Resources"]["Artifacts"]["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_the_bucket_policy_grants_nothing_but_reading_artifacts_within_the_organisation() -> None:
    """Proved for every request, by the engine that judges endpoint policies."""
    most = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"{BUCKET}/sfn-endpoint-guardrail/*",
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": ORGANISATION}},
    }
    baseline = json.dumps({"Version": "2012-10-17", "Statement": [most]})
    verdict = decide(_bucket_policy(), baseline, service=None)
    assert verdict.outcome is Outcome.CONTAINED, verdict


@pytest.mark.parametrize(
    ("action", "resource", "changed", "decision"),
    [
        ("s3:GetObject", ARTIFACT, {}, Decision.ALLOWED),
        ("s3:GetObject", ARTIFACT, {"aws:PrincipalOrgID": "o-other56789"}, Decision.NOT_ALLOWED),
        ("s3:GetObject", ARTIFACT, {"aws:SecureTransport": "false"}, Decision.DENIED),
        ("s3:PutObject", ARTIFACT, {}, Decision.NOT_ALLOWED),
        ("s3:ListBucket", BUCKET, {}, Decision.NOT_ALLOWED),
        ("s3:GetObject", f"{BUCKET}/other/file.zip", {}, Decision.NOT_ALLOWED),
    ],
)
def test_who_reads_a_bucket(
    action: str, resource: str, changed: Mapping[str, str], decision: Decision
) -> None:
    """Accounts of the organisation, artifacts only, encrypted on the way."""
    context = {"aws:PrincipalOrgID": ORGANISATION, "aws:SecureTransport": "true", **changed}
    request = Request(Witness(DEPLOYS, action, resource, context))
    assert evaluate(parse(_bucket_policy()), request).decision is decision


def _bucket_policy() -> str:
    document = BUCKETS["Resources"]["ArtifactsPolicy"]["Properties"]["PolicyDocument"]
    text = json.dumps(document)
    for intrinsic, value in {
        '{"Ref": "OrganizationId"}': f'"{ORGANISATION}"',
        '{"Fn::GetAtt": ["Artifacts", "Arn"]}': f'"{BUCKET}"',
        "${Artifacts.Arn}": BUCKET,
    }.items():
        assert intrinsic in text
        text = text.replace(intrinsic, value)
    text = re.sub(r'\{"Fn::Sub": ("[^"$]*")\}', r"\1", text)
    assert "Fn::" not in text
    return text


def test_the_service_control_policy_is_one_as_it_stands() -> None:
    """Below the older limit of 5,120 characters, spaces counted; it denies and names nobody.

    Source: Organizations, quotas and SCP syntax: no Principal, a Sid of letters and digits.
    """
    assert len((DEPLOY / "scp.json").read_text()) < 5_120
    for statement in SCP["Statement"]:
        assert set(statement) == {"Sid", "Effect", "Action", "Resource", "Condition"}
        assert statement["Effect"] == "Deny"
        assert statement["Sid"].isalnum()


def test_every_denied_action_exists() -> None:
    """A misspelt one would be accepted and deny nothing."""
    for action in _denied():
        service, _, verb = action.partition(":")
        real = action in WITHOUT_AN_OPERATION
        assert real or [name for name in _operations(service) if fnmatchcase(name, verb)], action


def test_reading_and_invoking_are_nowhere_denied() -> None:
    """It is to protect, not to hide: whoever could look still can."""
    harmless = ("Get", "List", "Describe", "Query", "Scan", "Invoke", "Receive", "Filter", "Batch")
    services = {action.partition(":")[0] for action in _denied()}
    reads = {
        f"{service}:{name}"
        for service in services
        for name in _operations(service)
        if name.startswith(harmless) and not name.startswith("BatchWrite")
    }
    assert not [a for a in reads for denied in _denied() if fnmatchcase(a, denied)]


@pytest.mark.parametrize("stack", ["sfn-endpoint-guardrail", STACK_OF_A_SET[:CUT]])
def test_everything_that_the_stack_makes_is_protected(stack: str) -> None:
    """By the name that CloudFormation gives it, also where it cuts a StackSet's short."""
    kinds = {resource["Type"] for resource in template().resources.values()}
    assert kinds == {*PROTECTED, *PART_OF_ANOTHER, *LEFT_OPEN}
    for logical_id, resource in template().resources.items():
        if resource["Type"] not in PROTECTED:
            continue
        arn, actions = PROTECTED[resource["Type"]]
        for action in actions:
            made = arn.format(f"{stack}-{logical_id}-1ABCDEFGHIJK")
            assert _decided(STRANGER, action, made) is Decision.DENIED, (action, made)
            assert _decided(DEPLOYS, action, made) is Decision.ALLOWED, (action, made)


@pytest.mark.parametrize("stack", ["sfn-endpoint-guardrail", STACK_OF_A_SET])
@pytest.mark.parametrize("action", ["DeleteStack", "UpdateStack", "ExecuteChangeSet"])
def test_the_stack_itself_is_protected(stack: str, action: str) -> None:
    """A stack's name is never cut short."""
    arn = f"arn:aws:cloudformation:eu-west-1:111122223333:stack/{stack}/0a1b2c3d"
    assert _decided(STRANGER, f"cloudformation:{action}", arn) is Decision.DENIED
    assert _decided(DEPLOYS, f"cloudformation:{action}", arn) is Decision.ALLOWED


@pytest.mark.parametrize("role", [f"{name}Role" for name in FUNCTIONS])
@pytest.mark.parametrize("stack", ["sfn-endpoint-guardrail", STACK_OF_A_SET[:CUT]])
def test_the_guardrail_is_not_in_its_own_way(role: str, stack: str) -> None:
    """Whatever its roles are granted they can do, on whatever the policy protects."""
    caller = ROLE.format(f"{stack}-{role}-1ABCDEFGHIJK")
    every = {"Mode": "enforce", "VpcDns": "enable", "NotificationEmail": "a@b.example"}
    arns = [arn.format(f"{stack}-Anything-1ABCDEFGHIJK") for arn, _ in PROTECTED.values()]
    for action, arn in itertools.product(template().actions(role, **every), arns):
        assert _decided(caller, action, arn) is Decision.ALLOWED


def test_nobody_can_become_an_exception() -> None:
    """Roles that may are protected by the patterns that let them, so none can be made or used."""
    (roles,) = [s for s in SCP["Statement"] if s["Sid"] == "Roles"]
    for statement in SCP["Statement"]:
        assert statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"] == roles["Resource"]
    for name in ("stacksets-exec-mine", "mine/sfn-endpoint-guardrail-operator"):
        for action in ("iam:CreateRole", "iam:UpdateAssumeRolePolicy", "iam:PassRole"):
            assert _decided(STRANGER, action, ROLE.format(name)) is Decision.DENIED


@pytest.mark.parametrize(
    "action", ["StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors"]
)
def test_no_trail_can_be_silenced(action: str) -> None:
    """Any trail may be the one that feeds the rules."""
    trail = "arn:aws:cloudtrail:us-east-1:111122223333:trail/any"
    assert _decided(STRANGER, f"cloudtrail:{action}", trail) is Decision.DENIED


@pytest.mark.parametrize("arn", [f"{EC2}vpc/vpc-1", f"{EC2}vpc-endpoint/vpce-1"])
@pytest.mark.parametrize("action", ["ec2:CreateTags", "ec2:DeleteTags"])
def test_only_the_exemption_tag_is_kept_for_the_few(action: str, arn: str) -> None:
    """Other tags, and this one elsewhere, are everybody's; the sample in SECURITY.md names it."""
    key = "guardrail-exempt"
    assert f'"aws:TagKeys": ["{key}"]' in (ROOT / "SECURITY.md").read_text()
    exempt, other = {"aws:TagKeys": ("Name", key)}, {"aws:TagKeys": ("Name",)}
    assert _decided(STRANGER, action, arn, exempt) is Decision.DENIED
    assert _decided(STRANGER, action, arn, other) is Decision.ALLOWED
    assert _decided(STRANGER, action, f"{EC2}subnet/subnet-1", exempt) is Decision.ALLOWED
    assert _decided(ROLE.format("sfn-endpoint-guardrail-operator"), action, arn, exempt) is (
        Decision.ALLOWED
    )


@cache
def _operations(service: str) -> list[str]:
    return list(botocore.session.get_session().get_service_model(service).operation_names)


def _denied() -> Iterator[str]:
    for statement in SCP["Statement"]:
        yield from listed(statement["Action"])


@cache
def _parsed() -> Any:
    """Return the policy with a principal, which the grammar of other policies wants."""
    all_else = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    statements = [{**statement, "Principal": "*"} for statement in SCP["Statement"]]
    return parse(json.dumps({**SCP, "Statement": [all_else, *statements]}))


def _decided(
    caller: str, action: str, arn: str, context: Mapping[str, Any] | None = None
) -> Decision:
    told = {"aws:PrincipalArn": caller, **(context or {})}
    return evaluate(_parsed(), Request(Witness(caller, action, arn, told))).decision

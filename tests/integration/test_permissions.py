"""The functions run under the template's roles: what these lack is refused, and is said."""

from __future__ import annotations

import json
from ast import literal_eval
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scenes import OPEN_POLICY, build_vpc, endpoints_of

from guardrail_sandbox.sandbox import Sandbox


@pytest.fixture
def sandbox(artifact: Path) -> Iterator[Sandbox]:
    """Start a sandbox for each test: they take permissions away."""
    with Sandbox(artifact=artifact) as running:
        running.settle()
        yield running


def rewrite(sandbox: Sandbox, function: str, sid: str, **changes: Any) -> None:
    """Change one statement of a function's role; without changes, remove it."""
    iam = sandbox.client("iam")
    role = sandbox.function(function).role_arn.rpartition("/")[2]
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        # What CloudFormation made comes back from moto as Python would print it.
        document = literal_eval(document) if isinstance(document, str) else document
        kept = [s for s in document["Statement"] if s.get("Sid") != sid or changes]
        document["Statement"] = [s | changes if s.get("Sid") == sid else s for s in kept]
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def refused(sandbox: Sandbox) -> list[tuple[str, str]]:
    """Return event name and error code of the guardrail's failed calls; dry runs always fail."""
    return [
        (entry.record["eventName"], entry.record["errorCode"])
        for entry in sandbox.journal.recorded()
        if entry.by_guardrail
        and entry.failed
        and entry.record["errorCode"] != "Client.DryRunOperation"
    ]


def test_the_templates_roles_are_enough(sandbox: Sandbox) -> None:
    """From an empty VPC to a policy that is put back, nothing is refused."""
    vpc_id = build_vpc(sandbox, "10.0")
    sandbox.settle()
    (endpoint,) = endpoints_of(sandbox, vpc_id)
    sandbox.client("ec2").modify_vpc_endpoint(
        VpcEndpointId=endpoint["VpcEndpointId"], PolicyDocument=OPEN_POLICY
    )
    sandbox.settle()
    sandbox.invoke("Sweep", {})
    (after,) = endpoints_of(sandbox, vpc_id)
    assert json.loads(after["PolicyDocument"]) == json.loads(endpoint["PolicyDocument"])
    assert refused(sandbox) == []
    assert sandbox.dead_letters() == []


def test_a_role_that_may_not_create_ends_in_the_queue_with_the_reason(sandbox: Sandbox) -> None:
    """No retry mends that, and the message names action and resource."""
    rewrite(sandbox, "VpcChange", "CreateStepFunctionsEndpoints")
    vpc_id = build_vpc(sandbox, "10.0")
    sandbox.settle()
    causes = [letter.body["causes"][vpc_id] for letter in sandbox.dead_letters()]
    assert set(refused(sandbox)) == {("CreateVpcEndpoint", "Client.UnauthorizedOperation")}
    assert all("perform: ec2:CreateVpcEndpoint on resource" in cause for cause in causes)
    assert any(":vpc-endpoint/*" in cause for cause in causes)
    assert endpoints_of(sandbox, vpc_id) == []


@pytest.mark.parametrize(
    ("sid", "action"),
    [("PrivateDns", "route53:AssociateVPCWithHostedZone"), ("TagWhatIsCreated", "ec2:CreateTags")],
)
def test_what_creating_depends_on_is_asked_for(sandbox: Sandbox, sid: str, action: str) -> None:
    """EC2 refuses in the name of the other action."""
    rewrite(sandbox, "VpcChange", sid)
    vpc_id = build_vpc(sandbox, "10.0")
    sandbox.settle()
    causes = str([letter.body for letter in sandbox.dead_letters()])
    assert f"is not authorized to perform: {action}" in causes
    assert endpoints_of(sandbox, vpc_id) == []


def test_a_condition_of_the_template_holds(sandbox: Sandbox) -> None:
    """Endpoints of another service are not creatable with the role."""
    only = {"StringLike": {"ec2:VpceServiceName": ["*.s3"]}}
    rewrite(sandbox, "VpcChange", "CreateStepFunctionsEndpoints", Condition=only)
    vpc_id = build_vpc(sandbox, "10.0")
    sandbox.settle()
    assert ("CreateVpcEndpoint", "Client.UnauthorizedOperation") in refused(sandbox)
    assert endpoints_of(sandbox, vpc_id) == []


def test_a_function_without_its_table_is_refused_and_says_so(sandbox: Sandbox) -> None:
    """The refusal has DynamoDB's own shape, which the SDK understands."""
    rewrite(sandbox, "VpcChange", "Records")
    build_vpc(sandbox, "10.0")
    sandbox.settle()
    assert "AccessDeniedException" in str([letter.body for letter in sandbox.dead_letters()])


def test_a_missing_permission_is_told_by_every_sweep_until_it_is_there(sandbox: Sandbox) -> None:
    """Each of them tries it again; once all is allowed, the next ones try nothing."""
    build_vpc(sandbox, "10.0")
    sandbox.settle()
    rewrite(sandbox, "Sweep", "ModifyEndpoints", Effect="Deny")
    for _ in range(2):
        (told,) = missing_by_a_sweep(sandbox)
        assert "may not modify vpce-" in told
    rewrite(sandbox, "Sweep", "ModifyEndpoints", Effect="Allow")
    assert missing_by_a_sweep(sandbox) == []
    tried = dry_runs(sandbox)
    assert tried[-2:] == ["ModifyVpcEndpoint", "CreateVpcEndpoint"]
    assert missing_by_a_sweep(sandbox) == []
    assert dry_runs(sandbox) == tried


def missing_by_a_sweep(sandbox: Sandbox) -> list[str]:
    """Sweep; return what the sweep says is missing."""
    sandbox.invoke("Sweep", {})
    swept = [line.fields for line in sandbox.journal.logged() if line.fields["message"] == "swept"]
    return list(swept[-1]["missing"])


def dry_runs(sandbox: Sandbox) -> list[str]:
    """Return the names of the guardrail's dry runs that were allowed."""
    recorded = sandbox.journal.recorded()
    return [one.record["eventName"] for one in recorded if one.dry_run and one.by_guardrail]


def test_without_enforcement_nothing_is_refused(artifact: Path) -> None:
    """IAM can be switched off."""
    with Sandbox(artifact=artifact, enforce_iam=False) as running:
        running.settle()
        rewrite(running, "VpcChange", "CreateStepFunctionsEndpoints")
        vpc_id = build_vpc(running, "10.0")
        running.settle()
        assert len(endpoints_of(running, vpc_id)) == 1

"""A network that is built with CloudFormation by the stock AWS CLI, while the guardrail runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from scenes import OPEN_POLICY, Cli, policy_of

from guardrail_sandbox.sandbox import Sandbox

ZONES = "abc"


def network(policy: Any = None, subnets: int = 3) -> dict[str, Any]:
    """Return a template: a VPC, three subnets, a group and an endpoint in some of the subnets."""
    endpoint = {
        "VpcId": {"Ref": "Vpc"},
        "ServiceName": {"Fn::Sub": "com.amazonaws.${AWS::Region}.states"},
        "VpcEndpointType": "Interface",
        "PrivateDnsEnabled": True,
        "SubnetIds": [{"Ref": f"Subnet{zone}"} for zone in ZONES[:subnets]],
        "SecurityGroupIds": [{"Ref": "Group"}],
        "PolicyDocument": policy or json.loads(OPEN_POLICY),
    }
    group = {
        "GroupDescription": "clients",
        "VpcId": {"Ref": "Vpc"},
        "SecurityGroupIngress": [
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.7.0.0/16"}
        ],
    }
    vpc = {"CidrBlock": "10.7.0.0/16", "EnableDnsHostnames": True, "EnableDnsSupport": True}
    made = {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": vpc},
        "Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": group},
        "Endpoint": {"Type": "AWS::EC2::VPCEndpoint", "Properties": endpoint},
    }
    for number, zone in enumerate(ZONES):
        properties = {
            "VpcId": {"Ref": "Vpc"},
            "CidrBlock": f"10.7.{number}.0/24",
            "AvailabilityZone": {"Fn::Sub": f"${{AWS::Region}}{zone}"},
        }
        made[f"Subnet{zone}"] = {"Type": "AWS::EC2::Subnet", "Properties": properties}
    return {"Resources": made}


def endpoint_of(sandbox: Sandbox, aws: Cli) -> dict[str, Any]:
    """Return the endpoint of the stack."""
    found = aws("cloudformation", "describe-stack-resources", "--stack-name", "network")
    ids = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in found["StackResources"]}
    described = sandbox.client("ec2").describe_vpc_endpoints(VpcEndpointIds=[ids["Endpoint"]])
    endpoint: dict[str, Any] = described["VpcEndpoints"][0]
    return endpoint


def names(sandbox: Sandbox, since: int = 0) -> list[str]:
    """Return the events of CloudFormation's calls, from one of them on."""
    return [
        record["eventName"]
        for record in sandbox.records
        if record["userIdentity"].get("invokedBy") == "cloudformation.amazonaws.com"
    ][since:]


def deploy(aws: Cli, template: dict[str, Any], folder: Path) -> str:
    """Deploy the network with the command that users type; return what that says."""
    path = folder / "network.json"
    path.write_text(json.dumps(template))
    said = aws(
        *("cloudformation", "deploy", "--stack-name", "network", "--template-file", str(path)),
        "--no-fail-on-empty-changeset",
    )
    return str(said)


@pytest.fixture(scope="module")
def story(
    sandbox: Sandbox, aws: Cli, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """Build, build again, change and delete the network; keep what was seen after each step."""
    folder, seen = tmp_path_factory.mktemp("network"), dict[str, dict[str, Any]]()

    def look(step: str, since: int, *, endpoint: bool = True) -> None:
        sandbox.settle()
        found = endpoint_of(sandbox, aws) if endpoint else {}
        seen[step] = {"events": names(sandbox, since), "endpoint": found}

    deploy(aws, network(), folder)
    look("built", 0)
    so_far = len(names(sandbox))
    said = deploy(aws, network(), folder)
    look("built again", so_far)
    seen["built again"]["said"] = said
    deploy(aws, network(policy=policy_of(seen["built"]["endpoint"]), subnets=2), folder)
    look("changed", so_far)
    so_far = len(names(sandbox))
    aws("cloudformation", "delete-stack", "--stack-name", "network")
    look("deleted", so_far, endpoint=False)
    return seen


def test_each_resource_is_made_by_a_call_of_cloudformation(story: Any) -> None:
    """Events tell of them like of direct calls."""
    assert sorted(story["built"]["events"]) == [
        "AuthorizeSecurityGroupIngress",
        "CreateSecurityGroup",
        "CreateSubnet",
        "CreateSubnet",
        "CreateSubnet",
        "CreateVpc",
        "CreateVpcEndpoint",
        "ModifyVpcAttribute",
    ]


def test_the_records_name_the_user_and_the_invoker(story: Any, sandbox: Sandbox) -> None:
    """The call is the user's, made by CloudFormation."""
    assert story
    theirs = sandbox.writes(by_guardrail=False)
    made = next(r for r in theirs if r["eventName"] == "CreateVpcEndpoint")
    assert made["userIdentity"]["userName"] == "sandbox-user"
    assert made["userIdentity"]["invokedBy"] == "cloudformation.amazonaws.com"
    assert made["sourceIPAddress"] == made["userAgent"] == "cloudformation.amazonaws.com"


def test_the_open_policy_of_the_template_was_replaced(story: Any) -> None:
    """The guardrail answers to what CloudFormation made; the endpoint stays the stack's."""
    policy = policy_of(story["built"]["endpoint"])
    assert policy != json.loads(OPEN_POLICY)
    assert all("Condition" in statement for statement in policy["Statement"])
    assert story["built"]["endpoint"]["PrivateDnsEnabled"] is True


def test_the_second_deployment_changes_nothing(story: Any) -> None:
    """CloudFormation compares templates, so the policy that was put back is no change to it."""
    assert "No changes to deploy" in story["built again"]["said"]
    assert story["built again"]["events"] == []
    assert story["built again"]["endpoint"] == story["built"]["endpoint"]


def test_a_changed_template_changes_the_endpoint(story: Any) -> None:
    """One subnet less and a compliant policy: the guardrail leaves both alone."""
    endpoint = story["changed"]["endpoint"]
    assert story["changed"]["events"] == ["ModifyVpcEndpoint"]
    assert len(endpoint["SubnetIds"]) == 2
    assert policy_of(endpoint) == policy_of(story["built"]["endpoint"])


def test_the_deleted_stack_leaves_nothing(story: Any, sandbox: Sandbox) -> None:
    """Neither the VPC nor an endpoint that the guardrail would have made in its place."""
    vpcs = sandbox.client("ec2").describe_vpcs(
        Filters=[{"Name": "cidr-block", "Values": ["10.7.0.0/16"]}]
    )["Vpcs"]
    assert vpcs == []
    assert "DeleteVpc" in story["deleted"]["events"]
    assert sandbox.dead_letters() == []


def test_a_refused_stack_says_why_and_leaves_nothing(
    sandbox: Sandbox, aws: Cli, tmp_path: Path
) -> None:
    """EC2 takes one subnet of a zone; the stock commands show the roll-back and its reason."""
    template = network()
    resources = template["Resources"]
    # Without DNS hostnames the guardrail only waits, so that nobody but the stack acts here.
    del resources["Vpc"]["Properties"]["EnableDnsHostnames"]
    resources["Endpoint"]["Properties"]["PrivateDnsEnabled"] = False
    resources["Subnetb"]["Properties"]["AvailabilityZone"] = f"{sandbox.region}a"
    path = tmp_path / "refused.json"
    path.write_text(json.dumps(template))
    stack = ("--stack-name", "refused")
    aws("cloudformation", "create-stack", *stack, "--template-body", f"file://{path}")
    sandbox.settle()
    described = aws("cloudformation", "describe-stacks", *stack)["Stacks"][0]
    events = aws("cloudformation", "describe-stack-events", *stack)["StackEvents"]
    reasons = [e["ResourceStatusReason"] for e in events if e["ResourceStatus"] == "CREATE_FAILED"]
    vpcs = aws("ec2", "describe-vpcs", "--filters", "Name=cidr-block,Values=10.7.0.0/16")["Vpcs"]
    assert described["StackStatus"] == "ROLLBACK_COMPLETE"
    assert len(reasons) == 1
    assert "Found another VPC endpoint subnet in the availability zone" in reasons[0]
    assert vpcs == []

"""Stacks with networks: which calls CloudFormation makes for them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto.cloudformation.models import CloudFormationBackend, Stack
from moto.ec2.models.vpcs import VPC
from toy import write_toy

from guardrail_sandbox.clock import RealClock
from guardrail_sandbox.sandbox import Sandbox
from guardrail_sandbox.stacks import NetworkStacks

NETWORK: dict[str, Any] = {
    "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
    "Subnet": {
        "Type": "AWS::EC2::Subnet",
        "Properties": {
            "VpcId": {"Ref": "Vpc"},
            "CidrBlock": "10.0.0.0/24",
            "AvailabilityZone": "us-east-1a",
            "Tags": [{"Key": "tier", "Value": "private"}],
        },
    },
    "Group": {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {"GroupDescription": "clients", "VpcId": {"Ref": "Vpc"}},
    },
    "Endpoint": {
        "Type": "AWS::EC2::VPCEndpoint",
        "Properties": {
            "VpcId": {"Ref": "Vpc"},
            "ServiceName": "com.amazonaws.us-east-1.states",
            "VpcEndpointType": "Interface",
            "SubnetIds": [{"Ref": "Subnet"}],
            "SecurityGroupIds": [{"Ref": "Group"}],
        },
    },
}
OPEN = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
RULE = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/16"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Start one sandbox for all."""
    template, artifact = write_toy(tmp_path_factory.mktemp("stacks"))
    with Sandbox(template=template, artifact=artifact) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    """Make the network, and delete it after the test."""
    stacks = running.client("cloudformation")
    stacks.create_stack(StackName="net", TemplateBody=template())
    running.settle()
    yield running
    stacks.delete_stack(StackName="net")


def template(**changes: dict[str, Any]) -> str:
    """Return the network with changed properties of some resources."""
    resources = copy.deepcopy(NETWORK)
    for name, properties in changes.items():
        resources[name]["Properties"].update(properties)
    return json.dumps({"Resources": resources})


def ids(sandbox: Sandbox) -> dict[str, str]:
    """Return the ids of the resources by their names."""
    found = sandbox.client("cloudformation").describe_stack_resources(StackName="net")
    return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in found["StackResources"]}


def calls_of_update(sandbox: Sandbox, **changes: dict[str, Any]) -> list[str]:
    """Update the stack and return the events of the calls that this took."""
    sandbox.settle()
    before = len(sandbox.records)
    body = template(**changes)
    sandbox.client("cloudformation").update_stack(StackName="net", TemplateBody=body)
    sandbox.settle()
    return [record["eventName"] for record in sandbox.records[before:]]


def test_resources_are_made_by_calls_with_their_tags(sandbox: Sandbox) -> None:
    """And the stack knows them by their ids."""
    found = ids(sandbox)
    (subnet,) = sandbox.client("ec2").describe_subnets(SubnetIds=[found["Subnet"]])["Subnets"]
    assert {"Key": "tier", "Value": "private"} in subnet["Tags"]
    assert subnet["VpcId"] == found["Vpc"]


def test_private_dns_is_off_unless_given(sandbox: Sandbox) -> None:
    """CloudFormation's default, sent with the call."""
    made = [r for r in sandbox.records if r["eventName"] == "CreateVpcEndpoint"][-1]
    request = made["requestParameters"]["CreateVpcEndpointRequest"]
    assert request["PrivateDnsEnabled"] is False


@pytest.mark.parametrize(
    ("changes", "calls"),
    [
        ({"Vpc": {"EnableDnsHostnames": True}}, ["ModifyVpcAttribute"]),
        ({"Vpc": {"EnableDnsSupport": True}}, []),
        ({"Group": {"SecurityGroupIngress": [RULE]}}, ["AuthorizeSecurityGroupIngress"]),
        ({"Subnet": {"MapPublicIpOnLaunch": True}}, ["ModifySubnetAttribute"]),
        ({"Endpoint": {"PolicyDocument": {"Statement": [OPEN]}}}, ["ModifyVpcEndpoint"]),
        ({"Endpoint": {"SubnetIds": []}}, ["ModifyVpcEndpoint"]),
    ],
    ids=["attribute", "attribute as it is", "rule", "subnet", "policy", "subnets"],
)
def test_an_update_calls_for_what_changed(
    sandbox: Sandbox, changes: dict[str, Any], calls: list[str]
) -> None:
    """Nothing else is touched."""
    assert calls_of_update(sandbox, **changes) == calls


def test_deleting_the_stack_deletes_everything(running: Sandbox) -> None:
    """In whichever order EC2 lets it happen, waiting for the endpoint's network interfaces."""
    stacks, ec2 = running.client("cloudformation"), running.client("ec2")
    stacks.create_stack(StackName="net", TemplateBody=template())
    found = ids(running)
    stacks.delete_stack(StackName="net")
    assert found["Vpc"] not in [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]]
    groups = ec2.describe_security_groups()["SecurityGroups"]
    assert found["Group"] not in [group["GroupId"] for group in groups]


def test_a_deleted_stack_tells_what_it_retained(running: Sandbox) -> None:
    """The table and its name, which its id finds; telling it makes nothing again."""
    stacks, tables = running.client("cloudformation"), running.client("dynamodb")
    key = [{"AttributeName": "pk", "KeyType": "HASH"}]
    typed = [{"AttributeName": "pk", "AttributeType": "S"}]
    table = {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "RetainExceptOnCreate",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": typed,
            "KeySchema": key,
        },
    }
    never = {"Type": "AWS::SQS::Queue", "Condition": "Never"}
    resources = {"Never": never, "Queue": {"Type": "AWS::SQS::Queue"}, "Records": table}
    outputs = {"Table": {"Value": {"Ref": "Records"}}, "Queue": {"Value": {"Ref": "Queue"}}}
    conditions = {"Never": {"Fn::Equals": ["a", "b"]}}
    body = json.dumps({"Conditions": conditions, "Resources": resources, "Outputs": outputs})
    stack_id = stacks.create_stack(StackName="kept", TemplateBody=body)["StackId"]
    named = {"StackName": stack_id, "LogicalResourceId": "Records"}
    before = stacks.describe_stack_resource(**named)["StackResourceDetail"]["PhysicalResourceId"]
    queues = running.client("sqs").list_queues()["QueueUrls"]
    stacks.delete_stack(StackName="kept")
    (stack,) = stacks.describe_stacks(StackName=stack_id)["Stacks"]
    assert stack["StackStatus"] == "DELETE_COMPLETE"
    kept = stacks.describe_stack_resource(**named)["StackResourceDetail"]["PhysicalResourceId"]
    assert kept == before
    assert kept in tables.list_tables()["TableNames"]
    left = running.client("sqs").list_queues().get("QueueUrls", [])
    assert len(left) == len(queues) - 1


def test_moto_gets_its_own_way_back() -> None:
    """The sandbox takes moto's place while it runs, and not longer."""
    replaced = (VPC, Stack, CloudFormationBackend)
    before = [dict(cls.__dict__) for cls in replaced]
    stacks = NetworkStacks(lambda _: None, RealClock(), lambda *_: None)
    stacks.install()
    assert all(dict(cls.__dict__) != was for cls, was in zip(replaced, before, strict=True))
    stacks.remove()
    assert [dict(cls.__dict__) for cls in replaced] == before

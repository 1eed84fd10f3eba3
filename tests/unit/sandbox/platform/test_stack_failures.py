"""Stacks of which EC2 refuses a part, and deletions that have to wait."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from test_network_stacks import NETWORK
from toy import write_toy

from guardrail_sandbox.clock import DrivenClock
from guardrail_sandbox.ec2.behaviour import AWS_PACE
from guardrail_sandbox.sandbox import Sandbox

MINUTE = 60.0
SUBNET = "10.0.0.0/24"
BAD_POLICY = {"PolicyDocument": "{ this is no policy"}
PATIENCE = 15 * MINUTE


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Start one sandbox for all, on a clock that the tests drive."""
    template, artifact = write_toy(tmp_path_factory.mktemp("stacks"))
    with Sandbox(template=template, artifact=artifact, clock=DrivenClock()) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    """Delete the stack after the test, whatever became of it."""
    yield running
    running.client("cloudformation").delete_stack(StackName="net")
    running.advance(PATIENCE)


def template(*, without: str = "", **changes: dict[str, Any]) -> str:
    """Return the network with changed properties of some resources."""
    resources = copy.deepcopy(NETWORK)
    resources.pop(without, None)
    for name, properties in changes.items():
        resources[name]["Properties"].update(properties)
    return json.dumps({"Resources": resources})


def create(sandbox: Sandbox, **changes: Any) -> None:
    """Create the stack and wait as long as its parts need."""
    body = template(**changes)
    sandbox.client("cloudformation").create_stack(StackName="net", TemplateBody=body)
    sandbox.advance(5 * MINUTE)


def update(sandbox: Sandbox, **changes: Any) -> list[str]:
    """Update the stack; return the events of the calls that this took."""
    before = len(sandbox.records)
    body = template(**changes)
    sandbox.client("cloudformation").update_stack(StackName="net", TemplateBody=body)
    sandbox.advance(5 * MINUTE)
    return [r["eventName"] for r in sandbox.records[before:] if "errorCode" not in r]


def stack(sandbox: Sandbox) -> Any:
    """Return the stack as it is described."""
    return sandbox.client("cloudformation").describe_stacks(StackName="net")["Stacks"][0]


def told(sandbox: Sandbox, status: str) -> list[tuple[str, str]]:
    """Return whom events of this status are about, oldest first, and with which reason."""
    events = sandbox.client("cloudformation").describe_stack_events(StackName="net")["StackEvents"]
    return [
        (event["LogicalResourceId"], event.get("ResourceStatusReason", ""))
        for event in reversed(events)
        if event["ResourceStatus"] == status
    ]


def ids(sandbox: Sandbox) -> dict[str, str]:
    """Return the ids of the resources by their names."""
    found = sandbox.client("cloudformation").describe_stack_resources(StackName="net")
    return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in found["StackResources"]}


def vpcs(sandbox: Sandbox) -> set[str]:
    """Return the VPCs of the account apart from the default one."""
    found = sandbox.client("ec2").describe_vpcs()["Vpcs"]
    return {vpc["VpcId"] for vpc in found if not vpc["IsDefault"]}


def test_a_creation_that_ec2_refuses_deletes_what_was_made(sandbox: Sandbox) -> None:
    """By calls of CloudFormation with their events; the stack stays, with the reason."""
    before = len(sandbox.records)
    create(sandbox, Endpoint=BAD_POLICY)
    calls = [r["eventName"] for r in sandbox.records[before:]]
    assert stack(sandbox)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert vpcs(sandbox) == set()
    assert ids(sandbox) == {}
    assert calls[:4] == ["CreateVpc", "CreateSubnet", "CreateSecurityGroup", "CreateVpcEndpoint"]
    assert sorted(calls[4:]) == ["DeleteSecurityGroup", "DeleteSubnet", "DeleteVpc"]
    assert {r["userIdentity"]["invokedBy"] for r in sandbox.records[before:]} == {
        "cloudformation.amazonaws.com"
    }
    ((failed, reason),) = told(sandbox, "CREATE_FAILED")
    assert failed == "Endpoint"
    assert "Syntax error" in reason
    assert told(sandbox, "ROLLBACK_IN_PROGRESS")[0][1].startswith(
        "The following resource(s) failed to create: [Endpoint]."
    )


def test_an_endpoint_that_was_made_is_gone_before_its_subnet_goes(sandbox: Sandbox) -> None:
    """Its network interfaces hold the subnet for minutes, and the roll-back waits for them."""
    late = {
        "Type": "AWS::EC2::Subnet",
        "DependsOn": "Endpoint",
        "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "192.168.0.0/24"},
    }
    body = json.dumps({"Resources": {**NETWORK, "Late": late}})
    sandbox.client("cloudformation").create_stack(StackName="net", TemplateBody=body)
    assert stack(sandbox)["StackStatus"] == "ROLLBACK_IN_PROGRESS"
    assert "Subnet" in ids(sandbox)
    sandbox.advance(AWS_PACE.deleting + MINUTE)
    assert stack(sandbox)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert vpcs(sandbox) == set()


def test_what_was_made_in_part_goes_as_well(sandbox: Sandbox) -> None:
    """A group whose rule EC2 refuses is deleted, though it never was complete."""
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/99"}
    create(sandbox, Group={"SecurityGroupIngress": [rule]})
    groups = sandbox.client("ec2").describe_security_groups()["SecurityGroups"]
    assert stack(sandbox)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert [group["Description"] for group in groups if group["Description"] == "clients"] == []


def test_a_stack_that_was_rolled_back_can_be_deleted_only(sandbox: Sandbox) -> None:
    """Its name is taken until then."""
    create(sandbox, Endpoint=BAD_POLICY)
    stacks = sandbox.client("cloudformation")
    with pytest.raises(stacks.exceptions.ClientError, match="ROLLBACK_COMPLETE"):
        stacks.update_stack(StackName="net", TemplateBody=template())
    stacks.delete_stack(StackName="net")
    create(sandbox)
    assert stack(sandbox)["StackStatus"] == "CREATE_COMPLETE"


def test_an_update_that_ec2_refuses_gives_back_the_former_properties(sandbox: Sandbox) -> None:
    """Of what was changed before the refusal; what was refused is not left half changed."""
    create(sandbox)
    before, ec2 = ids(sandbox), sandbox.client("ec2")
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/16"}
    calls = update(sandbox, Group={"SecurityGroupIngress": [rule]}, Endpoint=BAD_POLICY)
    (group,) = ec2.describe_security_groups(GroupIds=[before["Group"]])["SecurityGroups"]
    assert stack(sandbox)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert group["IpPermissions"] == []
    assert ids(sandbox) == before
    assert calls == [
        "AuthorizeSecurityGroupIngress",
        "ModifyVpcEndpoint",
        "RevokeSecurityGroupIngress",
    ]
    assert [name for name, _ in told(sandbox, "UPDATE_FAILED")] == ["Endpoint"]
    assert told(sandbox, "UPDATE_ROLLBACK_IN_PROGRESS")[0][1].startswith(
        "The following resource(s) failed to update: [Endpoint]."
    )


def test_after_a_refused_update_the_former_template_holds(sandbox: Sandbox) -> None:
    """So the next update is compared with what really is there."""
    create(sandbox)
    update(sandbox, Endpoint=BAD_POLICY)
    assert update(sandbox, Vpc={"EnableDnsHostnames": True}) == ["ModifyVpcAttribute"]
    assert stack(sandbox)["StackStatus"] == "UPDATE_COMPLETE"


def test_what_a_refused_update_made_goes_again(sandbox: Sandbox) -> None:
    """A resource that is new in the template is deleted, the others stay."""
    create(sandbox, without="Group", Endpoint={"SecurityGroupIds": []})
    before = ids(sandbox)
    calls = update(sandbox, Endpoint=BAD_POLICY)
    assert stack(sandbox)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert calls == ["CreateSecurityGroup", "ModifyVpcEndpoint", "DeleteSecurityGroup"]
    assert ids(sandbox) == before


def test_a_fixed_property_needs_another_resource(sandbox: Sandbox) -> None:
    """What refers to it gets the new id, and the old one goes last."""
    create(sandbox)
    before = ids(sandbox)
    calls = update(sandbox, Subnet={"CidrBlock": "10.0.7.0/24", "AvailabilityZone": "us-east-1b"})
    after = ids(sandbox)
    described = sandbox.client("ec2").describe_vpc_endpoints(VpcEndpointIds=[after["Endpoint"]])
    assert calls == ["CreateSubnet", "ModifyVpcEndpoint", "DeleteSubnet"]
    assert described["VpcEndpoints"][0]["SubnetIds"] == [after["Subnet"]] != [before["Subnet"]]
    assert after["Endpoint"] == before["Endpoint"]
    assert stack(sandbox)["StackStatus"] == "UPDATE_COMPLETE"


def test_a_resource_that_left_the_template_goes_after_the_rest_changed(sandbox: Sandbox) -> None:
    """First the endpoint lets go of the group, then the group is deleted."""
    create(sandbox)
    default = sandbox.client("ec2").describe_security_groups(
        Filters=[
            {"Name": "vpc-id", "Values": [ids(sandbox)["Vpc"]]},
            {"Name": "group-name", "Values": ["default"]},
        ]
    )["SecurityGroups"][0]["GroupId"]
    calls = update(sandbox, without="Group", Endpoint={"SecurityGroupIds": [default]})
    assert calls == ["ModifyVpcEndpoint", "DeleteSecurityGroup"]


def test_tags_of_a_template_are_put_on_and_taken_off(sandbox: Sandbox) -> None:
    """Each by its own call."""
    create(sandbox)
    calls = update(sandbox, Subnet={"Tags": [{"Key": "tier", "Value": "public"}]})
    assert calls == ["CreateTags"]
    assert update(sandbox, Subnet={"Tags": []}) == ["DeleteTags"]


def test_a_deletion_waits_for_what_others_put_there(sandbox: Sandbox) -> None:
    """An endpoint beside the stack holds the VPC; when it goes in time, the stack goes, too."""
    create(sandbox)
    vpc_id, ec2 = ids(sandbox)["Vpc"], sandbox.client("ec2")
    foreign = ec2.create_vpc_endpoint(
        VpcId=vpc_id,
        VpcEndpointType="Interface",
        ServiceName="com.amazonaws.us-east-1.sqs",
        PrivateDnsEnabled=False,
    )["VpcEndpoint"]["VpcEndpointId"]
    sandbox.client("cloudformation").delete_stack(StackName="net")
    sandbox.advance(PATIENCE / 2)
    assert stack(sandbox)["StackStatus"] == "DELETE_IN_PROGRESS"
    assert set(ids(sandbox)) == {"Vpc"}
    ec2.delete_vpc_endpoints(VpcEndpointIds=[foreign])
    sandbox.advance(AWS_PACE.deleting + MINUTE)
    assert vpcs(sandbox) == set()
    assert "net" not in {s["StackName"] for s in stacks_there(sandbox)}


def stacks_there(sandbox: Sandbox) -> list[Any]:
    """Return the stacks that are not deleted."""
    found: list[Any] = sandbox.client("cloudformation").describe_stacks()["Stacks"]
    return found


def test_a_deletion_that_never_can_be_fails(sandbox: Sandbox) -> None:
    """After a quarter of an hour, with what could not be deleted; deleting again goes on there."""
    create(sandbox)
    vpc_id, ec2 = ids(sandbox)["Vpc"], sandbox.client("ec2")
    group = ec2.create_security_group(GroupName="mine", Description="mine", VpcId=vpc_id)
    sandbox.client("cloudformation").delete_stack(StackName="net")
    sandbox.advance(PATIENCE + 5 * MINUTE)
    assert stack(sandbox)["StackStatus"] == "DELETE_FAILED"
    assert set(ids(sandbox)) == {"Vpc"}
    ((failed, reason),) = [one for one in told(sandbox, "DELETE_FAILED") if one[0] != "net"]
    assert failed == "Vpc"
    assert "has dependencies and cannot be deleted" in reason
    ec2.delete_security_group(GroupId=group["GroupId"])
    sandbox.client("cloudformation").delete_stack(StackName="net")
    assert vpcs(sandbox) == set()


def test_the_events_of_a_stack_have_the_driven_time(sandbox: Sandbox) -> None:
    """They fit to the records of the same calls."""
    sandbox.advance(60 * MINUTE)
    create(sandbox)
    events = sandbox.client("cloudformation").describe_stack_events(StackName="net")["StackEvents"]
    made = next(e for e in events if e["LogicalResourceId"] == "Vpc")
    passed = (sandbox.clock.now() - made["Timestamp"]).total_seconds()
    assert passed == pytest.approx(5 * MINUTE, abs=1)

"""An organisation on moto: its units and accounts, and what stands in one of those."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from guardrail.aws.records import DynamoRecords
from guardrail.core.memory import Creation
from guardrail.core.names import MANAGED_TAG, Service
from guardrail_cli.org import takeout
from guardrail_cli.org.model import Place
from guardrail_cli.org.proof import TABLE
from support.fakes import BASELINE

NAME = "sfn-endpoint-guardrail"
ROLE = "OrganizationAccountAccessRole"
STATES = "com.amazonaws.us-east-1.states"
GROUP = "sfn-endpoint-guardrail-states"
RECORDS = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "TableName": "records",
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    },
}
TEMPLATE = json.dumps(
    {
        "Parameters": {
            "Mode": {
                "Type": "String",
                "Default": "",
                "AllowedValues": ["", "observe", "enforce-new", "enforce"],
                "ConstraintDescription": "observe, enforce-new or enforce",
            },
            **{
                name: {"Type": "String", "Default": ""}
                for name in ("ArtifactPrefix", "OrganizationId", "StatusRegion")
            },
            "SweepWindowMinutes": {"Type": "Number", "Default": 15},
        },
        "Resources": {"Records": RECORDS},
        "Outputs": {"Table": {"Value": {"Ref": "Records"}}, "Version": {"Value": "0123456789ab"}},
    }
)


def new_organisation() -> str:
    """Make an organisation with a unit, a unit below that, and an account in each."""
    client = boto3.client("organizations")
    client.create_organization(FeatureSet="ALL")
    root = client.list_roots()["Roots"][0]["Id"]
    above = new_unit(client, root, "workloads")
    below = new_unit(client, above, "production")
    for name, parent in (("one", above), ("two", below)):
        account = client.create_account(AccountName=name, Email=f"{name}@example.com")
        client.move_account(
            AccountId=account["CreateAccountStatus"]["AccountId"],
            SourceParentId=root,
            DestinationParentId=parent,
        )
    return above


def new_unit(client: Any, parent: str, name: str) -> str:
    """Make an organisational unit."""
    made = client.create_organizational_unit(ParentId=parent, Name=name)
    return str(made["OrganizationalUnit"]["Id"])


def session_of(account: str) -> boto3.Session:
    """Return a session inside of an account."""
    arn = f"arn:aws:iam::{account}:role/{ROLE}"
    given = boto3.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def stack_id(place: Place, number: int = 1, name: str = NAME) -> str:
    """Return what AWS would call a stack of the set."""
    account, region = place
    stack = f"StackSet-{name}-{UUID(int=number)}/{UUID(int=number)}"
    return f"arn:aws:cloudformation:{region}:{account}:stack/{stack}"


def deployed(place: Place, number: int = 1) -> str:
    """Make a stack of the set in the place; return its id. Its table outlives it."""
    table = {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "Retain",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")
            ],
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        },
    }
    stack = client_of(place, "cloudformation").create_stack(
        StackName=f"StackSet-{NAME}-{UUID(int=number)}",
        TemplateBody=json.dumps({"Resources": {TABLE: table}}),
    )
    return str(stack["StackId"])


def removed(place: Place) -> str:
    """Let a stack of the set have been in the place; return its id."""
    stack = deployed(place)
    client_of(place, "cloudformation").delete_stack(StackName=stack)
    return stack


def table_of(place: Place, stack: str) -> str:
    """Return the name of a stack's table."""
    named = {"StackName": stack, "LogicalResourceId": TABLE}
    told = client_of(place, "cloudformation").describe_stack_resource(**named)
    return str(told["StackResourceDetail"]["PhysicalResourceId"])


def made_by_stack(place: Place, stack: str = "", service: str = STATES) -> tuple[str, str]:
    """Let a stack, if none is given one that is gone, have made an endpoint and its group."""
    stack = stack or removed(place)
    endpoint_id, group_id = made(place, stack, service)
    (endpoint,) = ec2_of(place).describe_vpc_endpoints(VpcEndpointIds=[endpoint_id])["VpcEndpoints"]
    records = DynamoRecords(client_of(place, "dynamodb"), table_of(place, stack))
    vpc_id, began = endpoint["VpcId"], Creation(0, datetime.now(UTC))
    records.note_creation(vpc_id, Service.STATES, began)
    records.note_endpoint(vpc_id, Service.STATES, endpoint_id)
    records.note_group(vpc_id, group_id)
    return endpoint_id, group_id


def client_of(place: Place, service: str) -> Any:
    """Return a client of the place."""
    make: Any = session_of(place[0]).client
    return make(service, region_name=place[1])


@cache
def ec2_of(place: Place) -> Any:
    """Return a client of the place, the same each time."""
    return client_of(place, "ec2")


def made(place: Place, tag: str, service: str = STATES, group: str = GROUP) -> tuple[str, str]:
    """Let an endpoint and its group be in the place, in a VPC of their own; return their ids."""
    ec2 = ec2_of(place)
    vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    tags = [{"Key": MANAGED_TAG, "Value": tag}]
    group_id = ec2.create_security_group(
        GroupName=group,
        Description="for the endpoint",
        VpcId=vpc_id,
        TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
    )["GroupId"]
    endpoint = ec2.create_vpc_endpoint(
        VpcId=vpc_id,
        VpcEndpointType="Interface",
        ServiceName=service,
        PolicyDocument=BASELINE,
        SecurityGroupIds=[group_id],
        TagSpecifications=[{"ResourceType": "vpc-endpoint", "Tags": tags}],
    )["VpcEndpoint"]
    return endpoint["VpcEndpointId"], group_id


def standing(place: Place) -> set[str]:
    """Return the ids of the endpoints and groups that are in the place."""
    ec2 = ec2_of(place)
    endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    groups = ec2.describe_security_groups()["SecurityGroups"]
    return {
        *(one["VpcEndpointId"] for one in endpoints if one["State"] != "deleted"),
        *(one["GroupId"] for one in groups if one["GroupName"] != "default"),
    }


def refuse(monkeypatch: pytest.MonkeyPatch, operation: str, code: str) -> None:
    """Let AWS refuse every call of an operation."""
    call = BaseClient._make_api_call  # noqa: SLF001 - of the SDK

    def answer(client: BaseClient, asked: str, parameters: Any) -> Any:
        if asked == operation:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, operation)
        return call(client, asked, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)


def be_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be the management account of moto's own id, and wait for nothing."""
    monkeypatch.delenv("MOTO_ACCOUNT_ID")
    monkeypatch.setattr(takeout, "ROUND_SECONDS", 0.0)
    ec2_of.cache_clear()

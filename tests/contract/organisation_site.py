"""An organisation on moto: its units and accounts, and what stands in one of those."""

from __future__ import annotations

from functools import cache
from typing import Any
from uuid import UUID

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from guardrail.core.names import MANAGED_TAG
from guardrail_cli.org.model import Place
from support.fakes import BASELINE

NAME = "sfn-endpoint-guardrail"
ROLE = "OrganizationAccountAccessRole"
STATES = "com.amazonaws.us-east-1.states"
GROUP = "sfn-endpoint-guardrail-states"


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


@cache
def ec2_of(place: Place) -> Any:
    """Return a client of the place."""
    return session_of(place[0]).client("ec2", region_name=place[1])


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

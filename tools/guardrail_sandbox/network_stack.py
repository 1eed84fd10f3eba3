"""Which EC2 calls CloudFormation makes for the resources of a network stack."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from guardrail_sandbox.untyped import Client, Json

Properties = dict[str, Any]

_DNS = ("EnableDnsSupport", "EnableDnsHostnames")


def _never_waits(_client: Client, _resource_id: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Kind:
    """The calls for one resource type.

    `create` returns the id, `update` gets what changed in the template (not in EC2: CloudFormation
    does not look there), `gone` ends the wait for a deletion.
    """

    create: Callable[[Client, str, Properties], str]
    update: Callable[[Client, str, Properties], None]
    delete: Callable[[Client, str], object]
    gone: Callable[[Client, str], bool] = _never_waits


def _create_vpc(ec2: Client, _name: str, properties: Properties) -> str:
    given = _only(properties, "CidrBlock", "InstanceTenancy")
    vpc_id: str = ec2.create_vpc(**given, **_tags("vpc", properties))["Vpc"]["VpcId"]
    _update_vpc(ec2, vpc_id, properties)
    return vpc_id


def _update_vpc(ec2: Client, vpc_id: str, properties: Properties) -> None:
    """Set what differs, one attribute for each call as EC2 wants it."""
    for name in _DNS:
        attribute = name[0].lower() + name[1:]
        now = ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=attribute)[name]["Value"]
        if name in properties and _flag(properties[name]) != now:
            ec2.modify_vpc_attribute(VpcId=vpc_id, **{name: {"Value": not now}})


def _create_subnet(ec2: Client, _name: str, properties: Properties) -> str:
    given = _only(properties, "VpcId", "CidrBlock", "AvailabilityZone")
    subnet_id: str = ec2.create_subnet(**given, **_tags("subnet", properties))["Subnet"]["SubnetId"]
    _update_subnet(ec2, subnet_id, properties)
    return subnet_id


def _update_subnet(ec2: Client, subnet_id: str, properties: Properties) -> None:
    if "MapPublicIpOnLaunch" in properties:
        value = {"Value": _flag(properties["MapPublicIpOnLaunch"])}
        ec2.modify_subnet_attribute(SubnetId=subnet_id, MapPublicIpOnLaunch=value)


def _create_group(ec2: Client, name: str, properties: Properties) -> str:
    group_id: str = ec2.create_security_group(
        GroupName=properties.get("GroupName", name),
        Description=properties["GroupDescription"],
        **_only(properties, "VpcId"),
        **_tags("security-group", properties),
    )["GroupId"]
    _let_in(ec2, group_id, properties)
    return group_id


def _update_group(ec2: Client, group_id: str, properties: Properties) -> None:
    """Replace the rules for incoming traffic if they changed."""
    if "SecurityGroupIngress" not in properties:
        return
    (group,) = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
    if group["IpPermissions"]:
        ec2.revoke_security_group_ingress(GroupId=group_id, IpPermissions=group["IpPermissions"])
    _let_in(ec2, group_id, properties)


def _let_in(ec2: Client, group_id: str, properties: Properties) -> None:
    permissions = [_permission(rule) for rule in properties.get("SecurityGroupIngress", [])]
    if permissions:
        ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=permissions)


def _permission(rule: Properties) -> Properties:
    ports: Properties = {n: int(rule[n]) for n in ("FromPort", "ToPort") if n in rule}
    permission: Properties = {"IpProtocol": str(rule["IpProtocol"]), **ports}
    if "CidrIp" in rule:
        permission["IpRanges"] = [{"CidrIp": rule["CidrIp"]}]
    if "SourceSecurityGroupId" in rule:
        permission["UserIdGroupPairs"] = [{"GroupId": rule["SourceSecurityGroupId"]}]
    return permission


def _create_endpoint(ec2: Client, _name: str, properties: Properties) -> str:
    names = ("VpcId", "ServiceName", "VpcEndpointType", "SubnetIds", "SecurityGroupIds")
    given = _only(properties, *names, "RouteTableIds", "IpAddressType", "DnsOptions")
    if given.get("VpcEndpointType") == "Interface":
        given["PrivateDnsEnabled"] = _flag(properties.get("PrivateDnsEnabled", False))
    if "PolicyDocument" in properties:
        given["PolicyDocument"] = _document(properties["PolicyDocument"])
    answer = ec2.create_vpc_endpoint(**given, **_tags("vpc-endpoint", properties))
    endpoint_id: str = answer["VpcEndpoint"]["VpcEndpointId"]
    return endpoint_id


def _update_endpoint(ec2: Client, endpoint_id: str, properties: Properties) -> None:
    (now,) = ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint_id])["VpcEndpoints"]
    groups = [group["GroupId"] for group in now.get("Groups", [])]
    changes = {
        **_difference("SubnetIds", now.get("SubnetIds", []), properties.get("SubnetIds")),
        **_difference("SecurityGroupIds", groups, properties.get("SecurityGroupIds")),
    }
    if "PolicyDocument" in properties:
        changes["PolicyDocument"] = _document(properties["PolicyDocument"])
    if "PrivateDnsEnabled" in properties:
        changes["PrivateDnsEnabled"] = _flag(properties["PrivateDnsEnabled"])
    if changes:
        ec2.modify_vpc_endpoint(VpcEndpointId=endpoint_id, **changes)


def _endpoint_is_gone(ec2: Client, endpoint_id: str) -> bool:
    try:
        found = ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint_id])["VpcEndpoints"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "InvalidVpcEndpointId.NotFound":
            return True
        raise
    return all(endpoint["State"].lower() == "deleted" for endpoint in found)


def _difference(name: str, now: list[str], wanted: list[str] | None) -> dict[str, Any]:
    if wanted is None:
        return {}
    added = [one for one in wanted if one not in now]
    removed = [one for one in now if one not in wanted]
    changes = {f"Add{name}": added, f"Remove{name}": removed}
    return {key: value for key, value in changes.items() if value}


def _only(properties: Properties, *names: str) -> Properties:
    return {name: properties[name] for name in names if name in properties}


def _tags(kind: str, properties: Properties) -> Properties:
    tags = properties.get("Tags")
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}


def _flag(value: Json) -> bool:
    return str(value).lower() == "true"


def _document(policy: Json) -> str:
    return policy if isinstance(policy, str) else json.dumps(policy)


KINDS = {
    "AWS::EC2::VPC": Kind(
        _create_vpc, _update_vpc, lambda ec2, vpc_id: ec2.delete_vpc(VpcId=vpc_id)
    ),
    "AWS::EC2::Subnet": Kind(
        _create_subnet, _update_subnet, lambda ec2, subnet_id: ec2.delete_subnet(SubnetId=subnet_id)
    ),
    "AWS::EC2::SecurityGroup": Kind(
        _create_group,
        _update_group,
        lambda ec2, group_id: ec2.delete_security_group(GroupId=group_id),
    ),
    "AWS::EC2::VPCEndpoint": Kind(
        _create_endpoint,
        _update_endpoint,
        lambda ec2, endpoint_id: ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint_id]),
        _endpoint_is_gone,
    ),
}

"""Which EC2 calls CloudFormation makes for the resources of a network stack.

Which changes need another resource is told by "Update requires" in CloudFormation's template
reference: AWS::EC2::VPC, Subnet, SecurityGroup and VPCEndpoint. Inferred: that a policy which is
taken out of the template leaves the default one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from guardrail_sandbox.untyped import Client, Json

Properties = dict[str, Any]

_DNS = ("EnableDnsSupport", "EnableDnsHostnames")
_FULL_ACCESS = {
    "Statement": [{"Action": "*", "Effect": "Allow", "Principal": "*", "Resource": "*"}]
}


def _nothing_more(_client: Client, _resource_id: str, _properties: Properties) -> None:
    return None


def _never_waits(_client: Client, _resource_id: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Kind:
    """The calls for one resource type.

    `make` returns the id, `complete` is what creation takes besides; `update` gets what changed in
    the template (not in EC2: CloudFormation does not look there), `gone` ends the wait for a
    deletion. A change of a `fixed` property needs another resource; `absent` is what a property
    means that the template leaves out.
    """

    make: Callable[[Client, str, Properties], str]
    update: Callable[[Client, str, Properties], None]
    delete: Callable[[Client, str], object]
    fixed: frozenset[str]
    complete: Callable[[Client, str, Properties], None] = _nothing_more
    gone: Callable[[Client, str], bool] = _never_waits
    absent: Mapping[str, Json] = field(default_factory=dict)

    def needs_another(self, before: Properties, after: Properties) -> bool:
        """Tell whether the change cannot be made to the resource that there is."""
        return any(before.get(name) != after.get(name) for name in self.fixed)

    def changes(self, before: Properties, after: Properties) -> Properties:
        """Return what is to be set; a property that went comes with what its absence means."""
        went = {n: self.absent[n] for n in before if n not in after and n in self.absent}
        return {**went, **{n: new for n, new in after.items() if before.get(n) != new}}


def retag(ec2: Client, resource_id: str, before: Properties, after: Properties) -> None:
    """Change the tags of a resource from those of one template to those of another."""
    old, new = before.get("Tags", []), after.get("Tags", [])
    kept = {tag["Key"] for tag in new}
    removed = [{"Key": tag["Key"]} for tag in old if tag["Key"] not in kept]
    added = [tag for tag in new if tag not in old]
    if removed:
        ec2.delete_tags(Resources=[resource_id], Tags=removed)
    if added:
        ec2.create_tags(Resources=[resource_id], Tags=added)


def _make_vpc(ec2: Client, _name: str, properties: Properties) -> str:
    given = _only(properties, "CidrBlock", "InstanceTenancy")
    vpc_id: str = ec2.create_vpc(**given, **_tags("vpc", properties))["Vpc"]["VpcId"]
    return vpc_id


def _update_vpc(ec2: Client, vpc_id: str, properties: Properties) -> None:
    """Set what differs, one attribute for each call as EC2 wants it."""
    for name in _DNS:
        attribute = name[0].lower() + name[1:]
        now = ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=attribute)[name]["Value"]
        if name in properties and _flag(properties[name]) != now:
            ec2.modify_vpc_attribute(VpcId=vpc_id, **{name: {"Value": not now}})


def _make_subnet(ec2: Client, _name: str, properties: Properties) -> str:
    given = _only(properties, "VpcId", "CidrBlock", "AvailabilityZone")
    subnet_id: str = ec2.create_subnet(**given, **_tags("subnet", properties))["Subnet"]["SubnetId"]
    return subnet_id


def _update_subnet(ec2: Client, subnet_id: str, properties: Properties) -> None:
    if "MapPublicIpOnLaunch" in properties:
        value = {"Value": _flag(properties["MapPublicIpOnLaunch"])}
        ec2.modify_subnet_attribute(SubnetId=subnet_id, MapPublicIpOnLaunch=value)


def _make_group(ec2: Client, name: str, properties: Properties) -> str:
    group_id: str = ec2.create_security_group(
        GroupName=properties.get("GroupName", name),
        Description=properties["GroupDescription"],
        **_only(properties, "VpcId"),
        **_tags("security-group", properties),
    )["GroupId"]
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


def _make_endpoint(ec2: Client, _name: str, properties: Properties) -> str:
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
    wanted = properties.get("SecurityGroupIds")
    if wanted == []:
        # An endpoint without groups has that of its VPC.
        wanted = _default_group(ec2, now["VpcId"])
    changes = {
        **_difference("SubnetIds", now.get("SubnetIds", []), properties.get("SubnetIds")),
        **_difference("SecurityGroupIds", groups, wanted),
    }
    if "PolicyDocument" in properties:
        changes["PolicyDocument"] = _document(properties["PolicyDocument"])
    if "PrivateDnsEnabled" in properties:
        changes["PrivateDnsEnabled"] = _flag(properties["PrivateDnsEnabled"])
    if changes:
        ec2.modify_vpc_endpoint(VpcEndpointId=endpoint_id, **changes)


def _default_group(ec2: Client, vpc_id: str) -> list[str]:
    found = ec2.describe_security_groups(
        Filters=[
            {"Name": "vpc-id", "Values": [vpc_id]},
            {"Name": "group-name", "Values": ["default"]},
        ]
    )
    return [group["GroupId"] for group in found["SecurityGroups"]]


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
        make=_make_vpc,
        complete=_update_vpc,
        update=_update_vpc,
        delete=lambda ec2, vpc_id: ec2.delete_vpc(VpcId=vpc_id),
        fixed=frozenset({"CidrBlock", "InstanceTenancy"}),
        absent={"EnableDnsSupport": True, "EnableDnsHostnames": False},
    ),
    "AWS::EC2::Subnet": Kind(
        make=_make_subnet,
        complete=_update_subnet,
        update=_update_subnet,
        delete=lambda ec2, subnet_id: ec2.delete_subnet(SubnetId=subnet_id),
        fixed=frozenset({"VpcId", "CidrBlock", "AvailabilityZone"}),
        absent={"MapPublicIpOnLaunch": False},
    ),
    "AWS::EC2::SecurityGroup": Kind(
        make=_make_group,
        complete=_let_in,
        update=_update_group,
        delete=lambda ec2, group_id: ec2.delete_security_group(GroupId=group_id),
        fixed=frozenset({"VpcId", "GroupName", "GroupDescription"}),
        absent={"SecurityGroupIngress": []},
    ),
    "AWS::EC2::VPCEndpoint": Kind(
        make=_make_endpoint,
        update=_update_endpoint,
        delete=lambda ec2, endpoint_id: ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint_id]),
        gone=_endpoint_is_gone,
        fixed=frozenset({"VpcId", "ServiceName", "VpcEndpointType"}),
        absent={
            "SubnetIds": [],
            "SecurityGroupIds": [],
            "PrivateDnsEnabled": False,
            "PolicyDocument": _FULL_ACCESS,
        },
    ),
}

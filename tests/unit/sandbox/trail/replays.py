"""How to make the call of each published record again, against an empty moto.

Each replay gets a client of the record's region, prepares what the call needs and makes it;
the record of the last call is the one to compare.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Replay = Callable[[Any], object]


def _vpc(ec2: Any) -> str:
    return str(ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"])


def _group(ec2: Any) -> str:
    made = ec2.create_security_group(GroupName="test", Description="test", VpcId=_vpc(ec2))
    return str(made["GroupId"])


def _bare_group(ec2: Any) -> str:
    """Return a group without the egress rule that every new group has."""
    group = _group(ec2)
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[_anything()])
    return group


def _subnet(ec2: Any, vpc: str, cidr: str, zone: str) -> str:
    made = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)
    return str(made["Subnet"]["SubnetId"])


def _anything(**more: Any) -> dict[str, Any]:
    return {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], **more}


def _tcp(port: int, **more: Any) -> dict[str, Any]:
    open_to_all = [{"CidrIp": "0.0.0.0/0", **more}]
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": open_to_all}


def _tags(resource: str, **tags: str) -> list[dict[str, Any]]:
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    return [{"ResourceType": resource, "Tags": pairs}]


def _authorize_egress(ec2: Any) -> object:
    rule = _anything(Ipv6Ranges=[{"CidrIpv6": "::/0"}])
    return ec2.authorize_security_group_egress(GroupId=_bare_group(ec2), IpPermissions=[rule])


def _authorize(rule: dict[str, Any]) -> Replay:
    return lambda ec2: ec2.authorize_security_group_ingress(
        GroupId=_group(ec2), IpPermissions=[rule]
    )


def _revoke_egress(rule: dict[str, Any]) -> Replay:
    return lambda ec2: ec2.revoke_security_group_egress(GroupId=_group(ec2), IpPermissions=[rule])


def _open_group(ec2: Any) -> str:
    group = _group(ec2)
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[_tcp(22)])
    return group


def _revoke_flat(ec2: Any) -> object:
    return ec2.revoke_security_group_ingress(
        GroupId=_open_group(ec2), IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )


def _revoke(ec2: Any) -> object:
    group = _open_group(ec2)
    return ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[_tcp(22)])


def _create_tagged_group(ec2: Any) -> object:
    return ec2.create_security_group(
        GroupName="bluegreen_alb_sg-20230117040516059800000001",
        Description="Security Group managed by Terraform",
        VpcId=_vpc(ec2),
        TagSpecifications=_tags("security-group", Name="bluegreen_alb_sg"),
    )


def _create_group(ec2: Any) -> object:
    return ec2.create_security_group(GroupName="Test", Description="test", VpcId=_vpc(ec2))


def _delete_group_by_name(ec2: Any) -> object:
    name = "bluegreen_alb_sg-20230117040516059800000001"
    ec2.create_security_group(GroupName=name, Description="in the default VPC")
    return ec2.delete_security_group(GroupName=name)


def _create_subnet(ec2: Any) -> object:
    vpc = ec2.create_vpc(CidrBlock="10.10.0.0/16")["Vpc"]["VpcId"]
    return ec2.create_subnet(
        VpcId=vpc,
        CidrBlock="10.10.1.0/24",
        AvailabilityZone="ap-northeast-1d",
        TagSpecifications=_tags("subnet", Name="blue-green-vpc-public-ap-northeast-1d"),
    )


def _create_vpc(ec2: Any) -> object:
    return ec2.create_vpc(
        CidrBlock="10.0.0.0/16",
        InstanceTenancy="default",
        AmazonProvidedIpv6CidrBlock=False,
        TagSpecifications=_tags("vpc", StratusRedTeam="true", Name="StratusRedTeamVpc"),
    )


def _create_tags(ec2: Any) -> object:
    tags = [{"Key": "StratusRedTeam", "Value": "true"}]
    return ec2.create_tags(Resources=[_vpc(ec2)], Tags=tags)


_CONSOLE_POLICY = """{
    "Statement": [
        {
            "Action": "*",
            "Effect": "Allow",
            "Resource": "*",
            "Principal": "*"
        }
    ]
}"""


def _two_subnets(ec2: Any) -> object:
    vpc = _vpc(ec2)
    made = ec2.create_security_group(GroupName="onecloud-allow-all", Description="test", VpcId=vpc)
    return ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName="com.amazonaws.ap-northeast-1.s3",
        SecurityGroupIds=[made["GroupId"]],
        PolicyDocument=_CONSOLE_POLICY,
        VpcEndpointType="Interface",
        SubnetIds=[
            _subnet(ec2, vpc, "10.0.1.0/24", "ap-northeast-1c"),
            _subnet(ec2, vpc, "10.0.2.0/24", "ap-northeast-1a"),
        ],
    )


def _no_subnets(ec2: Any) -> object:
    return ec2.create_vpc_endpoint(
        TagSpecifications=_tags("vpc-endpoint", Name="myVPCEndpoint1"),
        IpAddressType="ipv4",
        PrivateDnsEnabled=True,
        VpcEndpointType="Interface",
        DnsOptions={"DnsRecordIpType": "ipv4"},
        ServiceName="aws.api.us-east-1.kendra-ranking",
        VpcId=_vpc(ec2),
    )


def _delete_endpoint(ec2: Any) -> object:
    made = ec2.create_vpc_endpoint(
        VpcId=_vpc(ec2), ServiceName="com.amazonaws.ap-northeast-1.s3", VpcEndpointType="Interface"
    )
    return ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpoint"]["VpcEndpointId"]])


def _protect_instance(ec2: Any) -> object:
    # moto asks for no image of its own, and its list of them is left empty for speed.
    made = ec2.run_instances(ImageId="ami-0abcdef1234567890", MinCount=1, MaxCount=1)
    return ec2.modify_instance_attribute(
        InstanceId=made["Instances"][0]["InstanceId"], DisableApiTermination={"Value": False}
    )


def _modify_rule(ec2: Any) -> object:
    group = _group(ec2)
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[_tcp(22)])
    rule = {"CidrIpv4": "127.0.0.1/32", "FromPort": 443, "ToPort": 443, "IpProtocol": "tcp"}
    rule_id = made["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    return ec2.modify_security_group_rules(
        GroupId=group,
        SecurityGroupRules=[{"SecurityGroupRuleId": rule_id, "SecurityGroupRule": rule}],
    )


def _delete_attachment(ec2: Any) -> object:
    vpc = _vpc(ec2)
    gateway = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    made = ec2.create_transit_gateway_vpc_attachment(
        TransitGatewayId=gateway,
        VpcId=vpc,
        SubnetIds=[_subnet(ec2, vpc, "10.0.1.0/24", "us-west-2a")],
    )
    attachment = made["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]
    return ec2.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=attachment)


def _delete_subnet(ec2: Any) -> object:
    return ec2.delete_subnet(SubnetId=_subnet(ec2, _vpc(ec2), "10.0.1.0/24", "us-east-1a"))


REPLAYS: dict[str, Replay] = {
    "AuthorizeSecurityGroupEgress-2023": _authorize_egress,
    "AuthorizeSecurityGroupIngress-443": _authorize(_tcp(443, Description="TLS from Internet")),
    "AuthorizeSecurityGroupIngress-v1.11": _authorize(_tcp(22)),
    "CreateSecurityGroup-spotlight": _create_tagged_group,
    "CreateSecurityGroup-v1.11": _create_group,
    "CreateSubnet-2023-spotlight": _create_subnet,
    "CreateTags-2023": _create_tags,
    "CreateVpc-terraform": _create_vpc,
    "CreateVpcEndpoint-interface-no-subnets-partial": _no_subnets,
    "CreateVpcEndpoint-interface-two-subnets": _two_subnets,
    "DeleteSecurityGroup-2023": lambda ec2: ec2.delete_security_group(GroupId=_group(ec2)),
    "DeleteSecurityGroup-spotlight": _delete_group_by_name,
    "DeleteSubnet-terraform": _delete_subnet,
    "DeleteVpc-spotlight": lambda ec2: ec2.delete_vpc(VpcId=_vpc(ec2)),
    "DeleteVpcEndpoints-single": _delete_endpoint,
    "ModifyInstanceAttribute-analog": _protect_instance,
    "ModifySecurityGroupRules-v1.11": _modify_rule,
    "RevokeSecurityGroupEgress-2023": _revoke_egress(_anything(FromPort=0, ToPort=0)),
    "RevokeSecurityGroupEgress-v1.11": _revoke_egress(_anything()),
    "RevokeSecurityGroupIngress-flat-params": _revoke_flat,
    "RevokeSecurityGroupIngress-v1.11": _revoke,
    "eventbridge-envelope-DeleteTransitGatewayVpcAttachment": _delete_attachment,
}

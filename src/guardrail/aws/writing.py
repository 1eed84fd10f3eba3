"""One EC2 call for each action of a plan, and the repairs of races between two invocations."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from botocore.exceptions import ClientError

from guardrail.aws.failures import GONE, error_code, translated
from guardrail.aws.reading import tag_map
from guardrail.core.model import (
    Action,
    AddSubnets,
    AttachSecurityGroup,
    AuthorizeClients,
    CreateEndpoint,
    CreateSecurityGroup,
    EnableVpcDns,
    SetPrivateDns,
    WritePolicy,
)
from guardrail.core.provision import client_token
from guardrail.errors import RefusedError, RetryableError, TerminalError
from guardrail.ports import Applied, Result
from guardrail.reconcile import MANAGED_TAG, is_of_stack

if TYPE_CHECKING:
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_ec2.literals import ResourceTypeType
    from mypy_boto3_ec2.type_defs import IpPermissionTypeDef, TagSpecificationTypeDef

NAME = "sfn-endpoint-guardrail"
_DONE = Applied(Result.APPLIED)


class Writing:
    """The write side of the network port.

    Only endpoints that were seen to be of Step Functions are modified (`may_modify`): a
    ModifyVpcEndpoint on any other is refused before the call.
    """

    def __init__(self, client: EC2Client, stack_id: str) -> None:
        self._ec2 = client
        self._stack_id = stack_id
        self._ours: set[str] = set()

    def may_modify(self, endpoint_id: str) -> None:
        """Remember that this endpoint is one of Step Functions."""
        self._ours.add(endpoint_id)

    def apply(self, action: Action) -> Applied:
        """Carry out `action`; what it acts upon may be gone by now, which is no error."""
        with translated(f"{action.kind} {_target(action)}"):
            try:
                return self._call(action)
            except ClientError as error:
                if error_code(error) in GONE:
                    return Applied(Result.GONE)
                raise

    def _call(self, action: Action) -> Applied:
        match action:
            case CreateEndpoint():
                return self._create_endpoint(action)
            case CreateSecurityGroup():
                return self._create_group(action)
            case AuthorizeClients():
                return self._authorize(action)
            case EnableVpcDns():
                return self._enable_dns(action)
            case WritePolicy() | AddSubnets() | SetPrivateDns() | AttachSecurityGroup():
                return self._modify(action)
            case _:
                assert_never(action)

    def _create_endpoint(self, action: CreateEndpoint) -> Applied:
        answer = self._ec2.create_vpc_endpoint(
            # The default type is Gateway, and the default of private DNS differs by client.
            VpcEndpointType="Interface",
            VpcId=action.vpc_id,
            ServiceName=action.service_name,
            PolicyDocument=action.policy,
            SubnetIds=list(action.subnet_ids),
            SecurityGroupIds=[action.group_id],
            PrivateDnsEnabled=action.private_dns,
            ClientToken=client_token(action.vpc_id, action.service, action.generation),
            TagSpecifications=[self._tags("vpc-endpoint")],
        )
        return Applied(Result.APPLIED, answer["VpcEndpoint"].get("VpcEndpointId"))

    def _create_group(self, action: CreateSecurityGroup) -> Applied:
        try:
            answer = self._ec2.create_security_group(
                GroupName=action.name,
                Description="Clients of the VPC's Step Functions endpoint",
                VpcId=action.vpc_id,
                TagSpecifications=[self._tags("security-group")],
            )
        except ClientError as error:
            if error_code(error) != "InvalidGroup.Duplicate":
                raise
            # Another invocation made it first; EC2 refuses a second of the same name.
            return Applied(Result.APPLIED, self._group_id(action))
        return Applied(Result.APPLIED, answer["GroupId"])

    def _group_id(self, action: CreateSecurityGroup) -> str:
        found = self._ec2.describe_security_groups(
            Filters=[
                {"Name": "vpc-id", "Values": [action.vpc_id]},
                {"Name": "group-name", "Values": [action.name]},
            ]
        )
        if not found["SecurityGroups"]:
            raise RetryableError(
                f"the group {action.name} in {action.vpc_id} was made a moment ago and EC2 does not"
                " describe it yet; the next attempt looks again"
            )
        group = found["SecurityGroups"][0]
        if not is_of_stack(tag_map(group.get("Tags", [])), self._stack_id):
            raise TerminalError(
                f"{group.get('GroupId')} in {action.vpc_id} bears the name {action.name} and was"
                " not made by this guardrail; rename or delete it, since EC2 lets no second group"
                " have the name and the guardrail changes no group of others"
            )
        return group.get("GroupId", "")

    def _authorize(self, action: AuthorizeClients) -> Applied:
        try:
            self._authorize_all(action.group_id, action.cidrs)
        except ClientError as error:
            if error_code(error) != "InvalidPermission.Duplicate":
                raise
            self._authorize_each(action)
        return _DONE

    def _authorize_each(self, action: AuthorizeClients) -> None:
        """Authorise one by one: one rule that exists already fails the call for all."""
        for cidr in action.cidrs:
            try:
                self._authorize_all(action.group_id, (cidr,))
            except ClientError as error:
                if error_code(error) != "InvalidPermission.Duplicate":
                    raise

    def _authorize_all(self, group_id: str, cidrs: tuple[str, ...]) -> None:
        why = "TCP 443 to the Step Functions endpoint"
        permission: IpPermissionTypeDef = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
        v4 = [cidr for cidr in cidrs if ":" not in cidr]
        v6 = [cidr for cidr in cidrs if ":" in cidr]
        if v4:
            permission["IpRanges"] = [{"CidrIp": cidr, "Description": why} for cidr in v4]
        if v6:
            permission["Ipv6Ranges"] = [{"CidrIpv6": cidr, "Description": why} for cidr in v6]
        self._ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[permission])

    def _enable_dns(self, action: EnableVpcDns) -> Applied:
        # One attribute per call: EC2 refuses two at once.
        if action.attribute == "enableDnsSupport":
            self._ec2.modify_vpc_attribute(VpcId=action.vpc_id, EnableDnsSupport={"Value": True})
        else:
            self._ec2.modify_vpc_attribute(VpcId=action.vpc_id, EnableDnsHostnames={"Value": True})
        return _DONE

    def _modify(
        self, action: WritePolicy | AddSubnets | SetPrivateDns | AttachSecurityGroup
    ) -> Applied:
        endpoint_id = action.endpoint_id
        if endpoint_id not in self._ours:
            raise RefusedError(f"{endpoint_id} was not seen to be an endpoint of Step Functions")
        match action:
            case WritePolicy():
                self._ec2.modify_vpc_endpoint(
                    VpcEndpointId=endpoint_id, PolicyDocument=action.policy
                )
            case AddSubnets():
                self._ec2.modify_vpc_endpoint(
                    VpcEndpointId=endpoint_id, AddSubnetIds=list(action.subnet_ids)
                )
            case SetPrivateDns():
                self._ec2.modify_vpc_endpoint(VpcEndpointId=endpoint_id, PrivateDnsEnabled=True)
            case AttachSecurityGroup():
                self._ec2.modify_vpc_endpoint(
                    VpcEndpointId=endpoint_id, AddSecurityGroupIds=[action.group_id]
                )
        return _DONE

    def _tags(self, resource: ResourceTypeType) -> TagSpecificationTypeDef:
        return {
            "ResourceType": resource,
            "Tags": [
                {"Key": MANAGED_TAG, "Value": self._stack_id},
                {"Key": "Name", "Value": NAME},
            ],
        }


def _target(action: Action) -> str:
    match action:
        case WritePolicy() | AddSubnets() | SetPrivateDns() | AttachSecurityGroup():
            return action.endpoint_id
        case AuthorizeClients():
            return action.group_id
        case CreateEndpoint() | CreateSecurityGroup() | EnableVpcDns():
            return f"in {action.vpc_id}"
        case _:
            assert_never(action)

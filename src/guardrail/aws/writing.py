"""One EC2 call for each action of a plan, and the repairs of races between two invocations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, assert_never

from botocore.exceptions import ClientError

from guardrail.aws.failures import GONE, GONE_GROUP, GONE_SUBNET, error_code, translated
from guardrail.aws.patience import Patience
from guardrail.aws.reading import tag_map
from guardrail.core.actions import (
    Action,
    AddSubnets,
    AttachSecurityGroup,
    AuthorizeClients,
    CreateEndpoint,
    CreateSecurityGroup,
    DeleteEndpoint,
    DeleteSecurityGroup,
    EnableVpcDns,
    RemoveSubnets,
    RestoreTags,
    SetPrivateDns,
    WritePolicy,
)
from guardrail.core.names import MANAGED_TAG, client_token, is_of_stack
from guardrail.errors import RefusedError, RetryableError, TerminalError
from guardrail.ports import Applied, Result

if TYPE_CHECKING:
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_ec2.literals import ResourceTypeType
    from mypy_boto3_ec2.type_defs import (
        IpPermissionTypeDef,
        TagSpecificationTypeDef,
        TagTypeDef,
        UnsuccessfulItemTypeDef,
    )

NAME = "sfn-endpoint-guardrail"
_DONE = Applied(Result.APPLIED)
_IN_USE = "DependencyViolation"
_LOOKS = (0.5, 1.0, 2.0)
"""Seconds between looks at what was written: reads may lag behind. What is not shown by then is
recorded as not verified; the event of the write itself leads to the next look."""

_Modification = WritePolicy | AddSubnets | RemoveSubnets | SetPrivateDns | AttachSecurityGroup


class Writing:
    """The write side of the network port.

    Only endpoints that were seen to be of Step Functions are modified or deleted (`may_modify`): a
    call about any other is refused before it is made. A throttled call is tried again as long as
    `patience` suffices.
    """

    def __init__(self, client: EC2Client, stack_id: str, patience: Patience) -> None:
        self._ec2 = client
        self._stack_id = stack_id
        self._patience = patience
        self._ours: set[str] = set()

    def may_modify(self, endpoint_id: str) -> None:
        """Remember that this endpoint is one of Step Functions."""
        self._ours.add(endpoint_id)

    @property
    def known_endpoint(self) -> str | None:
        """One of the endpoints that may be modified."""
        return min(self._ours, default=None)

    def apply(self, action: Action) -> Applied:
        """Carry out `action`; what it acts upon may be gone by now, which is no error."""
        with translated(f"{action.kind} {_target(action)}"):
            try:
                return self._patience.with_tokens(lambda: self._call(action))
            except ClientError as error:
                if result := _outcome(action, error_code(error)):
                    return Applied(result)
                raise

    def settled_policy(self, endpoint_id: str, fits: Callable[[str], bool]) -> str | None:
        """Return the policy that EC2 shows as soon as it `fits`; None if it does not."""
        for pause in (*_LOOKS, None):
            shown = self._shown_policy(endpoint_id)
            if shown is None or fits(shown):
                return shown
            if pause:
                self._patience.sleep(pause)
        return None

    def _shown_policy(self, endpoint_id: str) -> str | None:
        try:
            answer = self._ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint_id])
        except ClientError as error:
            if error_code(error) not in GONE:
                raise
            return None
        return next((e.get("PolicyDocument") for e in answer["VpcEndpoints"]), None)

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
            case RestoreTags():
                self._ec2.create_tags(Resources=[action.resource_id], Tags=self._tag_list()[:1])
                return _DONE
            case DeleteEndpoint():
                return self._delete_endpoints(action)
            case DeleteSecurityGroup():
                self._ec2.delete_security_group(GroupId=action.group_id)
                return _DONE
            case (
                WritePolicy()
                | AddSubnets()
                | RemoveSubnets()
                | SetPrivateDns()
                | AttachSecurityGroup()
            ):
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
            TagSpecifications=[self.tags("vpc-endpoint")],
        )
        return Applied(Result.APPLIED, answer["VpcEndpoint"].get("VpcEndpointId"))

    def _create_group(self, action: CreateSecurityGroup) -> Applied:
        try:
            answer = self._ec2.create_security_group(
                GroupName=action.name,
                Description="Clients of the VPC's Step Functions endpoint",
                VpcId=action.vpc_id,
                TagSpecifications=[self.tags("security-group")],
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

    def _delete_endpoints(self, action: DeleteEndpoint) -> Applied:
        """Delete in one call; EC2 answers 200 and says in the answer which it did not delete."""
        for endpoint_id in action.endpoint_ids:
            self._require_ours(endpoint_id)
        answer = self._ec2.delete_vpc_endpoints(VpcEndpointIds=list(action.endpoint_ids))
        failed = [i for i in answer.get("Unsuccessful", []) if not _is_gone(i)]
        if failed:
            said = "; ".join(
                f"{i.get('ResourceId')}: {i.get('Error', {}).get('Code')}:"
                f" {i.get('Error', {}).get('Message')}"
                for i in failed
            )
            raise RetryableError(f"EC2 did not delete {said} (it will be tried again)")
        return _DONE

    def _require_ours(self, endpoint_id: str) -> None:
        if endpoint_id not in self._ours:
            raise RefusedError(f"{endpoint_id} was not seen to be an endpoint of Step Functions")

    def _modify(self, action: _Modification) -> Applied:
        endpoint_id = action.endpoint_id
        self._require_ours(endpoint_id)
        match action:
            case WritePolicy():
                self._ec2.modify_vpc_endpoint(
                    VpcEndpointId=endpoint_id, PolicyDocument=action.policy
                )
            case AddSubnets():
                self._ec2.modify_vpc_endpoint(
                    VpcEndpointId=endpoint_id, AddSubnetIds=list(action.subnet_ids)
                )
            case RemoveSubnets():
                self._ec2.modify_vpc_endpoint(
                    VpcEndpointId=endpoint_id, RemoveSubnetIds=list(action.subnet_ids)
                )
            case SetPrivateDns():
                self._ec2.modify_vpc_endpoint(
                    VpcEndpointId=endpoint_id, PrivateDnsEnabled=action.enabled
                )
            case AttachSecurityGroup():
                self._ec2.modify_vpc_endpoint(
                    VpcEndpointId=endpoint_id, AddSecurityGroupIds=[action.group_id]
                )
        return _DONE

    def tags(self, resource: ResourceTypeType) -> TagSpecificationTypeDef:
        """Return the tags of what is created."""
        return {"ResourceType": resource, "Tags": self._tag_list()}

    def _tag_list(self) -> list[TagTypeDef]:
        return [
            {"Key": MANAGED_TAG, "Value": self._stack_id},
            {"Key": "Name", "Value": NAME},
        ]


def _outcome(action: Action, code: str) -> Result | None:
    """Return the outcome that a refusal is; None when it is an error."""
    deletes_group = isinstance(action, DeleteSecurityGroup)
    # Of several, the others are still to be taken out: that is planned anew.
    alone = isinstance(action, RemoveSubnets) and len(action.subnet_ids) == 1
    leaves_subnet = alone and code in GONE_SUBNET
    if code in GONE or leaves_subnet or (deletes_group and code in GONE_GROUP):
        return Result.GONE
    return Result.IN_USE if deletes_group and code == _IN_USE else None


def _is_gone(item: UnsuccessfulItemTypeDef) -> bool:
    return item.get("Error", {}).get("Code") in GONE


def _target(action: Action) -> str:
    match action:
        case (
            WritePolicy() | AddSubnets() | RemoveSubnets() | SetPrivateDns() | AttachSecurityGroup()
        ):
            return action.endpoint_id
        case AuthorizeClients() | DeleteSecurityGroup():
            return action.group_id
        case RestoreTags():
            return f"of {action.resource_id}"
        case DeleteEndpoint():
            return f"{', '.join(action.endpoint_ids)} in {action.vpc_id}"
        case CreateEndpoint() | CreateSecurityGroup() | EnableVpcDns():
            return f"in {action.vpc_id}"
        case _:
            assert_never(action)

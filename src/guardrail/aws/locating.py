"""From the ids in an event to the VPCs that they stand in.

ModifyVpcEndpoint, DeleteVpcEndpoints, DeleteSubnet and the security group calls name no VPC. What
EC2 does not describe (any more) is told apart from what it does, because the table may remember it.
A security group matters only where it is the guardrail's: most groups of an account are not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from guardrail.aws.failures import GONE, GONE_GROUP, GONE_SUBNET, error_code
from guardrail.core.names import Service, group_name
from guardrail.ports import Located

if TYPE_CHECKING:
    from mypy_boto3_ec2.client import EC2Client

_OUR_GROUPS = frozenset(group_name(service) for service in Service)
_Found = Mapping[str, str | None]
"""Ids that EC2 describes, each with its VPC, or None when it is of no account."""


def locate(ec2: EC2Client, ids: Collection[str]) -> Located:
    """Return where the endpoints, subnets and groups among `ids` stand."""
    looked_up: tuple[tuple[str, Callable[[EC2Client, list[str]], _Found]], ...] = (
        ("vpce-", _endpoints),
        ("subnet-", _subnets),
        ("sg-", _groups),
    )
    vpc_ids: set[str] = set()
    unknown: set[str] = set()
    for prefix, describe in looked_up:
        wanted = sorted(i for i in ids if i.startswith(prefix))
        if wanted:
            found = _one_by_one(ec2, wanted, describe)
            vpc_ids |= {vpc_id for vpc_id in found.values() if vpc_id}
            unknown |= set(wanted) - found.keys()
    return Located(frozenset(vpc_ids), frozenset(unknown))


def _one_by_one(
    ec2: EC2Client, ids: list[str], describe: Callable[[EC2Client, list[str]], _Found]
) -> _Found:
    """Describe all at once; where EC2 refuses because it lacks one, each by itself."""
    try:
        return describe(ec2, ids)
    except ClientError as error:
        if error_code(error) not in GONE | GONE_SUBNET | GONE_GROUP:
            raise
    if len(ids) == 1:
        return {}
    parts = (_one_by_one(ec2, [one], describe) for one in ids)
    return {key: value for part in parts for key, value in part.items()}


def _endpoints(ec2: EC2Client, ids: list[str]) -> _Found:
    answer = ec2.describe_vpc_endpoints(VpcEndpointIds=ids)
    return _by_id((e.get("VpcEndpointId"), e.get("VpcId")) for e in answer["VpcEndpoints"])


def _subnets(ec2: EC2Client, ids: list[str]) -> _Found:
    answer = ec2.describe_subnets(SubnetIds=ids)
    return _by_id((s.get("SubnetId"), s.get("VpcId")) for s in answer["Subnets"])


def _groups(ec2: EC2Client, ids: list[str]) -> _Found:
    groups = ec2.describe_security_groups(GroupIds=ids)["SecurityGroups"]
    return _by_id(
        (g.get("GroupId"), g.get("VpcId") if g.get("GroupName") in _OUR_GROUPS else None)
        for g in groups
    )


def _by_id(pairs: Iterable[tuple[str | None, str | None]]) -> _Found:
    return {key: vpc_id for key, vpc_id in pairs if key}

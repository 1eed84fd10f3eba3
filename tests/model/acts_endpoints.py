"""What owners do with endpoints: their own ones, and those that the guardrail made."""

from __future__ import annotations

import json

from model.owner import STATES, STEP_FUNCTIONS, Owner, act, pick
from model.product import BASELINE, EXEMPTION_TAG
from model.region import NAME

OPEN = '{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}]}'
_NOTHING = '{"Statement":[{"Effect":"Deny","Principal":"*","Action":"states:*","Resource":"*"}]}'


def _odd(**changes: object) -> str:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "states:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **changes}]})


POLICIES = (
    OPEN,
    BASELINE,
    _NOTHING,
    _odd(NotAction="states:Delete*", Action=[]),
    _odd(Condition={"StringEquals": {"aws:PrincipalAccount": "999988887777"}}),
    _odd(Condition={"StringEqualsIgnoreCase": {"aws:SourceVpce": "vpce-0123"}}),
    '{"Statement":[]}',
)
"""Open, contained, contained, and what is broader, odd or hardly a policy."""


@act("own")
def own(owner: Owner, which: int, how: int) -> bool:
    """Make an own endpoint of Step Functions; `how` says with what."""
    vpc, subnets = owner.subnets(which)
    if vpc is None:
        return False
    places = [] if how % 8 == 7 else [s.subnet_id for s in subnets[:1]]
    private_dns = how % 2 == 1 and all(vpc.dns)
    service = "sync-states" if how % 5 == 4 else STATES
    create_endpoint(owner, vpc.vpc_id, service, places, private_dns=private_dns, policy=how % 4 < 2)
    return True


@act("foreign")
def foreign(owner: Owner, which: int, how: int) -> bool:
    """Make an endpoint of another service, with the open policy."""
    vpc, subnets = owner.subnets(which)
    if vpc is None:
        return False
    places = [s.subnet_id for s in subnets[:1]]
    create_endpoint(
        owner, vpc.vpc_id, ("sqs", "s3")[how % 2], places, private_dns=False, policy=False
    )
    return True


@act("of-aws")
def of_aws(owner: Owner, which: int, how: int) -> bool:
    """Let a service of AWS make an endpoint of Step Functions of its own."""
    del how
    vpc = owner.vpc(which)
    if vpc is None:
        return False
    owner.region.layer.add_managed_endpoint(vpc.vpc_id, f"com.amazonaws.{NAME}.{STATES}")
    owner.region.changed()
    owner.notes(f"a service of AWS makes an endpoint of its own in {vpc.vpc_id}")
    return True


@act("loosen")
def loosen(owner: Owner, which: int, how: int) -> bool:
    """Write another policy onto an endpoint of Step Functions, whoever made it."""
    chosen = pick(
        [
            e
            for e in owner.look().endpoints.values()
            if e.alive and e.service in STEP_FUNCTIONS and not e.of_aws
        ],
        which,
    )
    if chosen is None:
        return False
    policy = POLICIES[how % len(POLICIES)]
    owner.call("modify_vpc_endpoint", VpcEndpointId=chosen.endpoint_id, PolicyDocument=policy)
    return True


@act("drop-own")
def drop_own(owner: Owner, which: int, how: int) -> bool:
    """Delete an own endpoint."""
    del how
    endpoint = owner.endpoint(which, managed=False)
    if endpoint is None:
        return False
    owner.call("delete_vpc_endpoints", VpcEndpointIds=[endpoint.endpoint_id])
    return True


@act("drop-managed")
def drop_managed(owner: Owner, which: int, how: int) -> bool:
    """Delete an endpoint that the guardrail made."""
    del how
    endpoint = owner.endpoint(which, managed=True)
    if endpoint is None:
        return False
    owner.delete_managed(endpoint)
    return True


@act("move")
def move(owner: Owner, which: int, how: int) -> bool:
    """Take an endpoint of the guardrail's out of one of its subnets, or out of all."""
    endpoint = owner.endpoint(which, managed=True)
    if endpoint is None or not endpoint.subnets:
        return False
    inside = sorted(endpoint.subnets)
    removed = inside if how % 3 == 2 else [inside[how % len(inside)]]
    owner.call("modify_vpc_endpoint", VpcEndpointId=endpoint.endpoint_id, RemoveSubnetIds=removed)
    return True


@act("place")
def place(owner: Owner, which: int, how: int) -> bool:
    """Put an endpoint of the guardrail's into a further subnet."""
    endpoint = owner.endpoint(which, managed=True)
    if endpoint is None:
        return False
    outside = [
        s.subnet_id
        for s in owner.look().subnets_of(endpoint.vpc_id)
        if s.subnet_id not in endpoint.subnets
    ]
    chosen = pick(outside, how)
    if chosen is None:
        return False
    owner.call("modify_vpc_endpoint", VpcEndpointId=endpoint.endpoint_id, AddSubnetIds=[chosen])
    return True


@act("mute")
def mute(owner: Owner, which: int, how: int) -> bool:
    """Switch private DNS of an endpoint of the guardrail's off."""
    del how
    endpoint = owner.endpoint(which, managed=True)
    if endpoint is None:
        return False
    owner.call("modify_vpc_endpoint", VpcEndpointId=endpoint.endpoint_id, PrivateDnsEnabled=False)
    return True


@act("regroup")
def regroup(owner: Owner, which: int, how: int) -> bool:
    """Give an endpoint of the guardrail's the default group, in place of its own or besides."""
    endpoint = owner.endpoint(which, managed=True)
    if endpoint is None:
        return False
    groups = owner.look().groups.values()
    default = [g.group_id for g in groups if g.vpc_id == endpoint.vpc_id and g.name == "default"]
    removed = [] if how % 3 == 2 else sorted(endpoint.groups - set(default))
    owner.call(
        "modify_vpc_endpoint",
        VpcEndpointId=endpoint.endpoint_id,
        AddSecurityGroupIds=default,
        RemoveSecurityGroupIds=removed,
    )
    return True


@act("empty-group")
def empty_group(owner: Owner, which: int, how: int) -> bool:
    """Take rules out of a group that the guardrail made."""
    group_id = owner.managed_group(which)
    if group_id is None:
        return False
    rules = sorted(owner.look().groups[group_id].rules)
    for protocol, first, last, where in rules[: 1 + how % 2]:
        kind = ("Ipv6Ranges", "CidrIpv6") if ":" in where else ("IpRanges", "CidrIp")
        permission = {
            "IpProtocol": protocol,
            "FromPort": first,
            "ToPort": last,
            kind[0]: [{kind[1]: where}],
        }
        owner.call("revoke_security_group_ingress", GroupId=group_id, IpPermissions=[permission])
    return True


@act("edit-group")
def edit_group(owner: Owner, which: int, how: int) -> bool:
    """Add a rule of the owner's to a group that the guardrail made."""
    group_id = owner.managed_group(which)
    if group_id is None:
        return False
    permission = {
        "IpProtocol": "tcp",
        "FromPort": 443,
        "ToPort": 443,
        "IpRanges": [{"CidrIp": f"192.168.{how}.0/24"}],
    }
    owner.call("authorize_security_group_ingress", GroupId=group_id, IpPermissions=[permission])
    return True


@act("drop-group")
def drop_group(owner: Owner, which: int, how: int) -> bool:
    """Delete a group that the guardrail made; EC2 refuses while an endpoint has it."""
    del how
    group_id = owner.managed_group(which)
    if group_id is None:
        return False
    owner.call("delete_security_group", GroupId=group_id)
    return True


@act("untag")
def untag(owner: Owner, which: int, how: int) -> bool:
    """Remove or change the stack's tag on an endpoint or a group that the guardrail made."""
    endpoint = owner.endpoint(which, managed=True)
    target = owner.managed_group(which) if how % 2 else endpoint and endpoint.endpoint_id
    if target is None:
        return False
    key = "sfn-endpoint-guardrail:managed-by"
    if how % 4 < 2:
        owner.call("delete_tags", Resources=[target], Tags=[{"Key": key}])
    else:
        owner.call("create_tags", Resources=[target], Tags=[{"Key": key, "Value": "me"}])
    return True


@act("exempt-endpoint")
def exempt_endpoint(owner: Owner, which: int, how: int) -> bool:
    """Exempt an endpoint from having its policy put back."""
    endpoint = owner.endpoint(which, managed=how % 2 == 0)
    if endpoint is None:
        return False
    value = "until=2027-12-31; reason=migration"
    tags = [{"Key": EXEMPTION_TAG, "Value": value}]
    owner.call("create_tags", Resources=[endpoint.endpoint_id], Tags=tags)
    return True


def create_endpoint(
    owner: Owner, vpc_id: str, service: str, places: list[str], *, private_dns: bool, policy: bool
) -> bool:
    """Create an endpoint, with a contained policy or without any; tell whether EC2 did."""
    given = {"PolicyDocument": BASELINE} if policy else {}
    answer = owner.call(
        "create_vpc_endpoint",
        VpcId=vpc_id,
        ServiceName=f"com.amazonaws.{NAME}.{service}",
        VpcEndpointType="Interface",
        SubnetIds=places,
        PrivateDnsEnabled=private_dns,
        **given,
    )
    return answer is not None

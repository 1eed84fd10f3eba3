"""Which permissions an EC2 call needs: resources, condition keys and dependent actions.

AWS: service authorization reference, "Actions, resources, and condition keys for Amazon EC2".
Only the calls that the guardrail and its users make are listed; any other call needs its action
on `*`, as it does on AWS for most Describe calls. Inferred: that a missing dependent permission
refuses the call (it was also reported to hang), that ModifyVpcEndpoint asks for
`route53:AssociateVPCWithHostedZone` when it turns private DNS on, and that a tag which DeleteTags
names without a value is in `aws:TagKeys` alone. Left out: `ec2:Attribute` of ModifyVpcEndpoint,
whose values are not documented; a condition on it allows nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardrail_sandbox.authorization.need import Context, Need
from guardrail_sandbox.trail.call import Call, Tree, numbered
from guardrail_sandbox.trail.identity import partition_of

if TYPE_CHECKING:
    from guardrail_sandbox.authorization.stored import Stored

_KINDS = {
    "vpc": "vpc",
    "subnet": "subnet",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "eni": "network-interface",
    "vpce": "vpc-endpoint",
    "rtb": "route-table",
}
_ID_KEYS = {
    "vpc": "ec2:VpcID",
    "subnet": "ec2:SubnetID",
    "security-group": "ec2:SecurityGroupID",
    "route-table": "ec2:RouteTableID",
}


@dataclass(frozen=True, slots=True)
class Ask:
    """A call with the account and what is stored there."""

    call: Call
    account_id: str
    stored: Stored

    def text(self, name: str) -> str:
        """Return a parameter; empty when it was not given."""
        value = self.call.parameters.get(name, "")
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """Return the elements of a list parameter."""
        value = self.call.parameters.get(name)
        listed = numbered(value) if isinstance(value, dict) else None
        return [item for _, item in listed or () if isinstance(item, str)]

    def existing(self, action: str, resource_id: str, *, in_vpc: bool = False) -> Need:
        """Return a permission on a resource that exists, with the keys of its kind."""
        kind = _KINDS.get(resource_id.partition("-")[0], "*")
        tags = self.stored.tags(self.call.region, resource_id)
        context = {
            f"{prefix}:ResourceTag/{key}": value
            for key, value in tags.items()
            for prefix in ("aws", "ec2")
        }
        if kind in _ID_KEYS:
            context[_ID_KEYS[kind]] = resource_id
        if in_vpc:
            context["ec2:Vpc"] = self.arn("vpc", self.stored.vpc_of(self.call.region, resource_id))
        return self.need(action, self.arn(kind, resource_id), context)

    def new(self, action: str, kind: str, context: Context | None = None) -> Need:
        """Return a permission on a resource that the call makes: it has no id yet."""
        return self.need(
            action, self.arn(kind, "*"), {**self.request_tags(kind), **(context or {})}
        )

    def need(self, action: str, resource: str, context: Context | None = None) -> Need:
        """Return a permission with the keys that every EC2 call has."""
        region = self.call.region
        return Need(
            action,
            resource,
            {"aws:RequestedRegion": region, "ec2:Region": region, **(context or {})},
        )

    def request_tags(self, kind: str) -> dict[str, str | tuple[str, ...]]:
        """Return the keys of the tags that the call puts on a new resource of this kind."""
        specified = self.call.parameters.get("TagSpecification")
        tags: dict[str, str | None] = {}
        for entry in _structures(specified):
            if entry.get("ResourceType") == kind:
                tags |= _pairs(entry.get("Tag"))
        return _tag_keys(tags)

    def arn(self, kind: str, resource_id: str) -> str:
        """Return the ARN of one of EC2's resources."""
        region = self.call.region
        return f"arn:{partition_of(region)}:ec2:{region}:{self.account_id}:{kind}/{resource_id}"


def needs(ask: Ask) -> list[Need]:
    """Return every permission that the call needs, its own first."""
    action = f"ec2:{ask.call.action}"
    of_call = _NEEDS.get(ask.call.action)
    # A call that names no resource is refused by EC2 itself, or by a role that has no `*`.
    return (list(of_call(ask, action)) if of_call else []) or [ask.need(action, "*")]


def _create_endpoint(ask: Ask, action: str) -> Iterator[Need]:
    yield ask.existing(action, ask.text("VpcId"))
    service = {
        "ec2:VpceServiceName": ask.text("ServiceName"),
        "ec2:VpceServiceOwner": "amazon",
        "ec2:VpceServiceRegion": ask.text("ServiceRegion") or ask.call.region,
    }
    yield ask.new(action, "vpc-endpoint", service)
    for name in ("SubnetId", "SecurityGroupId", "RouteTableId"):
        for resource_id in ask.texts(name):
            yield ask.existing(action, resource_id)
    yield from _tagging(ask, "vpc-endpoint")
    for looked in ("Vpcs", "Subnets", "SecurityGroups"):
        yield ask.need(f"ec2:Describe{looked}", "*")
    yield from _private_dns(ask)


def _modify_endpoint(ask: Ask, action: str) -> Iterator[Need]:
    yield ask.existing(action, ask.text("VpcEndpointId"))
    for kind in ("SubnetId", "SecurityGroupId", "RouteTableId"):
        for resource_id in (*ask.texts(f"Add{kind}"), *ask.texts(f"Remove{kind}")):
            yield ask.existing(action, resource_id, in_vpc=True)
    yield from _private_dns(ask)


def _delete_endpoints(ask: Ask, action: str) -> Iterator[Need]:
    for endpoint_id in ask.texts("VpcEndpointId"):
        need = ask.existing(action, endpoint_id)
        service = ask.stored.service_of(ask.call.region, endpoint_id)
        yield Need(need.action, need.resource, {**need.context, "ec2:VpceServiceName": service})


def _private_dns(ask: Ask) -> Iterator[Need]:
    if ask.text("PrivateDnsEnabled") == "true":
        zone = f"arn:{partition_of(ask.call.region)}:route53:::hostedzone/*"
        yield ask.need("route53:AssociateVPCWithHostedZone", zone)


def _create_group(ask: Ask, action: str) -> Iterator[Need]:
    if ask.text("VpcId"):
        yield ask.existing(action, ask.text("VpcId"))
    yield ask.new(action, "security-group")
    yield from _tagging(ask, "security-group")


def _of_group(ask: Ask, action: str) -> Iterator[Need]:
    yield ask.existing(action, ask.text("GroupId"), in_vpc=True)
    if ask.request_tags("security-group-rule"):
        yield ask.new(action, "security-group-rule")
        yield from _tagging(ask, "security-group-rule")


def _of_rules(ask: Ask, action: str) -> Iterator[Need]:
    yield ask.existing(action, ask.text("GroupId"), in_vpc=True)
    for entry in _structures(ask.call.parameters.get("SecurityGroupRule")):
        yield ask.existing(action, str(entry.get("SecurityGroupRuleId", "")))


def _of_one(parameter: str) -> Callable[[Ask, str], Iterator[Need]]:
    """Return the needs of a call about one resource that this parameter names."""

    def of_resource(ask: Ask, action: str) -> Iterator[Need]:
        yield ask.existing(action, ask.text(parameter), in_vpc=parameter != "VpcId")

    return of_resource


def _of_vpc(ask: Ask, action: str) -> Iterator[Need]:
    need = ask.existing(action, ask.text("VpcId"))
    changed = [name for name in ("EnableDnsSupport", "EnableDnsHostnames") if _given(ask, name)]
    attributes = {"ec2:Attribute": tuple(changed)} if changed else {}
    yield Need(need.action, need.resource, {**need.context, **attributes})


def _retag(ask: Ask, action: str) -> Iterator[Need]:
    """Yield the needs of CreateTags and DeleteTags on what exists: no call makes it just now."""
    tags = _tag_keys(_pairs(ask.call.parameters.get("Tag")))
    for resource_id in ask.texts("ResourceId"):
        need = ask.existing(action, resource_id)
        yield Need(need.action, need.resource, {**need.context, **tags})


def _tagging(ask: Ask, kind: str) -> Iterator[Need]:
    """Yield CreateTags for what is tagged while it is made (a key says by which call)."""
    if ask.request_tags(kind):
        yield ask.new("ec2:CreateTags", kind, {"ec2:CreateAction": ask.call.action})


def _given(ask: Ask, name: str) -> bool:
    return name in ask.call.parameters


def _structures(value: Tree | str | None) -> list[Tree]:
    listed = numbered(value) if isinstance(value, dict) else None
    return [item for _, item in listed or () if isinstance(item, dict)]


def _pairs(tags: Tree | str | None) -> dict[str, str | None]:
    """Return the tags by key; None for those whose value is not named."""
    found: dict[str, str | None] = {}
    for tag in _structures(tags):
        value = tag.get("Value")
        found[str(tag.get("Key", ""))] = value if isinstance(value, str) else None
    return found


def _tag_keys(tags: dict[str, str | None]) -> dict[str, str | tuple[str, ...]]:
    if not tags:
        return {}
    values: dict[str, str | tuple[str, ...]] = {"aws:TagKeys": tuple(tags)}
    named = {key: value for key, value in tags.items() if value is not None}
    return values | {f"aws:RequestTag/{key}": value for key, value in named.items()}


_NEEDS: dict[str, Callable[[Ask, str], Iterator[Need]]] = {
    "CreateVpcEndpoint": _create_endpoint,
    "ModifyVpcEndpoint": _modify_endpoint,
    "DeleteVpcEndpoints": _delete_endpoints,
    "CreateSecurityGroup": _create_group,
    "DeleteSecurityGroup": _of_group,
    "AuthorizeSecurityGroupIngress": _of_group,
    "RevokeSecurityGroupIngress": _of_group,
    "ModifyVpcAttribute": _of_vpc,
    "DescribeVpcAttribute": _of_vpc,
    "ModifySecurityGroupRules": _of_rules,
    "DeleteSubnet": _of_one("SubnetId"),
    "DeleteVpc": _of_one("VpcId"),
    "CreateTags": _retag,
    "DeleteTags": _retag,
}

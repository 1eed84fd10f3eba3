"""From the shapes of EC2's Describe answers to the guardrail's own values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from guardrail.core.model import (
    AbsentEndpoint,
    DnsAttributes,
    Endpoint,
    Interface,
    ObservedVpc,
    SecurityGroup,
    ServiceOffer,
    Subnet,
)
from guardrail.core.names import Service, is_of_stack

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import (
        IpPermissionOutputTypeDef,
        NetworkInterfaceTypeDef,
        SecurityGroupTypeDef,
        ServiceDetailTypeDef,
        SubnetTypeDef,
        TagTypeDef,
        VpcEndpointTypeDef,
        VpcTypeDef,
    )

OPEN_POLICY = '{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}]}'
"""The policy of an endpoint that was given none: everyone may do everything.

Source: AWS PrivateLink guide, "Control access to VPC endpoints using endpoint policies".
"""

_ALIVE = frozenset({"pendingacceptance", "pending", "available", "partial"})
_DELETED = frozenset({"deleting", "deleted"})
_HTTPS = 443


def offer(detail: ServiceDetailTypeDef) -> ServiceOffer | None:
    """Return the offer if `detail` is a PrivateLink service of Step Functions, else None.

    Only services of AWS itself count.
    """
    service = service_of(detail.get("ServiceName", ""))
    kinds = {kind.get("ServiceType") for kind in detail.get("ServiceType", [])}
    if service is None or detail.get("Owner") != "amazon" or "Interface" not in kinds:
        return None
    return ServiceOffer(
        service=service,
        name=detail["ServiceName"],
        zones=frozenset(detail.get("AvailabilityZones", [])),
        dns_names=frozenset(_dns_names(detail)),
    )


def service_of(name: str) -> Service | None:
    """Return the service that a PrivateLink name is of, None if it is none of Step Functions.

    The name's last label tells the service; what stands before it differs by partition
    (`cn.com.amazonaws.…` in China).
    """
    label = name.rpartition(".")[2].removesuffix("-fips")
    return Service(label) if label in set(Service) else None


def _dns_names(detail: ServiceDetailTypeDef) -> Iterator[str]:
    if name := detail.get("PrivateDnsName"):
        yield name
    yield from (n.get("PrivateDnsName", "") for n in detail.get("PrivateDnsNames", []))


def is_fips(found: ServiceOffer) -> bool:
    """Whether this is the name of a service's FIPS endpoints."""
    return found.name.endswith("-fips")


def observed_vpc(vpc: VpcTypeDef) -> ObservedVpc:
    """Return the VPC itself, with its associated CIDR blocks of both families."""
    v4 = [
        block.get("CidrBlock", "")
        for block in vpc.get("CidrBlockAssociationSet", [])
        if block.get("CidrBlockState", {}).get("State", "associated") == "associated"
    ]
    v6 = [
        block.get("Ipv6CidrBlock", "")
        for block in vpc.get("Ipv6CidrBlockAssociationSet", [])
        if block.get("Ipv6CidrBlockState", {}).get("State") == "associated"
    ]
    primary = [vpc["CidrBlock"]] if vpc.get("CidrBlock") else []
    return ObservedVpc(
        vpc_id=vpc.get("VpcId", ""),
        owner_id=vpc.get("OwnerId", ""),
        is_default=vpc.get("IsDefault", False),
        cidrs=tuple(dict.fromkeys(cidr for cidr in (*primary, *v4, *v6) if cidr)),
        tags=tag_map(vpc.get("Tags", [])),
    )


def subnet(found: SubnetTypeDef) -> Subnet | None:
    """Return the subnet if an endpoint's IPv4 interface can stand in it, else None."""
    if found.get("State") != "available" or found.get("Ipv6Native"):
        return None
    return Subnet(
        subnet_id=found.get("SubnetId", ""),
        zone=found.get("AvailabilityZone", ""),
        free_addresses=found.get("AvailableIpAddressCount", 0),
        tags=tag_map(found.get("Tags", [])),
    )


def is_alive(found: VpcEndpointTypeDef) -> bool:
    """Whether the endpoint serves or will; failed, rejected and deleted ones do not.

    The SDK's model spells states in another case than EC2 does, so case is ignored.
    """
    return str(found.get("State", "")).lower() in _ALIVE


def endpoint(found: VpcEndpointTypeDef, service: Service) -> Endpoint:
    """Return the endpoint; one without a policy has the default that lets everyone in."""
    return Endpoint(
        endpoint_id=found.get("VpcEndpointId", ""),
        service=service,
        policy=found.get("PolicyDocument") or OPEN_POLICY,
        private_dns=found.get("PrivateDnsEnabled", False),
        subnet_ids=frozenset(found.get("SubnetIds", [])),
        group_ids=frozenset(group.get("GroupId", "") for group in found.get("Groups", [])),
        tags=tag_map(found.get("Tags", [])),
        available=str(found.get("State", "")).lower() == "available",
        interface_ids=frozenset(found.get("NetworkInterfaceIds", [])),
    )


def absent_endpoint(found: VpcEndpointTypeDef, service: Service) -> AbsentEndpoint:
    """Return an endpoint that is not alive: deleted, being so, or never made good."""
    state = str(found.get("State", "")).lower()
    return AbsentEndpoint(
        endpoint_id=found.get("VpcEndpointId", ""),
        service=service,
        failed=state not in _DELETED,
        deleting=state == "deleting",
        interface_ids=frozenset(found.get("NetworkInterfaceIds", [])),
    )


def interface(found: NetworkInterfaceTypeDef) -> Interface:
    """Return the interface, whosever it is."""
    return Interface(found.get("NetworkInterfaceId", ""), found.get("SubnetId", ""))


def security_group(found: SecurityGroupTypeDef, stack_id: str) -> SecurityGroup:
    """Return the group with the CIDR blocks that it lets reach TCP 443."""
    rules = [rule for rule in found.get("IpPermissions", []) if _opens_https(rule)]
    v4 = (block.get("CidrIp", "") for rule in rules for block in rule.get("IpRanges", []))
    v6 = (block.get("CidrIpv6", "") for rule in rules for block in rule.get("Ipv6Ranges", []))
    return SecurityGroup(
        group_id=found.get("GroupId", ""),
        name=found.get("GroupName", ""),
        clients=frozenset(cidr for cidr in (*v4, *v6) if cidr),
        tagged=is_of_stack(tag_map(found.get("Tags", [])), stack_id),
    )


def dns_attributes(*, support: bool | None, hostnames: bool | None) -> DnsAttributes:
    """Return the attributes as DescribeVpcAttribute gives them, missing ones as off."""
    return DnsAttributes(support=bool(support), hostnames=bool(hostnames))


def tag_map(tags: Iterable[TagTypeDef]) -> Mapping[str, str]:
    """Return EC2's list of tags as a mapping."""
    return {tag.get("Key", ""): tag.get("Value", "") for tag in tags}


def _opens_https(rule: IpPermissionOutputTypeDef) -> bool:
    protocol = rule.get("IpProtocol")
    if protocol == "-1":
        return True
    low, high = rule.get("FromPort", -1), rule.get("ToPort", -1)
    return protocol in {"tcp", "6"} and low <= _HTTPS <= high

"""An endpoint has a network interface in each subnet, with an address of it and its groups.

They belong to the service that asked for them (requester-managed), so nobody else deletes them;
they come and go with the subnets of the endpoint and follow its groups. One DNS name is for the
whole endpoint, one for each zone.

Source: PrivateLink guide, "Access an AWS service using an interface VPC endpoint"; EC2 user guide,
"Requester-managed network interfaces".
Confidence: documented
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network

from guardrail_sandbox import moto_state
from guardrail_sandbox.ec2.behaviour import After, Before, Behaviour
from guardrail_sandbox.ec2.call import Call, RefusedError, Reply
from guardrail_sandbox.ec2.services import service_of
from guardrail_sandbox.untyped import Moto

_RESERVED = 4
"""AWS keeps the first four addresses of a subnet and the last one."""


class NetworkInterfaces(Behaviour):
    """See the module."""

    name = "network-interfaces"

    def before(self) -> Mapping[str, Before]:
        """Keep others' hands off the interfaces."""
        return {"DeleteNetworkInterface": _refuse_deletion}

    def after(self) -> Mapping[str, After]:
        """Let the interfaces follow the endpoint."""
        return {"ModifyVpcEndpoint": _follow}

    def made(self, endpoint: Moto, region: str) -> None:
        """Give the endpoint its interfaces and names."""
        if endpoint.vpc_endpoint_type != "Interface":
            return
        ec2 = moto_state.ec2(region)
        endpoint.subnet_ids = list(endpoint.subnet_ids or ())
        for eni_id in endpoint.network_interface_ids:
            ec2.enis.pop(eni_id, None)
        endpoint.network_interface_ids = []
        _add(ec2, endpoint, endpoint.subnet_ids)
        _name(ec2, endpoint, region)


def _follow(call: Call, reply: Reply) -> Reply:
    ec2, endpoint = call.ec2, call.endpoint
    if endpoint.vpc_endpoint_type != "Interface":
        return reply
    # As one step: what is added and removed in the same call stays.
    removed = set(call.values("RemoveSubnetId")) - set(call.new_subnets())
    for eni_id in list(endpoint.network_interface_ids):
        if eni_id in ec2.enis and ec2.enis[eni_id].subnet.id in removed:
            endpoint.network_interface_ids.remove(eni_id)
            ec2.enis.pop(eni_id)
    used = {ec2.enis[i].subnet.id for i in endpoint.network_interface_ids if i in ec2.enis}
    _add(ec2, endpoint, [i for i in endpoint.subnet_ids if i not in used])
    groups = [ec2.get_security_group_from_id(i) for i in endpoint.security_group_ids]
    for eni_id in endpoint.network_interface_ids:
        ec2.enis[eni_id]._group_set = groups  # noqa: SLF001  moto has no other way
    _name(ec2, endpoint, call.region)
    return reply


def _add(ec2: Moto, endpoint: Moto, subnet_ids: Iterable[str]) -> None:
    for subnet_id in subnet_ids:
        subnet = ec2.get_subnet(subnet_id)
        eni = ec2.create_network_interface(
            subnet,
            _free_address(ec2, subnet),
            group_ids=list(endpoint.security_group_ids),
            description=f"VPC Endpoint Interface {endpoint.id}",
        )
        eni.status, eni.interface_type = "in-use", "vpc_endpoint"
        eni.requester_managed, eni.requester_id = True, f"{endpoint.owner_id}:VPCEndpoints"
        endpoint.network_interface_ids.append(eni.id)


def _free_address(ec2: Moto, subnet: Moto) -> str:
    taken = {a["PrivateIpAddress"] for e in ec2.enis.values() for a in e.private_ip_addresses}
    network = IPv4Network(subnet.cidr_block)
    candidates = (str(network[n]) for n in range(_RESERVED, network.num_addresses - 1))
    return next((address for address in candidates if address not in taken), str(network[-2]))


def _name(ec2: Moto, endpoint: Moto, region: str) -> None:
    service = service_of(endpoint.service_name, region)
    base = service.base_names[0] if service else f"{endpoint.service_name}.vpce.amazonaws.com"
    zone_id = f"Z{endpoint.id[-12:].upper()}"
    stem = f"{endpoint.id}-{endpoint.id[-8:]}"
    zones = [ec2.get_subnet(subnet_id).availability_zone for subnet_id in endpoint.subnet_ids]
    names = [f"{stem}.{base}", *(f"{stem}-{zone}.{base}" for zone in zones)] if zones else []
    endpoint.dns_entries = [{"dns_name": name, "hosted_zone_id": zone_id} for name in names]


def _refuse_deletion(call: Call) -> None:
    eni_id = call.form.get("NetworkInterfaceId", "")
    eni = call.ec2.enis.get(eni_id)
    if eni is not None and eni.requester_managed:
        message = f"Network interface '{eni_id}' is currently in use."
        raise RefusedError("InvalidParameterValue", message)

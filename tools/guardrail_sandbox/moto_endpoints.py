"""What of moto's state the behaviours of interface endpoints touch; see `moto_state`.

All of it is used under `moto_state.LOCK`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.iam.models import iam_backends
from moto.route53.models import route53_backends

from guardrail_sandbox.moto_state import ACCOUNT_ID, ec2

if TYPE_CHECKING:
    from collections.abc import Callable

    from guardrail_sandbox.untyped import Json, Moto


def complete_endpoints(region: str, complete: Callable[[Moto], None]) -> None:
    """Call `complete` with each endpoint that is made from now on, before it is answered.

    However it is made, by a call or by CloudFormation. The last `complete` counts.
    """
    backend = ec2(region)
    create = type(backend).create_vpc_endpoint

    def create_completed(*arguments: Any, **named: Any) -> Moto:  # noqa: ANN401  moto's own
        endpoint = create(backend, *arguments, **named)
        complete(endpoint)
        return endpoint

    backend.create_vpc_endpoint = create_completed


def private_zones(vpc_id: str) -> dict[str, str]:
    """Return the ids of the private hosted zones of a VPC by their names, without a last dot."""
    zones = route53_backends[ACCOUNT_ID]["aws"].zones.values()
    return {
        zone.name.rstrip("."): zone.id
        for zone in zones
        if zone.private_zone and any(vpc.get("vpc_id") == vpc_id for vpc in zone.vpcs)
    }


def zone_name(zone_id: str) -> str:
    """Return the name of a hosted zone, without a last dot; empty when there is none such."""
    zone = route53_backends[ACCOUNT_ID]["aws"].zones.get(zone_id)
    return zone.name.rstrip(".") if zone else ""


def principal_ids() -> dict[str, str]:
    """Return the ARNs of all roles and users with their unique ids (AROA..., AIDA...)."""
    iam = iam_backends[ACCOUNT_ID]["aws"]
    return {found.arn: found.id for found in (*iam.roles.values(), *iam.users.values())}


def services(region: str) -> list[Json]:
    """Return moto's list of PrivateLink services of a region."""
    found = ec2(region).describe_vpc_endpoint_services([], [], None, None, region)
    return list(found["servicesDetails"])


def zone_ids(region: str) -> dict[str, str]:
    """Return the ids of the zones of a region by their names."""
    return {zone.name: zone.zone_id for zone in ec2(region).describe_availability_zones()}


def subnet(region: str, subnet_id: str) -> Moto:
    """Return a subnet; None when there is none such."""
    return next((s[subnet_id] for s in ec2(region).subnets.values() if subnet_id in s), None)


def give_away(region: str, vpc_id: str, owner_id: str) -> None:
    """Let a VPC and its subnets belong to another account."""
    backend = ec2(region)
    subnets = [s for of_zone in backend.subnets.values() for s in of_zone.values()]
    for found in (backend.vpcs[vpc_id], *(s for s in subnets if s.vpc_id == vpc_id)):
        # moto computes the owner: only another class can say otherwise.
        kind = type(found)
        found.__class__ = type(f"Shared{kind.__name__}", (kind,), {"owner_id": owner_id})

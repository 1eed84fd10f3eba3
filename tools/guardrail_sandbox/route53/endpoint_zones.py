"""The zones that EC2 keeps for the private DNS of interface endpoints."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from guardrail_sandbox import moto_state
from guardrail_sandbox.ec2.services import service_of

if TYPE_CHECKING:
    from guardrail_sandbox.untyped import Moto

_GONE = frozenset({"deleting", "deleted"})


def zones_of_endpoints(region: str, vpc_id: str) -> dict[str, str]:
    """Return the ids of the zones by name of all endpoints of a VPC whose private DNS is on."""
    return {
        name: zone_id
        for endpoint in moto_state.ec2(region).vpc_end_points.values()
        if endpoint.vpc_id == vpc_id and endpoint.private_dns_enabled
        for name, zone_id in _zones(endpoint, region).items()
    }


def zones_of(region: str, endpoint_id: str) -> tuple[str, dict[str, str]] | None:
    """Return service and zones by name of an endpoint; None when there is none such."""
    endpoint = moto_state.ec2(region).vpc_end_points.get(endpoint_id)
    return (endpoint.service_name, _zones(endpoint, region)) if endpoint else None


def _zones(endpoint: Moto, region: str) -> dict[str, str]:
    service = service_of(endpoint.service_name, region)
    if service is None or endpoint.state in _GONE:
        return {}
    return {name: _zone_id(f"{endpoint.id}/{name}") for name in service.private_names}


def _zone_id(seed: str) -> str:
    return f"Z{sha256(seed.encode()).hexdigest()[:19].upper()}"

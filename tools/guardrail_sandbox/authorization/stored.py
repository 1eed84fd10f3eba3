"""What IAM reads of the account to fill in condition keys: tags, VPCs and services of resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from guardrail_sandbox import moto_state

if TYPE_CHECKING:
    from collections.abc import Mapping


class Stored(Protocol):
    """The resources of the account."""

    def tags(self, region: str, resource_id: str) -> Mapping[str, str]:
        """Return the tags of a resource; none when there is no such resource."""

    def vpc_of(self, region: str, resource_id: str) -> str:
        """Return the VPC of a subnet or security group; empty when unknown."""

    def service_of(self, region: str, endpoint_id: str) -> str:
        """Return the service name of an endpoint; empty when unknown."""


class MotoStored:
    """The resources in moto."""

    def tags(self, region: str, resource_id: str) -> Mapping[str, str]:
        """See `Stored.tags`."""
        with moto_state.LOCK:
            return dict(moto_state.ec2(region).tags.get(resource_id, {}))

    def vpc_of(self, region: str, resource_id: str) -> str:
        """See `Stored.vpc_of`."""
        with moto_state.LOCK:
            backend = moto_state.ec2(region)
            if resource_id.startswith("subnet-"):
                zones = backend.subnets.values()
                found = [zone[resource_id] for zone in zones if resource_id in zone]
            else:
                found = [g[resource_id] for g in backend.groups.values() if resource_id in g]
            return str(found[0].vpc_id) if found else ""

    def service_of(self, region: str, endpoint_id: str) -> str:
        """See `Stored.service_of`."""
        with moto_state.LOCK:
            endpoint = moto_state.ec2(region).vpc_end_points.get(endpoint_id)
            return str(endpoint.service_name) if endpoint is not None else ""

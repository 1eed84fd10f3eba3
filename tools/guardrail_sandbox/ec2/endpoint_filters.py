"""DescribeVpcEndpoints filters as documented and refuses filters that there are none of.

Ids that are not there are an error, filters that match nothing are none.

Source: EC2 API reference, DescribeVpcEndpoints.
Confidence: documented
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from guardrail_sandbox.ec2.behaviour import Before, Behaviour
from guardrail_sandbox.ec2.call import Call, RefusedError
from guardrail_sandbox.ec2.matching import matches
from guardrail_sandbox.untyped import Moto

_ATTRIBUTES = {
    "vpc-id": "vpc_id",
    "service-name": "service_name",
    "vpc-endpoint-id": "id",
    "vpc-endpoint-type": "vpc_endpoint_type",
    "vpc-endpoint-state": "state",
}


class EndpointFilters(Behaviour):
    """See the module."""

    name = "endpoint-filters"

    def before(self) -> Mapping[str, Before]:
        """Filter in moto's place."""
        return {"DescribeVpcEndpoints": _filter}


def visible(call: Call) -> dict[str, Moto]:
    """Return the endpoints that the call sees."""
    seen = call.views.get("vpc_end_points")
    return dict(call.ec2.vpc_end_points) if seen is None else seen


def _filter(call: Call) -> None:
    found, ids = visible(call), call.values("VpcEndpointId")
    for endpoint_id in ids:
        if endpoint_id not in found:
            message = f"The Vpc Endpoint Id '{endpoint_id}' does not exist"
            raise RefusedError("InvalidVpcEndpointId.NotFound", message)
    kept = [found[i] for i in ids] if ids else list(found.values())
    for name, patterns in call.filters().items():
        kept = [e for e in kept if matches(_values(call, e, name), patterns)]
    call.views["vpc_end_points"] = {endpoint.id: endpoint for endpoint in kept}
    call.drop("VpcEndpointId", "Filter")


def _values(call: Call, endpoint: Moto, name: str) -> Iterable[str]:
    if name in _ATTRIBUTES:
        return [str(getattr(endpoint, _ATTRIBUTES[name]))]
    if name == "service-region":
        return [call.region]
    if name == "ip-address-type":
        return ["ipv4"]
    tags = {tag["key"]: tag["value"] for tag in endpoint.get_tags()}
    if name == "tag-key":
        return list(tags)
    if name.startswith("tag:"):
        return [tags[name[4:]]] if name[4:] in tags else []
    raise RefusedError("InvalidParameterValue", f"The filter '{name}' is invalid")

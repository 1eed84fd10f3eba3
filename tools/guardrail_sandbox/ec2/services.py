"""PrivateLink services as the region has them: names, zones, policy support, filters, pages.

In China the names of both Step Functions services begin with `cn.`; us-east-1e offers neither of
them (services differ by zone, which one lacks which is made up). An unknown name in
`ServiceNames` is an error, a filter that matches nothing is none, and an unknown service cannot
be used for an endpoint.

Source: EC2 API reference, DescribeVpcEndpointServices; AWS CDK's list of names in China.
Confidence: documented
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from guardrail_sandbox import moto_endpoints
from guardrail_sandbox.ec2.behaviour import Before, Behaviour
from guardrail_sandbox.ec2.call import Call, RefusedError, Reply, answer
from guardrail_sandbox.ec2.matching import matches

_STEP_FUNCTIONS = frozenset({"states", "sync-states"})
_ZONES_WITHOUT = frozenset({"us-east-1e"})
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Service:
    """A service as DescribeVpcEndpointServices shows it; `private_names` without the wildcard."""

    name: str
    region: str
    kinds: tuple[str, ...]
    zones: tuple[str, ...]
    private_names: tuple[str, ...]
    base_names: tuple[str, ...]
    supports_policies: bool
    xml: str


class Services(Behaviour):
    """See the module."""

    name = "services"

    def before(self) -> Mapping[str, Before]:
        """Answer the call; refuse unknown services."""
        return {"DescribeVpcEndpointServices": _describe, "CreateVpcEndpoint": _refuse_unknown}


@cache
def offered(region: str) -> tuple[Service, ...]:
    """Return the services of a region in the order of their names."""
    zone_ids = moto_endpoints.zone_ids(region)
    found = [_service(detail, region, zone_ids) for detail in moto_endpoints.services(region)]
    return tuple(sorted(found, key=lambda service: service.name))


def service_of(name: str, region: str) -> Service | None:
    """Return the interface service of this name; None when the region has none such."""
    found = [s for s in offered(region) if s.name == name]
    return next((s for s in found if "Interface" in s.kinds), found[0] if found else None)


def _refuse_unknown(call: Call) -> None:
    if service_of(call.service_name, call.region) is None:
        message = f"The Vpc Endpoint Service '{call.service_name}' does not exist"
        raise RefusedError("InvalidServiceName", message)


def _describe(call: Call) -> Reply:
    names, filters = call.values("ServiceName"), call.filters()
    for name in names:
        if service_of(name, call.region) is None:
            message = f"The Vpc Endpoint Service '{name}' does not exist"
            raise RefusedError("InvalidServiceName", message)
    found = [s for s in offered(call.region) if not names or s.name in names]
    for name, patterns in filters.items():
        found = [s for s in found if matches(_values(s, name), patterns)]
    start = int(call.form.get("NextToken") or 0)
    end = start + min(int(call.form.get("MaxResults") or _MOST), _MOST)
    following = f"<nextToken>{end}</nextToken>" if end < len(found) else ""
    page = found[start:end]
    return answer(
        "DescribeVpcEndpointServices",
        _set("serviceNameSet", [escape(s.name) for s in page])
        + _set("serviceDetailSet", [s.xml for s in page])
        + following,
    )


def _values(service: Service, filter_name: str) -> tuple[str, ...]:
    values: dict[str, tuple[str, ...]] = {
        "service-name": (service.name,),
        "service-type": service.kinds,
        "service-region": (service.region,),
        "owner": ("amazon",),
        "supported-ip-address-types": ("ipv4",),
    }
    if filter_name.startswith("tag"):
        return ()
    if filter_name not in values:
        raise RefusedError("InvalidParameterValue", f"The filter '{filter_name}' is invalid")
    return values[filter_name]


def _service(detail: Mapping[str, Any], region: str, zone_ids: Mapping[str, str]) -> Service:
    label = detail["ServiceName"].removeprefix(f"com.amazonaws.{region}.")
    ours = label in _STEP_FUNCTIONS
    china = region.startswith("cn-")
    name = f"cn.{detail['ServiceName']}" if china and ours else detail["ServiceName"]
    suffix = ".cn" if china else ""
    zones = tuple(z for z in detail["AvailabilityZones"] if not ours or z not in _ZONES_WITHOUT)
    private = tuple(n["PrivateDnsName"] + suffix for n in detail.get("PrivateDnsNames", []))
    bases = tuple(n + suffix for n in detail["BaseEndpointDnsNames"])
    kinds = tuple(kind["ServiceType"] for kind in detail["ServiceType"])
    supported = bool(detail["VpcEndpointPolicySupported"])
    xml = _xml(detail, name, region, kinds, zones, zone_ids, private, bases, supported)
    return Service(name, region, kinds, zones, private, bases, supported, xml)


def _xml(
    detail: Mapping[str, Any],
    name: str,
    region: str,
    kinds: tuple[str, ...],
    zones: tuple[str, ...],
    zone_ids: Mapping[str, str],
    private: tuple[str, ...],
    bases: tuple[str, ...],
    supported: bool,  # noqa: FBT001
) -> str:
    named = [f"<privateDnsName>{escape(n)}</privateDnsName>" for n in private]
    verified = "<privateDnsNameVerificationState>verified</privateDnsNameVerificationState>"
    return (
        f"<serviceName>{escape(name)}</serviceName><serviceId>{detail['ServiceId']}</serviceId>"
        + _set("serviceType", [f"<serviceType>{kind}</serviceType>" for kind in kinds])
        + f"<serviceRegion>{region}</serviceRegion>"
        + _set("availabilityZoneSet", zones)
        + _set("availabilityZoneIdSet", [zone_ids[z] for z in zones if z in zone_ids])
        + "<owner>amazon</owner>"
        + _set("baseEndpointDnsNameSet", bases)
        + (named[0] + _set("privateDnsNameSet", named) + verified if named else "")
        + f"<vpcEndpointPolicySupported>{str(supported).lower()}</vpcEndpointPolicySupported>"
        + "<acceptanceRequired>false</acceptanceRequired>"
        + "<managesVpcEndpoints>false</managesVpcEndpoints><tagSet/>"
        + _set("supportedIpAddressTypeSet", ["ipv4"])
    )


def _set(name: str, items: list[str] | tuple[str, ...]) -> str:
    return f"<{name}>{''.join(f'<item>{item}</item>' for item in items)}</{name}>"

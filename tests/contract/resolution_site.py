"""A VPC and what its resolver asks, on the local AWS; and clients that answer as they are told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import EndpointConnectionError

from guardrail.aws.resolution import VpcResolution
from guardrail.aws.unstubbed import Listing
from guardrail.ports import Resolution
from guardrail_sandbox.in_process import client_of

REGION = "us-east-1"


VPC = "vpc-0123456789abcdef0"


NAME = "states.us-east-1.amazonaws.com"


IN_PROFILE = {"ProfileId": "rp-1", "Status": "COMPLETE"}


ELSEWHERE = "arn:aws:route53:::hostedzone/Z0OFANOTHERACCOUNT"


@dataclass
class Site:
    """The port, a VPC behind it, and words for what its owner does."""

    port: Resolution
    vpc_id: str

    def answered_by(self, name: str = NAME) -> str | None:
        """Ask about the VPC."""
        return self.port.answered_by(self.vpc_id, [name])

    def vpc(self) -> str:
        """Make a VPC with the attributes that private DNS needs; return its id."""
        ec2 = client("ec2")
        vpc_id: str = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": True})
        return vpc_id

    def zone(self, name: str, vpc_id: str | None = None) -> str:
        """Make a private hosted zone of a VPC; return its id."""
        made = client("route53").create_hosted_zone(
            Name=name,
            CallerReference=f"{name} {vpc_id}",
            VPC={"VPCRegion": REGION, "VPCId": vpc_id or self.vpc_id},
        )
        zone_id: str = made["HostedZone"]["Id"].rpartition("/")[2]
        return zone_id

    def rule(self, domain: str, kind: str = "FORWARD") -> str:
        """Make a rule and associate it with the VPC; return its id."""
        rule_id = self.unused_rule(domain, kind)
        client("route53resolver").associate_resolver_rule(ResolverRuleId=rule_id, VPCId=self.vpc_id)
        return rule_id

    def unused_rule(self, domain: str, kind: str = "FORWARD") -> str:
        """Make a rule; return its id."""
        made = client("route53resolver").create_resolver_rule(
            CreatorRequestId=f"{domain} {kind}", RuleType=kind, DomainName=domain
        )
        rule_id: str = made["ResolverRule"]["Id"]
        return rule_id

    def profile(self, *arns: str, told: str = "") -> str:
        """Make a Profile with these resources and associate it with the VPC; return its id."""
        profiles = client("route53profiles")
        made: str = profiles.create_profile(Name="hub", ClientToken="once")["Profile"]["Id"]
        profiles.associate_profile(Name="hub", ProfileId=made, ResourceId=self.vpc_id)
        properties = {"ResourceProperties": told} if told else {}
        for arn in arns:
            profiles.associate_resource_to_profile(
                Name="part", ProfileId=made, ResourceArn=arn, **properties
            )
        return made


class Switchboard:
    """Passes requests to whatever is plugged in, so that clients are made once for all tests."""

    app: Any = None

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Serve one request."""
        served: Iterable[bytes] = self.app(environ, start_response)
        return served


SWITCHBOARD = Switchboard()


@cache
def client(service: str) -> Any:
    """Return the client of a service of what is plugged in."""
    return client_of(SWITCHBOARD, service, "testing", REGION)


class Stub:
    """A client whose listings have these pages, or fail so."""

    def __init__(self, **pages: list[dict[str, Any]] | Exception) -> None:
        self._pages = pages

    def get_paginator(self, operation_name: str, /) -> Stub:
        """Return what pages the listing."""
        return Stub(pages=self._pages[operation_name])

    def paginate(self, **_: object) -> list[dict[str, Any]]:
        """Return the pages."""
        pages = self._pages["pages"]
        if isinstance(pages, Exception):
            raise pages
        return pages


class Absent:
    """A client of a service whose name does not resolve."""

    def __init__(self) -> None:
        self.asked = 0

    def get_paginator(self, _: str, /) -> Absent:
        """Return what pages the listing."""
        return self

    def paginate(self, **_: object) -> list[dict[str, Any]]:
        """Fail as the SDK does."""
        self.asked += 1
        raise EndpointConnectionError(endpoint_url="https://route53profiles.eu-nowhere-1")


class NoZones:
    """A client of Route 53 that knows of no zone."""

    def list_hosted_zones_by_vpc(self, **_: str) -> dict[str, Any]:
        """Return an empty page."""
        return {"HostedZoneSummaries": []}

    def list_hosted_zones_by_name(self, **_: str) -> dict[str, Any]:
        """Return an empty page."""
        return {"HostedZones": []}


def stubbed(
    region: str = REGION, *, rules: Listing | None = None, profiles: Listing | None = None
) -> VpcResolution:
    """Return the port on stubs, with nothing there but what is given."""
    nothing = Stub(
        list_resolver_rule_associations=[{"ResolverRuleAssociations": []}],
        list_profile_associations=[{"ProfileAssociations": []}],
    )
    return VpcResolution(
        region, zones=NoZones, rules=lambda: rules or nothing, profiles=lambda: profiles or nothing
    )

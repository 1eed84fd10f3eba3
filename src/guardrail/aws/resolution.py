"""The resolution port on Route 53: private hosted zones, Resolver rules and Route 53 Profiles.

Every source is asked each time: the answer is remembered for a day, so it is not made from what
an earlier look found. Unknown is not "answered": from a zone or rule in another account's Profile
whose name cannot be learnt nothing follows, and the VPC gets an endpoint of its own, which its
resolver then prefers.
Source: Amazon Route 53 developer guide, "How Route 53 Profile settings are prioritized".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

import boto3
from botocore.exceptions import EndpointConnectionError

from guardrail.aws import clients
from guardrail.aws.dns_profiles import DnsProfiles, Resource
from guardrail.aws.failures import translated
from guardrail.aws.hosted_zones import HostedZones, in_words
from guardrail.aws.resolver_rules import ResolverRules
from guardrail.aws.unstubbed import Listing, Route53
from guardrail.core.resolution import Source, Way, answer

V = TypeVar("V")


class VpcResolution:
    """Who answers for names in the VPCs of one region; see `guardrail.ports.Resolution`.

    `zones`, `rules` and `profiles` make the clients of Route 53, Resolver and Profiles.
    """

    def __init__(
        self,
        region: str,
        *,
        zones: Callable[[], Route53] = clients.route53,
        rules: Callable[[], Listing] = clients.route53resolver,
        profiles: Callable[[], Listing] = clients.route53profiles,
    ) -> None:
        self._region = region
        self._zones = HostedZones(zones, region)
        self._rules = ResolverRules(rules)
        self._profiles = DnsProfiles(profiles)
        self._not_offered: set[str] = set()

    def answered_by(self, vpc_id: str, names: Collection[str]) -> str | None:
        """See `Resolution.answered_by`; a service that the region lacks answers nothing."""
        with translated(f"looking for what answers for {', '.join(sorted(names))} in {vpc_id}"):
            return answer(names, list(self._sources(vpc_id, names)))

    def _sources(self, vpc_id: str, names: Collection[str]) -> Iterator[Source]:
        yield from self._zones.of_vpc(vpc_id)
        rule_ids = self._where_offered("route53resolver", lambda: self._rules.of_vpc(vpc_id))
        resources = self._where_offered("route53profiles", lambda: self._profiles.of_vpc(vpc_id))
        needs_rules = rule_ids or any(r.kind == "resolver-rule" for r in resources)
        rules = self._rules.known() if needs_rules else {}
        yield from (rules[rule_id] for rule_id in rule_ids if rule_id in rules)
        zones = self._own_zones(resources, names)
        for resource in resources:
            for source in _sources_of(resource, rules, zones):
                yield replace(source, profile_id=resource.profile_id)

    def _own_zones(
        self, resources: list[Resource], names: Collection[str]
    ) -> Mapping[str, frozenset[str]]:
        """Return the account's zones by those of `names` that they have, if one is needed.

        Asked by name rather than by zone, since a Profile may hold thousands of zones.
        """
        needed = any(r.kind == "hostedzone" and not r.names for r in resources)
        return {name: self._zones.named(name) for name in names} if needed else {}

    def _where_offered(self, service: str, ask: Callable[[], list[V]]) -> list[V]:
        """Return what `ask` finds, nothing where the region lacks the service.

        Then its name leads nowhere, as in an outage: the SDK's list of regions tells them apart.
        """
        if service in self._not_offered:
            return []
        try:
            return ask()
        except EndpointConnectionError:
            session = boto3.Session()
            partition = session.get_partition_for_region(self._region)
            if self._region in session.get_available_regions(service, partition):
                raise
            self._not_offered.add(service)
            return []


def _sources_of(
    resource: Resource, rules: Mapping[str, Source], zones: Mapping[str, frozenset[str]]
) -> Iterator[Source]:
    match resource.kind:
        case "hostedzone":
            own = (name for name, ids in zones.items() if resource.resource_id in ids)
            what = in_words(resource.resource_id)
            yield from (Source(what, name, Way.ZONE) for name in resource.names or own)
        case "vpc-endpoint":
            what = f"endpoint {resource.resource_id}"
            yield from (Source(what, name, Way.ZONE) for name in resource.names)
        case "resolver-rule" if resource.resource_id in rules:
            yield rules[resource.resource_id]

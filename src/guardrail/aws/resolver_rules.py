"""Resolver rules: which a VPC is associated with, and what those of the account say.

All are listed, rather than each one read: a hundred come with one call, and a rule that another
account keeps to itself is absent then instead of a refusal.
Sources: Amazon Route 53 API reference, ListResolverRuleAssociations and ListResolverRules; AWS
provider of Terraform, data source aws_route53_resolver_rules (shared rules are listed, too).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from guardrail.aws.unstubbed import LIVE, PAGE, Listing
from guardrail.core.resolution import Source, Way

_AUTODEFINED = "rslvr-autodefined-"
"""Begins the ids of rules that Resolver makes: for the internet in every VPC, and for zones.

Observed in lists of associations: tests of inspec-aws, route53 resolver rule associations.
"""

_WAYS = {"FORWARD": Way.FORWARD, "SYSTEM": Way.SYSTEM}
"""Other types are Resolver's own (RECURSIVE) or follow the records of a zone (DELEGATE)."""

_WORDS = {Way.FORWARD: "forwarding rule", Way.SYSTEM: "system rule"}


class ResolverRules:
    """The rules of one region; `make` makes the client."""

    def __init__(self, make: Callable[[], Listing]) -> None:
        self._client = cache(make)

    def of_vpc(self, vpc_id: str) -> list[str]:
        """Return the ids of the rules that a VPC is associated with, but for Resolver's own."""
        of_vpc = [{"Name": "VPCId", "Values": [vpc_id]}]
        paginator = self._client().get_paginator("list_resolver_rule_associations")
        found = [
            association["ResolverRuleId"]
            for page in paginator.paginate(Filters=of_vpc, PaginationConfig=PAGE)
            for association in page["ResolverRuleAssociations"]
            if association["Status"] in LIVE
        ]
        return [rule_id for rule_id in found if not rule_id.startswith(_AUTODEFINED)]

    def known(self) -> Mapping[str, Source]:
        """Return the rules in force that the account has or shares, by id."""
        paginator = self._client().get_paginator("list_resolver_rules")
        return {
            rule["Id"]: Source(f"{_WORDS[way]} {rule['Id']}", rule["DomainName"], way)
            for page in paginator.paginate(PaginationConfig=PAGE)
            for rule in page["ResolverRules"]
            if (way := _WAYS.get(rule["RuleType"])) and rule["Status"] in LIVE
        }

"""Private hosted zones: those of a VPC, and those of the account by their name.

Sources: Amazon Route 53 API reference, ListHostedZonesByVPC and ListHostedZonesByName.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from guardrail.aws.unstubbed import PAGE, Route53
from guardrail.core.resolution import Source, Way, plain


class HostedZones:
    """The zones that the VPCs of one region see; `make` makes the client."""

    def __init__(self, make: Callable[[], Route53], region: str) -> None:
        self._client = cache(make)
        self._region = region

    def of_vpc(self, vpc_id: str) -> Iterator[Source]:
        """Yield the zones that a VPC is associated with, of whichever account.

        Zones that a service of AWS owns are left out: they are the private DNS of an endpoint in
        this very VPC (vpce.amazonaws.com), or of a file system. Zones of Profiles are not listed.
        """
        size = str(PAGE["PageSize"])
        request = {"VPCId": vpc_id, "VPCRegion": self._region, "MaxItems": size}
        while True:
            page = self._client().list_hosted_zones_by_vpc(**request)
            for zone in page["HostedZoneSummaries"]:
                if not zone.get("Owner", {}).get("OwningService"):
                    yield Source(in_words(_bare(zone["HostedZoneId"])), zone["Name"], Way.ZONE)
            if not page.get("NextToken"):
                return
            request["NextToken"] = page["NextToken"]

    def named(self, name: str) -> frozenset[str]:
        """Return the ids of the account's own zones of exactly this name."""
        found: set[str] = set()
        request = {"DNSName": plain(name)}
        while True:
            page = self._client().list_hosted_zones_by_name(**request)
            same = [z["Id"] for z in page["HostedZones"] if plain(z["Name"]) == plain(name)]
            found.update(map(_bare, same))
            # They come in the order of their names: another name ends the search.
            if not page.get("IsTruncated") or len(same) < len(page["HostedZones"]):
                return frozenset(found)
            request = {"DNSName": page["NextDNSName"], "HostedZoneId": page["NextHostedZoneId"]}


def in_words(zone_id: str) -> str:
    """Return how a report names a zone."""
    return f"private hosted zone {zone_id}"


def _bare(zone_id: str) -> str:
    return zone_id.rpartition("/")[2]

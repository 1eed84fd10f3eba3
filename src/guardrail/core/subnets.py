"""Which subnets an endpoint should stand in: one per zone that the service offers.

An endpoint is never moved without need: subnets in use stay, zones are only added.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from guardrail.core.model import Intent, ServiceOffer, Subnet


def candidates(
    subnets: Iterable[Subnet], offer: ServiceOffer, intent: Intent
) -> tuple[Subnet, ...]:
    """Return the subnets that may hold the endpoint.

    Its zone is offered, it carries the tag where one is asked for, and it has addresses to spare:
    one full subnet would make EC2 refuse the whole call, and the owner's own need them first.
    """
    return tuple(
        s
        for s in subnets
        if s.zone in offer.zones
        and s.free_addresses >= intent.min_free_addresses
        and _tagged(s, intent.subnet_tag)
    )


def missing_subnets(
    usable: Sequence[Subnet], in_use: frozenset[str], all_subnets: Iterable[Subnet], limit: int
) -> tuple[str, ...]:
    """Return the ids to add so that the endpoint stands in up to `limit` zones.

    `in_use` are the endpoint's present subnets, `all_subnets` tells their zones. Of several
    subnets in a zone the one with most free addresses is taken, then the lowest id.
    """
    taken = {s.zone for s in all_subnets if s.subnet_id in in_use}
    best: dict[str, Subnet] = {}
    for subnet in sorted(usable, key=lambda s: (-s.free_addresses, s.subnet_id)):
        best.setdefault(subnet.zone, subnet)
    room = max(0, limit - len(taken))
    open_zones = sorted(zone for zone in best if zone not in taken)
    return tuple(best[zone].subnet_id for zone in open_zones[:room])


def _tagged(subnet: Subnet, wanted: tuple[str, str | None] | None) -> bool:
    if wanted is None:
        return True
    key, value = wanted
    return key in subnet.tags and (value is None or subnet.tags[key] == value)

"""Which CIDR blocks must reach the endpoint, and which of them its group keeps out."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network


def blocked_clients(wanted: Iterable[str], allowed: Iterable[str]) -> tuple[str, ...]:
    """Return the blocks of `wanted` that no block of `allowed` contains, in order, once each."""
    doors = [ip_network(cidr, strict=False) for cidr in allowed]
    blocks = dict.fromkeys(str(ip_network(cidr, strict=False)) for cidr in wanted)
    return tuple(cidr for cidr in blocks if not _inside(ip_network(cidr), doors))


def _inside(block: IPv4Network | IPv6Network, doors: list[IPv4Network | IPv6Network]) -> bool:
    for door in doors:
        match block, door:
            case (IPv4Network(), IPv4Network()) if block.subnet_of(door):
                return True
            case (IPv6Network(), IPv6Network()) if block.subnet_of(door):
                return True
            case _:
                continue
    return False

"""What is used of the SDK's clients of Route 53, Resolver and Profiles, which have no stubs here.

Whoever needs one gets what makes it, and makes it at its first call: the three take a quarter of
the start-up time of EC2's, and most invocations need none (docs/adr/0007-central-endpoints.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

PAGE: Mapping[str, int] = {"PageSize": 100}

LIVE = frozenset({"COMPLETE", "CREATING", "UPDATING"})
"""States that count. What is being made does: its owner has decided."""

Page = Mapping[str, Any]


class Paginator(Protocol):
    """Pages one listing."""

    def paginate(self, **request: object) -> Iterable[Page]:
        """Return the pages."""


class Listing(Protocol):
    """The client of Resolver or of Profiles."""

    def get_paginator(self, operation_name: str, /) -> Paginator:
        """Return what pages a listing."""


class Route53(Protocol):
    """The client of Route 53, which has no paginator for either listing."""

    def list_hosted_zones_by_vpc(self, **request: str) -> Page:
        """Return a page of the zones that a VPC is associated with, whoever owns them."""

    def list_hosted_zones_by_name(self, **request: str) -> Page:
        """Return a page of the account's own zones, from one name on."""

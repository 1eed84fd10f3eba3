"""What is used of those of the SDK's clients that have no stubs here.

Whoever needs one gets what makes it, and makes it at its first call: those for names take a quarter
of the start-up time of EC2's, and most invocations need none (docs/adr/0007-central-endpoints.md).
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


class Sns(Protocol):
    """The client of Amazon SNS."""

    def publish(self, **request: str) -> Page:
        """Publish a message on a topic."""


class SecurityHub(Protocol):
    """The client of AWS Security Hub."""

    def batch_import_findings(self, **request: object) -> Page:
        """Import findings; those that are refused stand in the answer."""


class CloudTrail(Protocol):
    """The client of AWS CloudTrail."""

    def describe_trails(self, **request: object) -> Page:
        """Return the trails that log here, of whatever account and region."""

    def get_trail_status(self, **request: object) -> Page:
        """Return whether a trail is logging."""

    def get_event_selectors(self, **request: object) -> Page:
        """Return what a trail logs."""

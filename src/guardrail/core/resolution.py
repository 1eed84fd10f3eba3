"""Whether something in a VPC's resolver answers for a service's name in place of the public DNS.

A zone counts only when its name is the service's: a zone of a parent without a record for the
name answers NXDOMAIN, which nobody lives with, and whether it has one cannot be seen (a zone is
often of another account, whose records cannot be listed). A zone of the name also is what EC2
refuses private DNS for, whatever records it has.

A rule counts for its domain and everything below; the most specific one wins, and a SYSTEM rule
takes its domain back from a broader FORWARD rule. A rule for `.` or a top-level domain counts for
nothing: it sends the whole internet somewhere, so it says nothing about this service. AWS even
advises whoever has one to keep amazonaws.com out of it by a SYSTEM rule.

Of the same domain, what is associated with the VPC itself comes before what a Route 53 Profile
brings, and a rule before a zone. Trailing dots and case do not matter.
Sources: Amazon Route 53 developer guide, "Considerations when working with a private hosted
zone", "Domain names that Resolver creates autodefined system rules for" and "How Route 53 Profile
settings are prioritized"; API reference, ResolverRule (RuleType).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

_TOP_LEVEL = frozenset({"com.cn"})
"""Domains of two labels that hold everybody's names, as far as AWS has names below them."""


class Way(StrEnum):
    """How a source answers."""

    ZONE = "zone"
    FORWARD = "forward"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Source:
    """Something that a VPC's resolver asks first for `domain`; `what` names it in a report.

    `profile_id` is the Route 53 Profile that brings it; empty for the VPC's own.
    """

    what: str
    domain: str
    way: Way
    profile_id: str = ""

    def described(self) -> str:
        """Return the words for a report."""
        domain = plain(self.domain)
        if self.profile_id:
            return f"Route 53 Profile {self.profile_id} ({self.what}, {domain})"
        return f"{self.what} ({domain})"


def answer(names: Collection[str], sources: Collection[Source]) -> str | None:
    """Return in words what answers for one of `names`; None if only the public DNS does."""
    for name in sorted({plain(name) for name in names}):
        if found := _answering(name, sources):
            return found.described()
    return None


def plain(name: str) -> str:
    """Return a name of the DNS as it is compared: lower case, no dot at the end."""
    return name.strip().rstrip(".").lower()


def covers(domain: str, name: str) -> bool:
    """Whether `name` is `domain` or below it; the root covers every name."""
    above, below = plain(domain), plain(name)
    return not above or below == above or below.endswith(f".{above}")


def _answering(name: str, sources: Collection[Source]) -> Source | None:
    zones = [s for s in sources if s.way is Way.ZONE and plain(s.domain) == name]
    rules = [s for s in sources if s.way is not Way.ZONE and _is_meant_for(s.domain, name)]
    zone = max(zones, key=_rank, default=None)
    rule = max(rules, key=_rank, default=None)
    if rule is None or rule.way is Way.SYSTEM:
        return zone
    return rule if zone is None or _rank(rule) > _rank(zone) else zone


def _is_meant_for(domain: str, name: str) -> bool:
    above = plain(domain)
    return "." in above and above not in _TOP_LEVEL and covers(above, name)


def _rank(source: Source) -> tuple[int, bool, bool]:
    specific = plain(source.domain).count(".")
    return specific, not source.profile_id, source.way is not Way.ZONE

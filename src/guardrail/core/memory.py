"""What the guardrail remembers of one VPC, and how long it gets out of its owner's way.

A yield covers a whole VPC: for half an hour nothing is put back there. A cession gives the
service's name to the owner's own endpoint for as long. Each is had once in 24 hours, so that
neither can be used to keep the guardrail away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from guardrail.core.names import Service

YIELD = timedelta(minutes=30)
"""How long nothing is put back: Terraform retries for 20 minutes, CloudFormation for 15."""

ONCE_IN = timedelta(hours=24)
"""How long one yield counts; a further attempt within that time is reported, not followed."""

REMEMBERED = timedelta(hours=24)
"""How long it is taken for true that a VPC is served centrally, or is not."""

VISIBLE_WITHIN = timedelta(minutes=5)
"""How long a new endpoint may be missing from Describe before it counts as deleted.

Source: Amazon EC2 developer guide, "Eventual consistency": back off up to five minutes.
"""


class Cause(StrEnum):
    """What made the guardrail yield."""

    DELETED = "endpoint-deleted"
    """Somebody deleted a managed endpoint: it may be the first step of a teardown."""

    TEARDOWN = "teardown"
    """Somebody tried to delete the VPC or a subnet, and only what is ours held it."""


@dataclass(frozen=True, slots=True)
class Yield:
    """Nothing is put back in a VPC for a while; `actor` and `event_id` say because of whom."""

    cause: Cause
    begun: datetime
    actor: str | None = None
    event_id: str | None = None

    @property
    def until(self) -> datetime:
        """When the guardrail may put things back."""
        return self.begun + YIELD


@dataclass(frozen=True, slots=True)
class Cession:
    """A managed endpoint leaves the service's name to an endpoint that the owner wants to make."""

    begun: datetime
    actor: str | None = None
    event_id: str | None = None

    @property
    def until(self) -> datetime:
        """When private DNS is switched on again if no endpoint of the owner's appeared."""
        return self.begun + YIELD


@dataclass(frozen=True, slots=True)
class Central:
    """What answers for a service's name in a VPC but an endpoint of ours, and when that was asked.

    `by` is None where nobody does.
    """

    by: str | None
    asked: datetime


@dataclass(frozen=True, slots=True)
class Creation:
    """The endpoints made for one VPC and service.

    `endpoint_ids` were made and are not known to be deleted (two after a lost race); `leaving`
    are those among them that the guardrail deletes itself. `departed` were gone when they were
    last looked for; a stale read may have said so of one that stands. `generation` counts the
    endpoints deleted so far. `unanswered` says that a creation was begun whose answer was never
    noted.
    """

    generation: int
    begun: datetime
    endpoint_ids: frozenset[str] = frozenset()
    leaving: frozenset[str] = frozenset()
    departed: frozenset[str] = frozenset()
    unanswered: bool = False

    @property
    def made(self) -> bool:
        """Whether an endpoint was made, whatever became of it."""
        return bool(self.endpoint_ids or self.departed)

    def is_young(self, now: datetime) -> bool:
        """Whether an endpoint just made may still be missing from what EC2 describes."""
        return now - self.begun < VISIBLE_WITHIN


@dataclass(frozen=True, slots=True)
class Window:
    """Until when no second message of a kind is sent, and how many were held back so far."""

    until: datetime
    held_back: int = 0


@dataclass(frozen=True, slots=True)
class VpcMemory:
    """All that is remembered of one VPC; nothing for one that was never seen.

    `groups` are the ids of the security groups that were made for its endpoints, for good: a group
    that is gone never comes back, and another has another id.
    `put_off` is since when a sweep has left the VPC's writes to the next one. `contested` and
    `breakers` hold until when an endpoint counts as contested, and its breaker as open. `windows`
    are those of messages, `findings` are since when endpoints have one that is not resolved.
    """

    creations: Mapping[Service, Creation] = field(default_factory=dict)
    yielded: Yield | None = None
    ceded: Mapping[Service, Cession] = field(default_factory=dict)
    central: Mapping[Service, Central] = field(default_factory=dict)
    put_off: datetime | None = None
    contested: Mapping[str, datetime] = field(default_factory=dict)
    breakers: Mapping[str, datetime] = field(default_factory=dict)
    windows: Mapping[str, Window] = field(default_factory=dict)
    findings: Mapping[str, datetime] = field(default_factory=dict)
    groups: frozenset[str] = frozenset()

    def contests(self, endpoint_id: str, now: datetime) -> bool:
        """Whether the endpoint is known to be contested now."""
        return _lasts(self.contested.get(endpoint_id), now)

    def breaks(self, endpoint_id: str | None, now: datetime) -> bool:
        """Whether the endpoint's breaker is known to be open now."""
        return _lasts(self.breakers.get(endpoint_id or ""), now)

    def ended_fights(self, now: datetime) -> frozenset[str]:
        """Return the endpoints whose fights are over, so that they can be forgotten."""
        known = self.contested.keys() | self.breakers.keys()
        return frozenset(i for i in known if not self.contests(i, now) and not self.breaks(i, now))

    def yielding(self, now: datetime) -> Yield | None:
        """Return the yield that lasts now."""
        return self.yielded if self.yielded and now < self.yielded.until else None

    def may_yield(self, now: datetime) -> bool:
        """Whether a new yield may begin: the last one, if any, is 24 hours old."""
        return self.yielded is None or now >= self.yielded.begun + ONCE_IN

    def ceding(self, service: Service, now: datetime) -> Cession | None:
        """Return the cession of the service's name that lasts now."""
        ceded = self.ceded.get(service)
        return ceded if ceded and now < ceded.until else None

    def may_cede(self, service: Service, now: datetime) -> bool:
        """Whether the service's name may be given up (again)."""
        ceded = self.ceded.get(service)
        return ceded is None or now >= ceded.begun + ONCE_IN

    def is_asked(self, service: Service, now: datetime) -> bool:
        """Whether it is known who answers for the service's name, or that nobody does.

        An attempt to make an endpoint uses the answer up, whatever came of it: whoever refused it,
        or deletes what was made, may have got another.
        """
        central, made = self.central.get(service), self.creations.get(service)
        used = central and made and made.begun >= central.asked
        return central is not None and not used and now < central.asked + REMEMBERED

    def served_by(self, service: Service, now: datetime) -> str | None:
        """Return what serves the VPC centrally, as far as that is still taken for true."""
        central = self.central.get(service)
        return central.by if central and now < central.asked + REMEMBERED else None


def _lasts(until: datetime | None, now: datetime) -> bool:
    return until is not None and now < until

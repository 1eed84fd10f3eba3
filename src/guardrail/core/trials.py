"""When a stack tries whether it may write, and what it keeps of the answers.

Dry runs draw on PrivateLink's throttle, which a whole organisation shares (AWS PrivateLink guide,
"AWS PrivateLink quotas"). So a stack makes them once a day, in an hour of its own; what was missing
is tried again by every sweep until it is there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256

DAY = timedelta(hours=24)
_HALF_DAY = timedelta(hours=12)
_APART = timedelta(hours=2)
"""Sweeps further apart may never come in the hour of their own; nearer ones come in it twice."""


class Write(StrEnum):
    """The writes that are tried: those without which nothing is put back or made."""

    MODIFY = "modify"
    CREATE = "create"


@dataclass(frozen=True, slots=True)
class Trial:
    """The last dry runs, made at `at`: of each write why it is denied, or "" if it is allowed.

    A write that is not in `answers` was not tried, or not answered, and nothing is known of it.
    `failure` says why a later look at the permissions came to nothing.
    """

    at: datetime
    answers: Mapping[Write, str]
    failure: str = ""

    @property
    def missing(self) -> list[str]:
        """One sentence for each thing that is not allowed or not known."""
        return [said for said in (*self.answers.values(), self.failure) if said]


def own_hour(account: str, region: str) -> int:
    """Return the hour of the day, in UTC, in which this account tries its writes in the region.

    Always the same, and spread evenly over the accounts of an organisation.
    """
    digest = sha256(f"{account} {region}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 24


def is_due(
    last: Trial | None,
    possible: Collection[Write],
    *,
    now: datetime,
    hour: int,
    swept: datetime | None,
) -> bool:
    """Return whether a sweep at `now` tries what is `possible`.

    It does where the last trial found something missing or left something out, when a day has
    passed, and in the `hour` of its own; where sweeps are rare, after half a day. `swept` is when
    the last one ended.
    """
    if last is None or last.missing or not last.answers.keys() >= set(possible):
        return True
    age = now - last.at
    rare = swept is None or now - swept > _APART
    return (
        age >= DAY
        or (rare and age >= _HALF_DAY)
        or (now.astimezone(UTC).hour == hour and age >= _APART)
    )

"""How many VPCs a plan reckons with: counted where an account lets itself be looked into.

One account that refuses, or one region that is off in it, says nothing of the thousand others:
there one VPC is taken, as it is everywhere when nobody counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from guardrail_cli.deployed import reaching
from guardrail_cli.documents import UsageError
from guardrail_cli.org.accounts import Accounts, by_account
from guardrail_cli.org.model import Definition, Instance, Place

Counting = Callable[[Collection[Place]], "Count"]
"""Counts the VPCs of places."""


@dataclass(frozen=True, slots=True)
class Count:
    """The VPCs of `counted` places, and one for each that is `assumed`, `refusal` says why."""

    vpcs: int
    counted: int = 0
    assumed: int = 0
    refusal: str = ""

    def told(self) -> str:
        """Return how it was found, for a person."""
        if not self.counted:
            return "assumed: one for each account and region; DefaultVpcs decides too"
        if not self.assumed:
            return "counted"
        return f"counted in {self.counted} places; one assumed for each of the other {self.assumed}"


def one_each(places: Collection[Place]) -> Count:
    """Take one VPC for each place."""
    return Count(len(places), assumed=len(places))


def counted(
    places: Collection[Place],
    accounts: Accounts,
    *,
    defaults: bool,
    seen: Callable[[int, int], None],
) -> Count:
    """Count the VPCs that may get an endpoint; `defaults` says whether default ones do.

    After each place `seen` is told how many are done, of how many.
    """
    found = known = 0
    refusal = ""

    def look(instance: Instance, there: Accounts) -> tuple[int, str]:
        return _vpcs(instance.place, there, defaults=defaults)

    asked = (Instance(*place, "") for place in places)
    answers = by_account(asked, accounts, look, lambda _, why: (1, why))
    for done, (vpcs, why) in enumerate(answers, start=1):
        found, known, refusal = found + vpcs, known + (not why), refusal or why
        seen(done, len(places))
    return Count(found, known, len(places) - known, refusal)


def with_defaults(wanted: Definition) -> bool:
    """Return whether default VPCs get endpoints, too."""
    return wanted.effective.get("DefaultVpcs") == "include"


def own_vpcs(account: str, client: Any, *, defaults: bool) -> int:  # noqa: ANN401 - of the SDK
    """Return how many VPCs the account has in the client's region; default ones if `defaults`."""
    wanted = [] if defaults else [{"Name": "is-default", "Values": ["false"]}]
    pages = client.get_paginator("describe_vpcs").paginate(Filters=wanted)
    # Shared ones are seen by every participant, and served in their owner's account.
    return sum(vpc["OwnerId"] == account for page in pages for vpc in page["Vpcs"])


def _vpcs(place: Place, accounts: Accounts, *, defaults: bool) -> tuple[int, str]:
    """Return how many there are; one, and why, where that cannot be seen."""
    account, region = place
    client = accounts.client("ec2", region)
    try:
        with reaching(f"counting the VPCs of {account} in {region}"):
            return own_vpcs(account, client, defaults=defaults), ""
    except UsageError as error:
        return 1, str(error)

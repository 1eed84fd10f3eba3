"""The organisation's side: its accounts in units of twenty, and the buckets for the code.

Not run by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulation import rates
from simulation.clock import Clock
from simulation.events import Call
from simulation.pages import Entry, Pages, api_of
from simulation.stack_set import UNIT

_OF_A_UNIT = 20
"""Accounts in each unit below the one that is deployed to, which has none itself: assumed."""


@dataclass(frozen=True, slots=True)
class Organizations:
    """The methods of the SDK's client that finding accounts needs."""

    clock: Clock
    accounts: int

    def describe_organization(self) -> Entry:
        """Return whose organisation it is."""
        self.clock.call(_call("DescribeOrganization"))
        return {"Organization": {"MasterAccountId": "999999999999", "Id": "o-abc1234567"}}

    def get_paginator(self, name: str) -> Pages:
        """Return what lists the accounts of a unit, or the units below it."""
        key, entries = {
            "list_accounts_for_parent": ("Accounts", self._members),
            "list_organizational_units_for_parent": ("OrganizationalUnits", self._below),
        }[name]
        return Pages(self.clock, _call(api_of(name)), key, rates.PAGE_OF_ACCOUNTS, entries)

    def _members(self, named: Mapping[str, Any]) -> Iterator[Entry]:
        unit = named["ParentId"]
        if unit != UNIT:
            begin = int(unit) * _OF_A_UNIT
            for number in range(begin, min(self.accounts, begin + _OF_A_UNIT)):
                yield {"Id": account_id(number), "Status": "ACTIVE"}

    def _below(self, named: Mapping[str, Any]) -> Iterator[Entry]:
        units = range(-(-self.accounts // _OF_A_UNIT)) if named["ParentId"] == UNIT else ()
        return ({"Id": str(number)} for number in units)


@dataclass
class Buckets:
    """See `guardrail_cli.org.model.Artifacts`: what is held is read, what is missing is written."""

    clock: Clock
    held: set[tuple[str, str]] = field(default_factory=set)

    def publish(self, region: str, key: str, content: bytes) -> bool:
        """Take the time of the calls that AwsArtifacts makes."""
        del content
        new = (region, key) not in self.held
        self.held.add((region, key))
        if new:
            self.clock.call(Call("GetObject", region, rates.S3, rates.CALL))
            self.clock.call(Call("PutObject", "line", rates.LINE, rates.CALL))
        else:
            self.clock.call(Call("GetObject", "line", rates.LINE, rates.CALL))
        return new


def account_id(number: int) -> str:
    """Return the id of an account by its number."""
    return f"{number:012}"


def region_name(number: int) -> str:
    """Return the name of a region by its number."""
    return f"ap-southeast-{number:02}"


def _call(api: str) -> Call:
    return Call(api, "organisation", rates.ORGANIZATIONS, rates.CALL)

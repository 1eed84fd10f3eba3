"""The accounts of the organisation, from AWS Organizations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.exceptions import ClientError

from guardrail_cli.deployed import reaching
from guardrail_cli.documents import UsageError


class UnitNotFoundError(UsageError):
    """A unit is none of the organisation's: it was deleted, or never was one."""


class AwsOrganisation:
    """Calls of the management account or of a delegated administrator."""

    def __init__(self, region: str) -> None:
        # The region says which partition's Organizations is meant.
        self._client: Any = boto3.client("organizations", region_name=region)

    def partition(self) -> str:
        """Return the partition that the organisation is in."""
        with reaching("looking at the organisation"):
            arn = self._client.describe_organization()["Organization"]["Arn"]
        return str(arn).split(":")[1]

    def organization_id(self) -> str:
        """Return the id of the organisation."""
        with reaching("looking at the organisation"):
            return str(self._client.describe_organization()["Organization"]["Id"])

    def management(self) -> str:
        """Return the management account, which no stack set of the organisation reaches."""
        with reaching("looking at the organisation"):
            return str(self._client.describe_organization()["Organization"]["MasterAccountId"])

    def accounts(self, units: tuple[str, ...]) -> list[str]:
        """See `Organisation.accounts`."""
        management = self.management()
        found = {account for unit in units for account in self._in_and_below(unit)}
        return sorted(found - {management})

    def active(self) -> frozenset[str]:
        """See `Organisation.active`."""
        with reaching("looking for the accounts of the organisation"):
            pages = self._client.get_paginator("list_accounts").paginate()
            accounts = [one for page in pages for one in page["Accounts"]]
        return frozenset(one["Id"] for one in accounts if _state(one) == "ACTIVE")

    def _in_and_below(self, unit: str) -> set[str]:
        found: set[str] = set()
        pending = [unit]
        with reaching("looking for the accounts of the organisation"), _there(unit):
            while pending:
                one = pending.pop()
                found.update(self._active(one))
                pending.extend(self._below(one))
        return found

    def _active(self, unit: str) -> set[str]:
        pages = self._client.get_paginator("list_accounts_for_parent").paginate(ParentId=unit)
        accounts = (one for page in pages for one in page["Accounts"])
        return {one["Id"] for one in accounts if _state(one) == "ACTIVE"}

    def _below(self, unit: str) -> list[str]:
        pages = self._client.get_paginator("list_organizational_units_for_parent").paginate(
            ParentId=unit
        )
        return [one["Id"] for page in pages for one in page["OrganizationalUnits"]]


@contextmanager
def _there(unit: str) -> Iterator[None]:
    """Raise UnitNotFoundError, with what to do, when AWS says that there is no such unit."""
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ParentNotFoundException":
            raise
        raise UnitNotFoundError(
            f"looking for the accounts of the organisation: there is no unit {unit} in it. If the"
            " unit was deleted, take it out of the stack set: sfn-guardrail org remove"
            f" --organization-units {unit}, with the same --home, --stack-set and --delegated;"
            " else see how it is written (aws organizations list-organizational-units-for-parent)"
        ) from error


def _state(account: Mapping[str, Any]) -> str:
    """Return ACTIVE or what else an account is; AWS replaces `Status` by `State`.

    Source: AWS Organizations API reference, "Account".
    """
    return str(account.get("State") or account.get("Status"))

"""The organisation as Organizations has it: which accounts are where, and what binds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from guardrail.core.policy.evaluate import Decision, Request, evaluate
from guardrail.core.policy.verdict import Witness
from guardrail_sandbox.authorization.roles import without_principal
from guardrail_sandbox.in_process import client_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed.wsgi import WSGIApplication

    from guardrail_sandbox.authorization.need import Need

_KEY = "ASIASANDBOXORGANISATION"
_SCP = "SERVICE_CONTROL_POLICY"


class Tree:
    """Reads moto's Organizations; `app` is moto."""

    def __init__(self, app: WSGIApplication) -> None:
        self._client = client_of(app, "organizations", _KEY, "us-east-1")

    @property
    def organization(self) -> dict[str, Any]:
        """What DescribeOrganization tells."""
        found: dict[str, Any] = self._client.describe_organization()["Organization"]
        return found

    def everybody(self) -> set[str]:
        """Return the ids of all accounts."""
        pages = self._client.get_paginator("list_accounts").paginate()
        return {one["Id"] for page in pages for one in page["Accounts"]}

    def accounts(self, unit: str) -> dict[str, str]:
        """Return the accounts in and below a unit, with their states; never the management one."""
        found: dict[str, str] = {}
        for parent in self._below(unit):
            pages = self._client.get_paginator("list_accounts_for_parent").paginate(ParentId=parent)
            found |= {one["Id"]: one["Status"] for page in pages for one in page["Accounts"]}
        found.pop(self.organization["MasterAccountId"], None)
        return found

    def state(self, account: str) -> str:
        """Return ACTIVE, SUSPENDED or PENDING_CLOSURE."""
        return str(self._client.describe_account(AccountId=account)["Account"]["Status"])

    def unit_of(self, account: str, units: set[str]) -> str:
        """Return which of the units an account is in or below; empty for none."""
        return next((one for one in self._parents(account) if one in units), "")

    def denies(self, account: str, principal: str, need: Need) -> bool:
        """Tell whether a service control policy of an account or its parents denies something.

        That none allows is not looked at. AWS: Organizations user guide, "SCP evaluation".
        """
        context = {"aws:PrincipalArn": principal, "aws:PrincipalAccount": account, **need.context}
        request = Request(Witness(principal, need.action, need.resource, context))
        for target in (account, *self._parents(account)):
            policies = map(without_principal, self._policies(target))
            if any(evaluate(one, request).decision is Decision.DENIED for one in policies):
                return True
        return False

    def _policies(self, target: str) -> Iterator[str]:
        found = self._client.list_policies_for_target(TargetId=target, Filter=_SCP)["Policies"]
        for one in found:
            yield self._client.describe_policy(PolicyId=one["Id"])["Policy"]["Content"]

    def _parents(self, child: str) -> Iterator[str]:
        while not child.startswith("r-"):
            (parent,) = self._client.list_parents(ChildId=child)["Parents"]
            child = parent["Id"]
            yield child

    def _below(self, unit: str) -> Iterator[str]:
        yield unit
        pages = self._client.get_paginator("list_organizational_units_for_parent").paginate(
            ParentId=unit
        )
        for page in pages:
            for one in page["OrganizationalUnits"]:
                yield from self._below(one["Id"])

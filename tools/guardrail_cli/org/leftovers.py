"""What removing the stacks leaves behind: the endpoints and groups that they made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from guardrail.core.names import MANAGED_TAG
from guardrail_cli.deployed import reaching
from guardrail_cli.documents import UsageError
from guardrail_cli.org.accounts import Accounts, by_account
from guardrail_cli.org.model import Instance


@dataclass(frozen=True, slots=True)
class Left:
    """What one stack made and left: ids, or why that is not known."""

    account: str
    region: str
    endpoint_ids: tuple[str, ...] = ()
    group_ids: tuple[str, ...] = ()
    problem: str = ""

    def line(self) -> str:
        """Return it for a person."""
        ids = ", ".join((*self.endpoint_ids, *self.group_ids)) or "nothing"
        return f"{self.account} {self.region}: {self.problem or ids}"


def left_by(instances: Iterable[Instance], accounts: Accounts) -> Iterator[Left]:
    """Yield what each stack made; to be asked before the stacks are deleted."""
    yield from by_account(instances, accounts, _all_of, _unknown)


def _all_of(instance: Instance, accounts: Accounts) -> Left:
    try:
        return _found(instance, accounts)
    except UsageError as error:
        return _unknown(instance, str(error))


def _unknown(instance: Instance, why: str) -> Left:
    return Left(instance.account, instance.region, problem=why)


def _found(instance: Instance, accounts: Accounts) -> Left:
    client = accounts.client("ec2", instance.region)
    ours = [{"Name": f"tag:{MANAGED_TAG}", "Values": [instance.stack_id]}]
    with reaching(f"looking at what {instance.account} has in {instance.region}"):
        endpoints = _all(client, "describe_vpc_endpoints", "VpcEndpoints", ours)
        groups = _all(client, "describe_security_groups", "SecurityGroups", ours)
    return Left(
        instance.account,
        instance.region,
        tuple(one["VpcEndpointId"] for one in endpoints),
        tuple(one["GroupId"] for one in groups),
    )


def _all(client: Any, call: str, member: str, filters: Any) -> list[Any]:  # noqa: ANN401 - of the SDK
    pages = client.get_paginator(call).paginate(Filters=filters)
    return [one for page in pages for one in page[member]]

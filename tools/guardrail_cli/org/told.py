"""What an account says of one stack of the guardrail; read there, and judged elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

import boto3
from botocore.exceptions import ClientError

from guardrail.aws.last_sweep import KEY
from guardrail_cli.deployed import reaching
from guardrail_cli.documents import UsageError

_GONE = "DELETE_COMPLETE"


class Clients(Protocol):
    """Gives clients of an account."""

    def client(self, service: str, region: str) -> Any:  # noqa: ANN401 - of any service
        """Return the client of a service in a region."""


class Own:
    """Clients of the caller's own account, with the usual credentials."""

    def client(self, service: str, region: str) -> Any:  # noqa: ANN401 - of any service
        """Return the client of a service in a region."""
        make: Any = boto3.client
        return make(service, region_name=region)


@dataclass(frozen=True, slots=True)
class Told:
    """A stack as its account describes it, as far as it could be read; `why` not all of it.

    `status` is CloudFormation's, `changed` when the stack was made or updated last, and `sweep`
    what the last sweep came to, empty if there was none.
    """

    status: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    changed: datetime | None = None
    sweep: Mapping[str, str] = field(default_factory=dict)
    why: str = ""

    @property
    def gone(self) -> bool:
        """Whether there is no such stack, or none any more."""
        return self.status == _GONE


def told(stack: str, region: str, clients: Clients) -> Told:
    """Return what can be read of the stack of an id or name; refusals are in it, too."""
    try:
        found = _described(stack, region, clients)
    except UsageError as error:
        return Told(why=str(error))
    if found.gone:
        return found
    if not (table := found.outputs.get("Table")):
        return replace(found, why="the stack has no output Table; is it the guardrail's?")
    try:
        return replace(found, sweep=_swept(table, region, clients))
    except UsageError as error:
        return replace(found, why=str(error))


def _described(stack: str, region: str, clients: Clients) -> Told:
    """Return what CloudFormation says; a deleted stack it describes for 90 days, by its id.

    Source: AWS CloudFormation API reference, "ListStacks".
    """
    client = clients.client("cloudformation", region)
    with reaching("looking at the stack"):
        try:
            (found,) = client.describe_stacks(StackName=stack)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return Told(_GONE)
            raise
    return Told(
        found["StackStatus"],
        {o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", ())},
        {p["ParameterKey"]: p["ParameterValue"] for p in found.get("Parameters", ())},
        found.get("LastUpdatedTime") or found.get("CreationTime"),
    )


def _swept(table: str, region: str, clients: Clients) -> dict[str, str]:
    client = clients.client("dynamodb", region)
    with reaching("looking for the last sweep"):
        item = client.get_item(TableName=table, Key=KEY).get("Item", {})
    return {name: value["S"] for name, value in item.items()}

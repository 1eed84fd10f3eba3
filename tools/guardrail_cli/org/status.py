"""`sfn-guardrail org status`: what runs where, and what is wrong there; read from the stacks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import boto3

from guardrail.aws.last_sweep import KEY
from guardrail_cli.deployed import STACK, reaching
from guardrail_cli.documents import UsageError
from guardrail_cli.org.accounts import Accounts, by_account
from guardrail_cli.org.causes import advice
from guardrail_cli.org.counting import own_vpcs, with_defaults
from guardrail_cli.org.model import Definition, Instance, Place

ROLE = "sfn-endpoint-guardrail-status"
_WRONG = ("reported", "failed", "deferred", "waiting")
"""The outcomes of a sweep that leave something open; see docs/reference/reasons.md."""


_BEHIND = "an update has not reached it yet: `org upgrade`, or `org deploy`, goes on"
_STUCK = f"INOPERABLE: {advice('INOPERABLE')}"
_UNDER_WAY = "an operation is under way there: look again when it has ended"
_DELETED = (
    "the stack was deleted in its account, behind the set's back: take its unit or region out with"
    " `org remove` (--let-go if that fails), and `org deploy` makes it anew"
)

PLAIN, UNCOVERED = "PLAIN", "UNCOVERED"
"""States of the management account, where a stack is deployed by hand or is not."""


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
class Row:
    """One account and region. `open` are VPCs in which the last sweep left something.

    `problem` says what is wrong with the stack or with reading it, and what to do; `note` what is
    good to know; `sweep` is when the last one ended.
    """

    account: str
    region: str
    state: str
    version: str = ""
    mode: str = ""
    drift: str = ""
    sweep: str = ""
    open: int | None = None
    missing: int | None = None
    problem: str = ""
    note: str = ""

    @property
    def fine(self) -> bool:
        """Whether nobody has to look at it."""
        if self.state == UNCOVERED:
            return not self.problem
        wrong = self.problem or self.missing or self.open or self.drift == "DRIFTED"
        stands = self.state in {"CURRENT", PLAIN}
        return stands and not wrong and not self.stale(datetime.now(UTC))

    def stale(self, now: datetime) -> bool:
        """Whether it has not swept for more than a day, or never."""
        return not self.sweep or now - datetime.fromisoformat(self.sweep) > timedelta(days=1)

    def line(self) -> str:
        """Return it for a person."""
        found = "?" if self.open is None else str(self.open)
        swept = self.sweep[:16].replace("T", " ") or "never"
        head = (
            f"{self.account} {self.region:<14} {self.state:<10} {self.version or '?':<12}"
            f" {self.mode or '?':<11} {swept:<16} open {found:>3}"
        )
        more = [f"drift {self.drift}"] if self.drift == "DRIFTED" else []
        if self.version and self.stale(datetime.now(UTC)):
            more.append("no sweep for over a day: see its schedule and the function Sweep")
        if self.missing:
            more.append(f"{self.missing} things it depends on are missing: see its log")
        more += [said for said in (self.problem, self.note) if said]
        return "\n".join([head, *(f"    {one}" for one in more)])


def rows(instances: Iterable[Instance], accounts: Accounts, wanted: Definition) -> Iterator[Row]:
    """Yield a row for each stack as soon as its account is read; failures are rows, too.

    What is not as `wanted` has it, the set's own definition, is a problem.
    """
    version = _version(wanted)

    def look(instance: Instance, there: Accounts) -> Row:
        row = _row(instance, there)
        if row.problem or not row.version:
            return row
        if row.state != "CURRENT":
            stuck = _STUCK if row.state == "INOPERABLE" else _BEHIND
            return replace(row, problem=_under_way(instance) or stuck)
        return replace(row, problem=_difference(row, version, wanted))

    yield from by_account(instances, accounts, look, _unread)


def absent(places: Iterable[Place], instances: Iterable[Instance]) -> list[Row]:
    """Return a row for each place of the organisation that has no stack."""
    have = {one.place for one in instances}
    problem = "there is no stack; `org deploy` makes it"
    return [Row(*place, "ABSENT", problem=problem) for place in places if place not in have]


def of_management(account: str, wanted: Definition, own: Clients) -> Iterator[Row]:
    """Yield a row for each region of the set: of the plain stack, or that there is none.

    A service-managed set never reaches the management account. Source: AWS CloudFormation user
    guide, "StackSets concepts". Without a VPC of its own there is nothing to cover.
    """
    version = _version(wanted)
    for region in wanted.regions:
        row = _row(Instance(account, region, PLAIN, stack_id=STACK), own)
        if "does not exist" in row.problem:
            yield _uncovered(account, region, wanted, own)
        elif row.version and (other := _difference(row, version, wanted)):
            problem = f"{other}: update the plain stack as deploy/README.md deploys it"
            yield replace(row, problem=problem)
        else:
            yield row


def _uncovered(account: str, region: str, wanted: Definition, own: Clients) -> Row:
    row, defaults = Row(account, region, UNCOVERED), with_defaults(wanted)
    try:
        with reaching(f"counting the VPCs of {account} in {region}"):
            found = own_vpcs(account, own.client("ec2", region), defaults=defaults)
    except UsageError as error:
        return replace(row, problem=str(error))
    nobody = "in the management account, which a stack set never reaches"
    if not found:
        others = "" if defaults else " but default ones"
        return replace(row, note=f"there is no VPC{others} {nobody}")
    problem = f"{found} VPCs are not covered {nobody}: deploy/README.md has the plain stack"
    return replace(row, problem=problem)


def _version(wanted: Definition) -> str:
    try:
        return str(json.loads(wanted.template)["Outputs"]["Version"]["Value"])
    except (ValueError, KeyError):
        return ""


def _difference(row: Row, version: str, wanted: Definition) -> str:
    if version and row.version != version:
        return f"it runs {row.version}, the stack set has {version}"
    mode = wanted.effective.get("Mode", "")
    return f"its mode is {row.mode}, the stack set's {mode}" if mode and row.mode != mode else ""


def _row(instance: Instance, accounts: Clients) -> Row:
    if not instance.stack_id:
        return _unread(instance, "")
    try:
        stack = _stack(instance, accounts)
        swept = _swept(instance, stack["Outputs"]["Table"], accounts)
    except UsageError as error:
        return _unread(instance, str(error))
    except KeyError:
        return _unread(instance, "the stack has no output Table; is it the guardrail's?")
    totals: Mapping[str, Any] = json.loads(swept.get("totals", "{}"))
    outcomes = totals.get("outcomes", {})
    return Row(
        *(instance.account, instance.region, instance.state),
        version=stack["Outputs"].get("Version", ""),
        mode=stack["Parameters"].get("Mode", ""),
        drift=instance.drift,
        sweep=swept.get("at", ""),
        open=sum(outcomes.get(name, 0) for name in _WRONG) if swept else None,
        missing=len(totals.get("missing", ())) if swept else None,
        problem=_failure(instance),
    )


def _stack(instance: Instance, accounts: Clients) -> dict[str, dict[str, str]]:
    client = accounts.client("cloudformation", instance.region)
    with reaching("looking at the stack"):
        (stack,) = client.describe_stacks(StackName=instance.stack_id)["Stacks"]
    if stack["StackStatus"] == "DELETE_COMPLETE":
        raise UsageError(_DELETED)
    return {
        "Outputs": {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", ())},
        "Parameters": {p["ParameterKey"]: p["ParameterValue"] for p in stack.get("Parameters", ())},
    }


def _swept(instance: Instance, table: str, accounts: Clients) -> dict[str, str]:
    client = accounts.client("dynamodb", instance.region)
    with reaching("looking for the last sweep"):
        item = client.get_item(TableName=table, Key=KEY).get("Item", {})
    return {name: value["S"] for name, value in item.items()}


def _failure(instance: Instance) -> str:
    """Return why the stack is not as the set wants it; one that an update has not reached waits."""
    if instance.settled or not instance.reason:
        return ""
    return f"{instance.reason} ({advice(instance.reason)})"


def _under_way(instance: Instance) -> str:
    """Return that it is being worked on; while the stack is made there is no role to read with."""
    busy = instance.state != "CURRENT" and instance.detail in {"PENDING", "RUNNING"}
    return _UNDER_WAY if busy else ""


def _unread(instance: Instance, why: str) -> Row:
    if ROLE in why:
        why = f"{why} (the parameter StatusReader says who may assume it)"
    problem = _failure(instance) or _under_way(instance) or why or "there is no stack"
    return Row(instance.account, instance.region, instance.state, problem=problem)


def as_json(row: Row) -> str:
    """Return it for a pipeline: one line."""
    return json.dumps(asdict(row))

"""`sfn-guardrail history` and `restore`: what was put back, and the way back from that."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import typer

from guardrail.aws.evidence import REVERT
from guardrail.core.policy import decide
from guardrail_cli.check import exit_code
from guardrail_cli.deployed import Deployed, reaching
from guardrail_cli.documents import UsageError

Record = Mapping[str, Any]
_PREFIX = "endpoint#"


def records(stack: Deployed, endpoint_id: str | None = None) -> list[Record]:
    """Return the records of one endpoint or of all, oldest first, each as a mapping of texts."""
    with reaching(f"reading the history in {stack.table}"):
        found = [_plain(item) for item in _items(stack, endpoint_id)]
    return sorted(found, key=lambda record: (record["record"], record["endpoint_id"]))


def _items(stack: Deployed, endpoint_id: str | None) -> Iterator[Mapping[str, Any]]:
    values: dict[str, Any] = {":revert": {"S": REVERT}}
    if endpoint_id:
        values[":pk"] = {"S": f"{_PREFIX}{endpoint_id}"}
        pages = stack.db.get_paginator("query").paginate(
            TableName=stack.table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :revert)",
            ExpressionAttributeValues=values,
        )
        yield from (item for page in pages for item in page["Items"])
    else:
        scanned = stack.db.get_paginator("scan").paginate(
            TableName=stack.table,
            FilterExpression="begins_with(sk, :revert)",
            ExpressionAttributeValues=values,
        )
        yield from (item for page in scanned for item in page["Items"])


def _plain(item: Mapping[str, Any]) -> Record:
    """Return the record without DynamoDB's types; numbers of milliseconds are whole."""
    texts = {name: value["S"] for name, value in item.items() if "S" in value}
    return {
        "record": texts.pop("sk").removeprefix(REVERT),
        "endpoint_id": texts.pop("pk").removeprefix(_PREFIX),
        **texts,
        "codes": [code["S"] for code in item.get("codes", {}).get("L", [])],
        "witness": json.loads(texts["witness"]) if "witness" in texts else None,
        "exposure_ms": int(item["exposure_ms"]["N"]) if "exposure_ms" in item else None,
    }


def show_history(stack: Deployed, endpoint_id: str | None, *, as_json: bool) -> int:
    """Print what was put back; with JSON one record a line, both policies in full."""
    found = records(stack, endpoint_id)
    for record in found:
        typer.echo(json.dumps(record) if as_json else "\n".join(_lines(record)))
    if not found and not as_json:
        typer.echo(f"nothing was put back{f' on {endpoint_id}' if endpoint_id else ''}")
    return 0


def _lines(record: Record) -> Iterator[str]:
    yield f"{record['record']}  {record['endpoint_id']} in {record.get('vpc_id', 'an unknown VPC')}"
    tool = f" with {record['user_agent']}" if "user_agent" in record else ""
    yield f"  who:   {record.get('actor', 'not known')}{tool}"
    yield f"  why:   {record.get('reason', 'not known')}"
    yield f"  wrote: {record.get('origin', 'not known')}, {_outcome(record)}"


def _outcome(record: Record) -> str:
    if "written" not in record:
        return "but it is not known to have been written"
    shown = "verified" if "verified" in record else "not verified"
    milliseconds = record["exposure_ms"]
    exposed = "" if milliseconds is None else f", open for {milliseconds / 1000:.1f} s"
    return f"{shown}{exposed}"


def restore(stack: Deployed, endpoint_id: str, name: str, *, sure: bool) -> int:
    """Write the policy that a record says was replaced; refuse what the baseline does not contain.

    Returns the documented exit code: that of `check` when it is refused.
    """
    record = _one(records(stack, endpoint_id), endpoint_id, name)
    policy = record.get("policy_before", "")
    verdict = decide(policy, stack.baseline)
    if not verdict.contained:
        typer.echo(f"refused: {verdict.reasons[0].message}", err=True)
        typer.echo("have the baseline extended and deployed, or exempt the endpoint", err=True)
        return exit_code(verdict)
    stack.endpoint(endpoint_id)
    if not sure:
        typer.confirm(f"Write this policy to {endpoint_id}?\n{policy}\n", abort=True)
    with reaching(f"writing the policy of {endpoint_id}"):
        stack.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint_id, PolicyDocument=policy)
    shown = stack.endpoint(endpoint_id).get("PolicyDocument", "{}")
    same = json.loads(shown) == json.loads(policy)
    seen = "verified" if same else "EC2 does not show it yet"
    typer.echo(f"restored {record['record']} to {endpoint_id}: {seen}")
    return 0


def _one(found: list[Record], endpoint_id: str, name: str) -> Record:
    """Return the record of a name, or of its beginning; raises UsageError unless it is one."""
    named = [r for r in found if r["record"] == name] or [
        r for r in found if r["record"].startswith(name)
    ]
    if len(named) == 1:
        return named[0]
    if named:
        raise UsageError(
            f"{len(named)} records of {endpoint_id} begin with {name}; give more of it"
        )
    raise UsageError(f"{endpoint_id} has no record {name}; `sfn-guardrail history` lists them")

"""What removing the stacks leaves behind: the endpoints and groups that they made.

They are found by their tag, which names the stack, also when stack and set are gone: one that a
stack of the set in that account and region has, on what the guardrail makes, which are endpoints of
Step Functions and groups of its name. A tag can be set by anyone, so it proves nothing: what is in
no stack's table stays; see `guardrail_cli.org.proof`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from guardrail.aws.reading import service_of, tag_map
from guardrail.core.names import MANAGED_TAG, Service, group_name
from guardrail.errors import RetryableError
from guardrail_cli.deployed import reaching
from guardrail_cli.documents import UsageError
from guardrail_cli.org.accounts import Accounts, by_account
from guardrail_cli.org.model import Instance, Place
from guardrail_cli.org.proof import made_by
from guardrail_cli.org.takeout import Left

AT_ONCE = 25
"""Endpoints of one call, each of which draws on four tokens that come back at 0.3 a second.

Source: Amazon EC2 developer guide, "Request throttling".
"""

_PASSING = frozenset(
    {
        "DependencyViolation",
        "IncorrectState",
        "InternalError",
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "Unavailable",
    }
)
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_GROUPS = frozenset(group_name(service) for service in Service)

Refusal = tuple[str, str]
"""AWS's code, and a sentence for a person."""


@dataclass(frozen=True)
class Leavings:
    """What stacks of the set `name` made, in other accounts.

    `stack_ids` are stacks that are known to be the set's; others are known by their name, which is
    `StackSet-`, the set's name and a UUID. What no table proves to be theirs is taken out as well
    if it is asked for (`also_unproven`).
    """

    accounts: Accounts
    name: str
    stack_ids: frozenset[str] = frozenset()
    also_unproven: bool = False

    def look(self, places: Iterable[Place]) -> Iterator[Left]:
        """Yield what is left in each place, or why that is not known; nothing is changed."""
        yield from by_account(_spots(places), self.accounts, self._looked, _unknown)

    def take(self, places: Iterable[Place]) -> Iterator[Left]:
        """Do the next step in each place, see `take_out`; what its stack still manages stays."""
        yield from by_account(_spots(places), self.accounts, self._taken, _unknown)

    def _looked(self, spot: Instance, accounts: Accounts) -> Left:
        try:
            return self._found(spot, accounts)[0]
        except UsageError as error:
            return _unknown(spot, str(error))

    def _taken(self, spot: Instance, accounts: Accounts) -> Left:
        try:
            left, stack_ids = self._found(spot, accounts)
            if not left.ids:
                # Nobody knows whether these are ours, so something may be left.
                return replace(left, problem=left.unproven if left.doubt else "")
            if standing := _standing(accounts.client("cloudformation", spot.region), stack_ids):
                problem = f"the stack {standing} still stands and would put back what is deleted"
                return replace(left, problem=problem)
            refused = _next_step(accounts.client("ec2", spot.region), left)
        except UsageError as error:
            return replace(_unknown(spot, str(error)), passing=_may_pass(error))
        problem = "; ".join(sentence for _, sentence in refused)
        return replace(left, problem=problem, passing=all(code in _PASSING for code, _ in refused))

    def _found(self, spot: Instance, accounts: Accounts) -> tuple[Left, set[str]]:
        """Return what is left, and the ids of the stacks that made what is to be taken out."""
        client = accounts.client("ec2", spot.region)
        with reaching(f"looking at what {spot.account} has in {spot.region}"):
            endpoints = self._ours(client, "describe_vpc_endpoints", "VpcEndpoints", spot)
            groups = self._ours(client, "describe_security_groups", "SecurityGroups", spot)
        endpoints = [one for one in endpoints if service_of(one.get("ServiceName", ""))]
        endpoints = [one for one in endpoints if _state(one) != "deleted"]
        groups = [one for one in groups if one["GroupName"] in _GROUPS]
        things = [*endpoints, *groups]
        proven, doubt = _proven(things, spot.region, accounts)
        meant = [one for one in things if self.also_unproven or _id(one) in proven]
        going = [one for one in endpoints if _state(one) == "deleting"]
        left = Left(
            spot.account,
            spot.region,
            tuple(_id(one) for one in endpoints if one in meant and one not in going),
            tuple(_id(one) for one in going if one in meant),
            tuple(_id(one) for one in groups if one in meant),
            tuple(_id(one) for one in things if _id(one) not in proven),
            doubt,
        )
        return left, {_stack_of(one) for one in meant}

    def _ours(self, client: Any, call: str, member: str, spot: Instance) -> list[Any]:  # noqa: ANN401 - of the SDK
        tagged = [{"Name": "tag-key", "Values": [MANAGED_TAG]}]
        pages = client.get_paginator(call).paginate(Filters=tagged)
        found = (one for page in pages for one in page[member])
        return [one for one in found if self._made(_stack_of(one), spot)]

    def _made(self, stack_id: str, spot: Instance) -> bool:
        """Whether a stack is the set's. Source: CloudFormation user guide, "StackSets concepts"."""
        named = (
            rf"arn:[^:]+:cloudformation:{spot.region}:{spot.account}:stack/"
            rf"StackSet-{re.escape(self.name)}-{_UUID}/[^/]+"
        )
        return stack_id in self.stack_ids or bool(re.fullmatch(named, stack_id))


def _proven(things: list[Any], region: str, accounts: Accounts) -> tuple[frozenset[str], str]:
    """Return the ids of what its stack's table has, and why tables cannot be asked.

    Raises UsageError when that may pass.
    """
    by_stack: dict[str, list[Any]] = {}
    for one in things:
        by_stack.setdefault(_stack_of(one), []).append(one)
    proven: set[str] = set()
    doubts: list[str] = []
    for stack_id, tagged in sorted(by_stack.items()):
        try:
            made = made_by(stack_id, {one["VpcId"] for one in tagged}, region, accounts)
        except UsageError as error:
            if _may_pass(error):
                raise
            doubts.append(str(error))
        else:
            proven.update(made & {_id(one) for one in tagged})
    return frozenset(proven), "; ".join(doubts)


def _next_step(client: Any, left: Left) -> list[Refusal]:  # noqa: ANN401 - of the SDK
    """Delete the endpoints; if there is none any more, the groups."""
    with reaching(f"deleting what {left.account} has in {left.region}"):
        if left.endpoint_ids:
            return _delete_endpoints(client, left.endpoint_ids)
        groups = () if left.going_ids else left.group_ids
        return [refusal for group_id in groups for refusal in _delete_group(client, group_id)]


def _delete_endpoints(client: Any, ids: tuple[str, ...]) -> list[Refusal]:  # noqa: ANN401 - of the SDK
    refused: list[Any] = []
    for begin in range(0, len(ids), AT_ONCE):
        some = list(ids[begin : begin + AT_ONCE])
        refused += client.delete_vpc_endpoints(VpcEndpointIds=some).get("Unsuccessful", [])
    told = [_refusal(one.get("ResourceId", ""), one["Error"]) for one in refused]
    return [(code, sentence) for code, sentence in told if not code.endswith("NotFound")]


def _delete_group(client: Any, group_id: str) -> list[Refusal]:  # noqa: ANN401 - of the SDK
    try:
        client.delete_security_group(GroupId=group_id)
    except ClientError as error:
        code, sentence = _refusal(group_id, error.response.get("Error", {}))
        return [] if code.endswith("NotFound") else [(code, sentence)]
    return []


def _refusal(what: str, error: Any) -> Refusal:  # noqa: ANN401 - of the SDK
    code = str(error.get("Code"))
    return code, f"{what}: {code}: {error.get('Message')}"


def _standing(client: Any, stack_ids: set[str]) -> str:  # noqa: ANN401 - of the SDK
    """Return one of the stacks that is not deleted, if any; AWS forgets those after 90 days."""
    for stack_id in sorted(stack_ids):
        with reaching(f"looking for the stack {stack_id}"):
            try:
                (stack,) = client.describe_stacks(StackName=stack_id)["Stacks"]
            except ClientError as error:
                if "does not exist" in str(error):
                    continue
                raise
        if stack["StackStatus"] != "DELETE_COMPLETE":
            return stack_id
    return ""


def _may_pass(error: UsageError) -> bool:
    cause = error.__cause__
    if isinstance(cause, RetryableError):
        return True
    return isinstance(cause, ClientError) and cause.response["Error"]["Code"] in _PASSING


def _id(thing: Any) -> str:  # noqa: ANN401 - of the SDK
    """Return the id of an endpoint or a group."""
    return str(thing.get("VpcEndpointId") or thing["GroupId"])


def _stack_of(thing: Any) -> str:  # noqa: ANN401 - of the SDK
    """Return the stack that the tag names."""
    return tag_map(thing["Tags"])[MANAGED_TAG]


def _state(endpoint: Any) -> str:  # noqa: ANN401 - of the SDK
    return str(endpoint.get("State", "")).lower()


def _spots(places: Iterable[Place]) -> list[Instance]:
    return [Instance(*place, "") for place in places]


def _unknown(spot: Instance, why: str) -> Left:
    return Left(spot.account, spot.region, problem=why)

"""The owner of the network: his calls, what he can choose from, and the list of what he may do.

An act is a function of the owner and two small numbers, `which` thing and `how`; it is done if
there is such a thing and skipped otherwise, so every sequence of acts can be played.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from model.region import ACCOUNT, OWNER, Region
from model.snapshot import Endpoint, Snapshot, Subnet, Vpc, take
from model.timeline import Timeline

STATES = "states"
STEP_FUNCTIONS = frozenset({"states", "sync-states"})
_Thing = TypeVar("_Thing")


@dataclass(frozen=True)
class Touch:
    """A call of the owner's: when, what, of which VPC; `code` is None when it succeeded."""

    at: float
    action: str
    vpc_id: str
    code: str | None


@dataclass
class Deletion:
    """The owner deleted a managed endpoint, the last of its service in the VPC.

    `heard` is when a function had handled an event of it while EC2 described the endpoint: from
    then on the guardrail has to know. None if that never happened.
    """

    at: float
    vpc_id: str
    endpoint_id: str
    heard: float | None = None


@dataclass(frozen=True)
class Blocked:
    """A tool of the owner's gave up, and nothing but the guardrail's things stood in its way."""

    code: str
    vpc_id: str
    begun: float


class Owner:
    """Does what people and their tools do; `made_by_guardrail` are ids that are not his."""

    def __init__(
        self,
        region: Region,
        timeline: Timeline,
        made_by_guardrail: set[str],
        told: Callable[[str], None],
        sweep: Callable[[], None],
    ) -> None:
        self.region = region
        self.timeline = timeline
        self.sweep = sweep
        self.touches: list[Touch] = []
        self.deletions: list[Deletion] = []
        self.tearing_down: set[str] = set()
        self.blocked: list[Blocked] = []
        self._made_by_guardrail = made_by_guardrail
        self._told = told
        self._ec2 = region.client(OWNER)

    def call(self, method: str, **arguments: Any) -> dict[str, Any] | None:
        """Make a call; return the answer, or None when EC2 refuses it."""
        vpc_id = self._vpc_of(arguments)
        code = None
        answer: dict[str, Any] | None = None
        try:
            answer = getattr(self._ec2, method)(**arguments)
        except ClientError as error:
            code = str(error.response["Error"]["Code"])
        vpc_id = vpc_id or str((answer or {}).get("Vpc", {}).get("VpcId", ""))
        self.touches.append(Touch(self.timeline.seconds, method, vpc_id, code))
        shown = ", ".join(f"{key}={_short(value)}" for key, value in arguments.items())
        self._told(f"owner: {method}({shown})" + (f" is refused: {code}" if code else ""))
        return answer

    def notes(self, text: str) -> None:
        """Tell the story what happened without a call."""
        self._told(f"owner: {text}")

    def delete_managed(self, endpoint: Endpoint) -> None:
        """Delete an endpoint of the guardrail's; note it, unless another of ours is left."""
        self.call("delete_vpc_endpoints", VpcEndpointIds=[endpoint.endpoint_id])
        present = self.look().endpoints_of(endpoint.vpc_id)
        left = (e for e in present if not self.is_own(e.endpoint_id))
        if not endpoint.taken_over and not any(e.service == endpoint.service for e in left):
            moment = self.timeline.seconds
            self.deletions.append(Deletion(moment, endpoint.vpc_id, endpoint.endpoint_id))

    def hears(self, event: object) -> None:
        """Note which deletions the guardrail knows of by an event that it has handled."""
        detail = event.get("detail", {}) if isinstance(event, dict) else {}
        if detail.get("eventName") != "DeleteVpcEndpoints":
            return
        described = self.look().endpoints
        for deletion in self.deletions:
            told = deletion.endpoint_id in str(detail.get("requestParameters"))
            if deletion.heard is None and told and deletion.endpoint_id in described:
                deletion.heard = self.timeline.seconds

    def look(self) -> Snapshot:
        """Return the world as it is."""
        return take(self.region.backend)

    def vpc(self, which: int) -> Vpc | None:
        """Choose one of the account's VPCs; those that are not the default one come first."""
        own = [v for v in self.look().vpcs.values() if v.owner_id == ACCOUNT]
        return pick(sorted(own, key=lambda v: v.default), which)

    def subnets(self, which: int) -> tuple[Vpc | None, list[Subnet]]:
        """Choose a VPC; return it with its subnets."""
        vpc = self.vpc(which)
        return vpc, self.look().subnets_of(vpc.vpc_id) if vpc else []

    def endpoint(self, which: int, *, managed: bool) -> Endpoint | None:
        """Choose an endpoint that is alive, of the guardrail's making or of the owner's."""
        return pick(
            [
                e
                for e in self.look().endpoints.values()
                if e.alive
                and not e.of_aws
                and managed == (e.endpoint_id in self._made_by_guardrail)
            ],
            which,
        )

    def managed_group(self, which: int) -> str | None:
        """Choose a security group that the guardrail made."""
        return pick([g for g in self.look().groups if g in self._made_by_guardrail], which)

    def is_own(self, thing_id: str) -> bool:
        """Whether somebody else than the guardrail made it."""
        return thing_id not in self._made_by_guardrail

    def _vpc_of(self, arguments: dict[str, Any]) -> str:
        if "VpcId" in arguments:
            return str(arguments["VpcId"])
        world = self.look()
        named = [value for value in arguments.values() if isinstance(value, str)]
        listed = [v for values in arguments.values() if isinstance(values, list) for v in values]
        known = (world.vpc_of(i) or i for i in (*named, *listed) if isinstance(i, str))
        return next((vpc_id for vpc_id in known if vpc_id.startswith("vpc-")), "")


Act = Callable[[Owner, int, int], bool]
ACTS: dict[str, Act] = {}
"""Everything that an owner may do, by name; the simplest come first, since shrinking ends there."""


def act(name: str) -> Callable[[Act], Act]:
    """Enter a function in the list."""

    def enter(function: Act) -> Act:
        ACTS[name] = function
        return function

    return enter


def pick(things: Sequence[_Thing], which: int) -> _Thing | None:
    """Return one of the things, whatever the number; None when there is none."""
    return things[which % len(things)] if things else None


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

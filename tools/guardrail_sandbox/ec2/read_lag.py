"""Reads lag behind writes: a new endpoint is not found yet, an old policy is still shown.

So do VPCs, subnets and security groups, tags excepted. Writes see the newest state, or do not know
a security group yet that is younger than the lag: `new-groups`. The lag is that of the pace, always
as long; on AWS it differs from call to call.

Source: EC2 developer guide, "Eventual consistency in the Amazon EC2 API"; ansible amazon.aws issue
700 (endpoints right after creation).
Confidence: documented
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from guardrail_sandbox.ec2.behaviour import ANY, Before, Behaviour, World
from guardrail_sandbox.ec2.call import Call, RefusedError
from guardrail_sandbox.untyped import Moto

_READS = ("Describe", "Get")
_OF = {
    "DescribeVpcEndpoints": "vpc_end_points",
    "DescribeVpcs": "vpcs",
    "DescribeVpcAttribute": "vpcs",
    "DescribeSubnets": "subnets",
    "DescribeSecurityGroups": "groups",
}
_NAME_GROUPS = ("CreateVpcEndpoint", "ModifyVpcEndpoint", "AuthorizeSecurityGroupIngress")
State = dict[str, dict[str, Moto]]


@dataclass(frozen=True, slots=True)
class _Past:
    """What was there until a write at `until` (the clock's monotonic seconds)."""

    until: float
    state: State


class ReadLag(Behaviour):
    """See the module."""

    name = "read-lag"
    assumptions: ClassVar[Mapping[str, tuple[str, ...]]] = {"new-groups": ("known", "unknown")}

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._past: dict[str, deque[_Past]] = {}

    def before(self) -> Mapping[str, Before]:
        """Remember before each write; look back at each read."""
        return {
            ANY: self._remember,
            **dict.fromkeys(_OF, self._look_back),
            **dict.fromkeys(_NAME_GROUPS, self._refuse_new_groups),
        }

    def _remember(self, call: Call) -> None:
        lag, now = self._world.pace.read_lag, self._world.clock.monotonic()
        if lag <= 0 or call.action.startswith(_READS):
            return
        past = self._past.setdefault(call.region, deque())
        while past and past[0].until <= now - lag:
            past.popleft()
        ec2 = call.ec2
        past.append(_Past(now, {name: _copied(getattr(ec2, name)) for name in _OF.values()}))

    def _look_back(self, call: Call) -> None:
        seen = self._seen(call.region)
        if seen is not None:
            name = _OF[call.action]
            call.views[name] = seen[name]

    def _refuse_new_groups(self, call: Call) -> None:
        seen = self._seen(call.region)
        if seen is None or self.assumes("new-groups", "known"):
            return
        known = {group_id for of_vpc in seen["groups"].values() for group_id in of_vpc}
        for group_id in (*call.new_groups(), *_named(call)):
            if group_id not in known:
                message = f"The security group '{group_id}' does not exist"
                raise RefusedError("InvalidGroup.NotFound", message)

    def _seen(self, region: str) -> State | None:
        """Return what was there a lag ago; None when nothing was written since."""
        since = self._world.clock.monotonic() - self._world.pace.read_lag
        return next((p.state for p in self._past.get(region, ()) if p.until > since), None)


def _named(call: Call) -> list[str]:
    return [call.form["GroupId"]] if "GroupId" in call.form else []


def _copied(resources: dict[str, Moto]) -> dict[str, Moto]:
    """Copy resources so far that later changes of their fields are not seen."""
    made = copy.copy(resources)
    for key, found in resources.items():
        made[key] = _copy(found)
    return made


def _copy(found: Moto) -> Moto:
    if isinstance(found, dict):
        return _copied(found)
    made = copy.copy(found)
    # Lists are changed in place; what they hold is not.
    for name, value in vars(made).items():
        if isinstance(value, list):
            setattr(made, name, list(value))
    return made

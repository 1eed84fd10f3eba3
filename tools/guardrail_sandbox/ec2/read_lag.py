"""Reads lag behind writes: a new endpoint is not found yet, an old policy is still shown.

So do VPCs, subnets and security groups, tags excepted; writes see the newest state. The lag is that
of the pace, always as long; on AWS it differs from read to read.

Source: EC2 developer guide, "Eventual consistency in the Amazon EC2 API"; ansible amazon.aws issue
700 (endpoints right after creation).
Confidence: documented
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from guardrail_sandbox.ec2.behaviour import ANY, Before, Behaviour, World
from guardrail_sandbox.ec2.call import Call
from guardrail_sandbox.untyped import Moto

_READS = ("Describe", "Get")
_OF = {
    "DescribeVpcEndpoints": "vpc_end_points",
    "DescribeVpcs": "vpcs",
    "DescribeVpcAttribute": "vpcs",
    "DescribeSubnets": "subnets",
    "DescribeSecurityGroups": "groups",
}
State = dict[str, dict[str, Moto]]


@dataclass(frozen=True, slots=True)
class _Past:
    """What was there until a write at `until` (the clock's monotonic seconds)."""

    until: float
    state: State


class ReadLag(Behaviour):
    """See the module."""

    name = "read-lag"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._past: dict[str, deque[_Past]] = {}

    def before(self) -> Mapping[str, Before]:
        """Remember before each write; look back at each read."""
        return {ANY: self._remember, **dict.fromkeys(_OF, self._look_back)}

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
        since = self._world.clock.monotonic() - self._world.pace.read_lag
        for past in self._past.get(call.region, ()):
            if past.until > since:
                name = _OF[call.action]
                call.views[name] = past.state[name]
                return


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

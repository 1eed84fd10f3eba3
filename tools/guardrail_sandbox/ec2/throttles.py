"""Calls take tokens from a bucket for each action; an empty one means RequestLimitExceeded.

CreateVpcEndpoint, ModifyVpcEndpoint and DeleteVpcEndpoints: 4 tokens, 0.3 more each second;
CreateDefaultVpc: 1 and 1; CreateTags: 100 and 10; other writes: 50 and 5; reads: 100 and 20, or
50 and 10 without pages and filters. HTTP 503. That reads and other writes have a bucket for each
action, and not one together, is inferred; the further throttle of an organization is left out.

Source: EC2 developer guide, "Request throttling for the Amazon EC2 API".
Confidence: documented
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from guardrail_sandbox.ec2.behaviour import ANY, Before, Behaviour, World
from guardrail_sandbox.ec2.call import Call, RefusedError

_ENDPOINT_WRITES = (4.0, 0.3)
_BUCKETS = {
    "CreateVpcEndpoint": _ENDPOINT_WRITES,
    "ModifyVpcEndpoint": _ENDPOINT_WRITES,
    "DeleteVpcEndpoints": _ENDPOINT_WRITES,
    "CreateDefaultVpc": (1.0, 1.0),
    "CreateTags": (100.0, 10.0),
}
_UNPAGED = frozenset({"DescribeSecurityGroups", "DescribeNetworkInterfaces"})
_READS = ("Describe", "Get", "List", "Search")


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Throttles(Behaviour):
    """See the module."""

    name = "throttles"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._buckets: dict[tuple[str, str, float], _Bucket] = {}

    def before(self) -> Mapping[str, Before]:
        """Take a token for every call."""
        return {ANY: self._take}

    def _take(self, call: Call) -> None:
        capacity, refill = _limits(call)
        now = self._world.clock.monotonic()
        key = (call.region, call.action, capacity)
        bucket = self._buckets.setdefault(key, _Bucket(capacity, now))
        gained = (now - bucket.at) * refill * self._world.pace.refill
        bucket.tokens, bucket.at = min(capacity, bucket.tokens + gained), now
        if bucket.tokens < 1:
            raise RefusedError("RequestLimitExceeded", "Request limit exceeded.", 503)
        bucket.tokens -= 1


def _limits(call: Call) -> tuple[float, float]:
    """Return how many tokens the bucket holds and gains in a second."""
    if not call.action.startswith(_READS):
        return _BUCKETS.get(call.action, (50.0, 5.0))
    whole = "MaxResults" not in call.form and "Filter.1.Name" not in call.form
    return (50.0, 10.0) if whole and call.action in _UNPAGED else (100.0, 20.0)

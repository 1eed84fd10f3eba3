"""When the guardrail has to know that a VPC's DNS attributes were switched off: its one event told.

A sweep asks for them only where an endpoint lacks its name, since it cannot ask every VPC.
"""

from __future__ import annotations

from collections.abc import Sequence

from model.asides import HEEDED
from model.owner import Touch
from model.yields import SLACK

_LEAVES_ALONE = frozenset({"create_tags", "create_vpc_endpoint", "delete_vpc_endpoints"})
"""Calls after which the guardrail may leave a VPC alone: an exemption, an own endpoint, a yield."""


def hears_of_dns(vpc_id: str, touches: Sequence[Touch]) -> bool:
    """Whether the event of the last change has to be followed, being delivered at once.

    Not while the guardrail makes way for the owner, or may not touch the VPC: nothing leads it
    back to the attributes afterwards.
    """
    own = [t for t in touches if t.vpc_id == vpc_id]
    changes = [t.at for t in own if t.action == "modify_vpc_attribute" and t.code is None]
    return not changes or not any(
        t.at <= changes[-1] + SLACK
        and (t.action in _LEAVES_ALONE or (t.code is not None and t.at >= changes[-1] - HEEDED))
        for t in own
    )

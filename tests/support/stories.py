"""What the stories about one VPC begin with and ask about."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from guardrail.core.actions import Action
from guardrail.core.model import Mode
from guardrail.core.names import Service
from guardrail.core.reasons import Reason
from guardrail.core.trail import Trigger
from guardrail.core.wish import Wish, WishKind
from guardrail.errors import TerminalError
from guardrail.report import Outcome, Report
from support.fakes import BASELINE
from support.world import ALICE, World

REFORMATTED = json.dumps(json.loads(BASELINE), indent=3, sort_keys=True)


def outcomes(reports: list[Report]) -> list[Outcome]:
    """Return the outcome of each report."""
    return [report.outcome for report in reports]


def reasons(reports: list[Report]) -> set[Reason]:
    """Return all reason codes."""
    return {finding.reason for report in reports for finding in report.findings}


def new_world(mode: Mode = Mode.ENFORCE, **intent: object) -> World:
    """Return a world with an intent."""
    world = World()
    world.intent = replace(world.intent, mode=mode, **intent)  # type: ignore[arg-type]
    return world


def with_endpoint(world: World) -> tuple[str, str]:
    """Let the guardrail make an endpoint; return the ids of VPC and endpoint."""
    vpc_id = world.network.add_vpc()
    world.settled(vpc_id)
    return vpc_id, world.network.endpoints(vpc_id)[0].endpoint_id


def covered(*services: Service) -> tuple[World, str]:
    """Return a world with a VPC that the guardrail made endpoints in.

    Its clock stands between two seconds: CloudTrail's times are cut to whole ones.
    """
    world = World()
    world.clock.advance(milliseconds=500)
    world.intent = replace(world.intent, services=services or (Service.STATES,))
    vpc_id = world.network.add_vpc()
    for _ in range(2):
        world.settled(vpc_id)
    return world, vpc_id


def rest_of(world: World, vpc_id: str) -> tuple[int, int]:
    """Return how many endpoints and groups there are."""
    vpc = world.network.state[vpc_id]
    return len(vpc.endpoints), len(vpc.groups)


def refused(resource_id: str, kind: WishKind, *names: str) -> Trigger:
    """Return the trigger of a call that names something that is gone by now."""
    wish = Wish(kind, frozenset(names or (resource_id,)), actor=ALICE)
    ids = frozenset({resource_id})
    return Trigger("Refused", frozenset(), ids, actor=ALICE, settled=False, wish=wish)


def untag(world: World, vpc_id: str) -> None:
    """Take the stack's tag off the managed group."""
    (group,) = world.network.state[vpc_id].groups
    world.network.change(vpc_id, groups=(replace(group, tagged=False),))


def refusing(kind: type[Action]) -> Callable[[Action], None]:
    """Return what lets EC2 refuse actions of a kind for good."""

    def refuse(action: Action) -> None:
        if isinstance(action, kind):
            raise TerminalError("explicit deny")

    return refuse

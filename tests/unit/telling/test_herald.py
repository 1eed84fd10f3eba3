"""Who is told of what: events, findings, and what happens when nobody listens."""

from __future__ import annotations

from dataclasses import replace

from guardrail.core.model import Mode
from guardrail.findings import SecurityFinding
from support.fakes import BASELINE, OPEN
from support.telling import WHERE
from support.world import World


def opened(world: World) -> tuple[str, str]:
    """Let there be an owner's endpoint with an open policy; return the ids of VPC and endpoint."""
    vpc_id = world.network.add_vpc()
    return vpc_id, world.network.add_endpoint(vpc_id, OPEN)


def test_what_is_in_order_is_told_to_nobody() -> None:
    """Neither by an event nor by a sweep."""
    world = World()
    endpoint_id = world.network.add_endpoint(world.network.add_vpc(), BASELINE)
    world.endpoint_change(endpoint_id)
    world.sweep()
    assert (world.heard.events, world.heard.messages, world.heard.findings) == ([], [], [])


def test_an_endpoint_that_is_made_is_one_event() -> None:
    """Its group and clients are part of it."""
    world = World()
    world.settled(world.network.add_vpc())
    ((kind, detail),) = world.heard.events
    assert kind == "Endpoint Created"
    assert detail["zones"] == 3
    assert len(detail["actions"]) == 3


def test_a_sweep_in_observe_mode_leaves_the_telling_to_its_totals() -> None:
    """Else the same drift would be announced every hour; an event of the owner's is told of."""
    world = World()
    world.intent = replace(world.intent, mode=Mode.OBSERVE)
    _, endpoint_id = opened(world)
    world.sweep()
    assert world.heard.kinds() == []
    world.endpoint_change(endpoint_id)
    assert world.heard.kinds()[0] == "Drift Observed"


def test_what_cannot_be_told_is_returned_and_the_policy_is_put_back_all_the_same() -> None:
    """Each way with its cause: they end in the dead-letter queue."""
    world = World()
    world.heard.broken = True
    _, endpoint_id = opened(world)
    world.endpoint_change(endpoint_id)
    assert world.network.endpoint(endpoint_id).policy != OPEN
    assert world.errors == []
    ways = {what.partition(" ")[0] for what in world.untold}
    assert ways == {"event", "message", "finding"}
    assert set(world.untold.values()) == {"nobody listens"}


def test_an_endpoint_has_one_finding_which_is_resolved_by_the_revert() -> None:
    """The same id each time, passed and archived; nothing is left open."""
    world = World()
    vpc_id, endpoint_id = opened(world)
    for _ in range(2):
        world.network.set_policy(endpoint_id, OPEN)
        world.endpoint_change(endpoint_id)
    first, second = map(asff, world.heard.findings)
    assert first["Id"] == second["Id"]
    assert (first["Compliance"]["Status"], first["RecordState"]) == ("PASSED", "ARCHIVED")
    assert world.records.memory(vpc_id).findings == frozenset()


def test_a_finding_stays_open_until_its_endpoint_is_in_order() -> None:
    """In observe mode its owner corrects the policy, and a sweep sees that."""
    world = World()
    world.intent = replace(world.intent, mode=Mode.OBSERVE)
    vpc_id, endpoint_id = opened(world)
    world.endpoint_change(endpoint_id)
    assert asff(world.heard.findings[-1])["RecordState"] == "ACTIVE"
    assert world.records.memory(vpc_id).findings == {endpoint_id}
    world.network.set_policy(endpoint_id, BASELINE)
    world.sweep()
    assert asff(world.heard.findings[-1])["Compliance"]["Status"] == "PASSED"
    told = len(world.heard.findings)
    world.sweep()
    assert len(world.heard.findings) == told


def test_a_revert_that_was_not_seen_leaves_the_finding_open() -> None:
    """Until a look finds the policy in order."""
    world = World()
    world.network.settled_policy = lambda *_: None  # type: ignore[method-assign]
    vpc_id, endpoint_id = opened(world)
    world.endpoint_change(endpoint_id)
    assert world.records.memory(vpc_id).findings == {endpoint_id}
    world.sweep()
    assert world.records.memory(vpc_id).findings == frozenset()


def asff(finding: SecurityFinding) -> dict[str, object]:
    """Return the finding as Security Hub gets it."""
    return finding.asff(WHERE)

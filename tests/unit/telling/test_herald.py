"""Who is told of what: events, findings, and what happens when nobody listens."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import pytest

from guardrail.core.actions import Action, ActionKind
from guardrail.core.model import Mode, ObservedVpc
from guardrail.core.names import Service
from guardrail.errors import RetryableError, TerminalError
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
    assert world.records.memory(vpc_id).findings == {}


def test_a_finding_stays_open_until_its_endpoint_is_in_order() -> None:
    """In observe mode its owner corrects the policy, and a sweep sees that."""
    world = World()
    world.intent = replace(world.intent, mode=Mode.OBSERVE)
    vpc_id, endpoint_id = opened(world)
    world.endpoint_change(endpoint_id)
    assert asff(world.heard.findings[-1])["RecordState"] == "ACTIVE"
    assert set(world.records.memory(vpc_id).findings) == {endpoint_id}
    world.network.set_policy(endpoint_id, BASELINE)
    world.sweep()
    assert asff(world.heard.findings[-1])["Compliance"]["Status"] == "PASSED"
    told = len(world.heard.findings)
    world.sweep()
    assert len(world.heard.findings) == told


def test_a_revert_that_was_not_seen_leaves_the_finding_open() -> None:
    """Until a look finds the policy in order."""
    world = World()
    world.network.settled_policy = lambda *_: None
    vpc_id, endpoint_id = opened(world)
    world.endpoint_change(endpoint_id)
    assert set(world.records.memory(vpc_id).findings) == {endpoint_id}
    world.sweep()
    assert world.records.memory(vpc_id).findings == {}


def test_what_is_only_reported_is_told_beside_what_is_left_to_others() -> None:
    """In observe mode an open policy and a missing endpoint, which another function makes."""
    world = World()
    world.intent = replace(
        world.intent, mode=Mode.OBSERVE, services=(Service.STATES, Service.SYNC_STATES)
    )
    _, endpoint_id = opened(world)
    world.endpoint_change(endpoint_id)
    ((_, detail),) = world.heard.events
    assert detail["drift"][0]["code"] == "policy-broader"
    assert [action["action"] for action in detail["actions"]] == ["WritePolicy"]


def test_every_policy_of_a_vpc_is_told_of_in_observe_mode() -> None:
    """What is only recorded brings no event that would lead to the second."""
    world = World()
    world.intent = replace(world.intent, mode=Mode.OBSERVE)
    vpc_id, first = opened(world)
    second = world.network.add_endpoint(vpc_id, OPEN)
    world.endpoint_change(first)
    assert {detail["endpoint_id"] for _, detail in world.heard.events} == {first, second}


def test_what_was_made_for_an_endpoint_that_could_not_be_made_is_no_repair() -> None:
    """A group stands there, and the refusal says why nothing else does."""
    world = World()
    world.network.before_apply = denying(ActionKind.CREATE_ENDPOINT)
    world.settled(world.network.add_vpc())
    assert world.heard.kinds() == ["Remediation Refused"]


def test_what_was_put_right_is_not_told_as_still_wrong() -> None:
    """The policy was put back, the tag could not be: the finding stays resolved."""
    world = World()
    vpc_id = world.network.add_vpc()
    world.settled(vpc_id)
    (endpoint,) = world.network.endpoints(vpc_id)
    world.network.change(vpc_id, endpoints=(replace(endpoint, tags={}, policy=OPEN),))
    world.heard.kinds()
    world.network.before_apply = denying(ActionKind.RESTORE_TAGS)
    world.sweep()
    refusal = world.heard.events[-1][1]
    assert [one["code"] for one in refusal["drift"]] == ["tags-missing"]
    assert [asff(f)["RecordState"] for f in world.heard.findings] == ["ARCHIVED"]


def test_what_is_refused_about_one_endpoint_says_nothing_of_another() -> None:
    """An owner's policy was put back; the guardrail's endpoint lacks its tag, no policy."""
    world = World()
    vpc_id = world.network.add_vpc()
    world.settled(vpc_id)
    (ours,) = world.network.endpoints(vpc_id)
    world.network.change_endpoint(ours.endpoint_id, tags={})
    theirs = world.network.add_endpoint(vpc_id, OPEN)
    world.network.before_apply = denying(ActionKind.RESTORE_TAGS)
    world.heard.findings.clear()
    world.sweep()
    assert [(f.endpoint_id, f.resolved) for f in world.heard.findings] == [(theirs, True)]


def test_each_endpoint_that_cannot_be_closed_is_told_of() -> None:
    """Each with its own event, message and finding."""
    world = World()
    vpc_id, first = opened(world)
    second = world.network.add_endpoint(vpc_id, OPEN)
    world.network.before_apply = denying(ActionKind.WRITE_POLICY)
    world.endpoint_change(first)
    assert {detail["endpoint_id"] for _, detail in world.heard.events} == {first, second}
    assert {f.endpoint_id for f in world.heard.findings if not f.resolved} == {first, second}
    assert len(world.heard.messages) == 2


def test_a_refusal_of_another_kind_is_not_held_back() -> None:
    """That a name could not be had says nothing of a policy that stays open."""
    world = World()
    vpc_id = world.network.add_vpc()
    world.settled(vpc_id)
    (ours,) = world.network.endpoints(vpc_id)
    world.network.change_endpoint(ours.endpoint_id, private_dns=False)
    world.network.before_apply = denying(ActionKind.SET_PRIVATE_DNS)
    world.sweep()
    world.heard.messages.clear()
    world.network.change_endpoint(ours.endpoint_id, policy=OPEN)
    world.network.before_apply = denying(ActionKind.WRITE_POLICY)
    world.endpoint_change(ours.endpoint_id)
    assert [message.subject for message in world.heard.messages] == [
        f"Step Functions guardrail: endpoint repaired, {ours.endpoint_id}",
        f"Step Functions guardrail: ACTION NEEDED, {ours.endpoint_id}",
    ]


def test_what_is_tried_again_is_not_told_as_final() -> None:
    """One endpoint is refused, the other throttled: the attempt is repeated."""
    world = World()
    vpc_id, first = opened(world)
    second = world.network.add_endpoint(vpc_id, OPEN)

    def mixed(action: Action) -> None:
        refused = getattr(action, "endpoint_id", "") == first
        raise TerminalError("refused") if refused else RetryableError("throttled")

    world.network.before_apply = mixed
    world.endpoint_change(first)
    assert [type(error) for error in world.errors] == [RetryableError]
    assert [detail["endpoint_id"] for _, detail in world.heard.events] == [first]
    world.heard.events.clear()
    world.sweep()
    assert {detail["endpoint_id"] for _, detail in world.heard.events} == {first, second}


def test_an_endpoint_that_was_made_is_told_of_although_it_could_not_be_noted() -> None:
    """It costs money; the next look notes it."""
    world = World()
    vpc_id = world.network.add_vpc()
    noting = world.records.note_endpoint

    def throttled(*_: object) -> None:
        world.records.note_endpoint = noting
        raise RetryableError("throttled")

    world.records.note_endpoint = throttled
    world.settled(vpc_id)
    assert world.heard.kinds() == ["Endpoint Created"]
    world.settled(vpc_id)
    assert world.records.made(vpc_id).endpoint_ids


def test_two_functions_that_hear_of_a_deletion_tell_once() -> None:
    """Both have read what is remembered before either of them noted it."""
    world = World()
    vpc_id = world.network.add_vpc()
    world.settled(vpc_id)
    (ours,) = world.network.endpoints(vpc_id)
    world.network.delete_endpoint(ours.endpoint_id)
    world.heard.events.clear()
    before = world.records.memories([vpc_id])
    world.endpoint_change(ours.endpoint_id, "DeleteVpcEndpoints")
    world.records.memories = lambda _: before
    world.endpoint_change(ours.endpoint_id, "DeleteVpcEndpoints")
    assert world.heard.kinds() == ["Teardown Yielded"]


def test_observe_mode_steps_out_of_nobodys_way() -> None:
    """It puts nothing back, so it yields to nothing, however often it looks."""
    world = World()
    vpc_id = world.network.add_vpc()
    world.settled(vpc_id)
    (ours,) = world.network.endpoints(vpc_id)
    world.intent = replace(world.intent, mode=Mode.OBSERVE)
    world.heard.events.clear()
    world.network.delete_endpoint(ours.endpoint_id)
    for _ in range(2):
        world.endpoint_change(ours.endpoint_id, "DeleteVpcEndpoints")
        world.tears_down(vpc_id)
    assert "Teardown Yielded" not in world.heard.kinds()


def test_a_finding_made_while_a_sweep_reads_is_not_resolved_by_it() -> None:
    """It was opened after the sweep had looked, and could not be closed."""
    world = World()
    vpc_id = world.network.add_vpc()
    endpoint_id = world.network.add_endpoint(vpc_id, BASELINE)
    observe = world.network.observe

    def opened_meanwhile(*asked: Collection[str]) -> Sequence[ObservedVpc]:
        seen = observe(*asked)
        world.network.observe = observe
        world.clock.advance(seconds=1)
        world.network.set_policy(endpoint_id, OPEN)
        world.network.before_apply = denying(ActionKind.WRITE_POLICY)
        world.endpoint_change(endpoint_id)
        return seen

    world.network.observe = opened_meanwhile
    world.sweep()
    assert [finding.resolved for finding in world.heard.findings] == [False]


def denying(kind: ActionKind) -> Callable[[Action], None]:
    """Return what refuses the actions of one kind."""

    def deny(action: Action) -> None:
        if action.kind is kind:
            raise TerminalError(f"{kind}: UnauthorizedOperation")

    return deny


def test_a_group_that_goes_after_its_endpoint_is_not_told_of() -> None:
    """That the guardrail stepped aside was."""
    world = World()
    vpc_id = world.network.add_vpc()
    world.settled(vpc_id)
    world.heard.kinds()
    world.tears_down(vpc_id)
    assert world.heard.kinds() == ["Teardown Yielded"]
    world.looks_again(vpc_id)
    assert world.network.state[vpc_id].groups == ()
    assert world.heard.kinds() == []


def test_the_finding_of_an_endpoint_that_is_gone_is_resolved() -> None:
    """Nobody would look at it any more."""
    world, vpc_id, endpoint_id = found()
    world.network.delete_endpoint(endpoint_id)
    world.sweep()
    assert resolved(world, vpc_id) == "The endpoint is gone."


def test_the_findings_of_a_vpc_that_is_gone_are_resolved() -> None:
    """The event that deleted it is the last that names it."""
    world, vpc_id, _ = found()
    del world.network.state[vpc_id]
    world.vpc_change(vpc_id, "DeleteVpc")
    assert resolved(world, vpc_id) == "The endpoint is gone."


@pytest.mark.parametrize("whole", [True, False])
def test_the_finding_of_an_endpoint_that_was_exempted_is_resolved(*, whole: bool) -> None:
    """By its own tag or by the VPC's; when the exemption ends it is found again."""
    world, vpc_id, endpoint_id = found()
    world.intent = replace(world.intent, exemption_tag="exempt")
    tags = {"exempt": "until=2099-01-01; reason=migration"}
    if whole:
        world.network.change(vpc_id, tags=tags)
    else:
        world.network.change_endpoint(endpoint_id, tags=tags)
    world.sweep()
    assert resolved(world, vpc_id) == "The endpoint is exempt."


def found() -> tuple[World, str, str]:
    """Return a world in observe mode with an endpoint that has a finding."""
    world = World()
    world.intent = replace(world.intent, mode=Mode.OBSERVE)
    vpc_id, endpoint_id = opened(world)
    world.endpoint_change(endpoint_id)
    assert set(world.records.memory(vpc_id).findings) == {endpoint_id}
    return world, vpc_id, endpoint_id


def resolved(world: World, vpc_id: str) -> str:
    """Return why the last finding was resolved; nothing is left open."""
    assert world.records.memory(vpc_id).findings == {}
    assert asff(world.heard.findings[-1])["RecordState"] == "ARCHIVED"
    return world.heard.findings[-1].description


def asff(finding: SecurityFinding) -> dict[str, object]:
    """Return the finding as Security Hub gets it."""
    return finding.asff(WHERE)

"""What a person reads on a phone: one snapshot of each kind, kept as a file beside this one.

After a wanted change write them anew (`WRITE_SNAPSHOTS=1 pytest tests/unit/telling`), read them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from guardrail.core.model import AbsentEndpoint, Mode
from guardrail.core.names import Service
from guardrail.errors import TerminalError
from guardrail.herald import WINDOW
from guardrail.messages import Message
from support.fakes import BASELINE, OPEN
from support.values import policy
from support.world import World

SNAPSHOTS = Path(__file__).parent / "messages"
TWO_FAMILIES = {
    "StringEquals": {"aws:MultiFactorAuthAge": "5"},
    "NumericEquals": {"aws:MultiFactorAuthAge": "5"},
}
STRICTER = policy(Action="states:StartExecution")


def loosen(world: World, endpoint_id: str, text: str = OPEN) -> None:
    """Let alice write a policy four seconds before the guardrail hears of it."""
    world.network.set_policy(endpoint_id, text)
    written = world.clock()
    world.network.before_apply = lambda _: setattr(
        world.clock, "time", written + timedelta(seconds=4)
    )
    world.endpoint_change(endpoint_id)


def own(world: World, text: str = STRICTER) -> str:
    """Let there be an owner's endpoint that was seen with a policy."""
    endpoint_id = world.network.add_endpoint(world.network.add_vpc(), text)
    world.endpoint_change(endpoint_id)
    return endpoint_id


def made(world: World) -> tuple[str, str]:
    """Let the guardrail make an endpoint; return the ids of VPC and endpoint."""
    vpc_id = world.network.add_vpc()
    world.settled(vpc_id)
    return vpc_id, world.network.endpoints(vpc_id)[0].endpoint_id


def reverted(world: World) -> None:
    """Put a team's stricter policy back."""
    loosen(world, own(world))


def reverted_with_denies(world: World) -> None:
    """Nothing complied before; the policy had a restriction of its own."""
    deny = {"Effect": "Deny", "Principal": "*", "Action": "states:Delete*", "Resource": "*"}
    both = {"Version": "2012-10-17", "Statement": [*json.loads(OPEN)["Statement"], deny]}
    endpoint_id = world.network.add_endpoint(world.network.add_vpc(), json.dumps(both))
    world.sweep()
    assert world.network.endpoint(endpoint_id).policy != json.dumps(both)


def reverted_unverified(world: World) -> None:
    """Write what EC2 does not show within some seconds."""
    world.network.settled_policy = lambda *_: None
    loosen(world, own(world))


def reverted_undecided(world: World) -> None:
    """Put back a policy that the engine does not judge."""
    loosen(world, own(world), policy(Condition=TWO_FAMILIES))


def contested(world: World) -> None:
    """Put it back for the fourth time within an hour."""
    endpoint_id = own(world)
    for _ in range(4):
        loosen(world, endpoint_id)


def breaker(world: World) -> None:
    """Put it back for the eleventh time within an hour."""
    endpoint_id = own(world)
    for _ in range(11):
        loosen(world, endpoint_id)


def created(world: World) -> None:
    """Give a VPC its endpoint."""
    made(world)


def repaired(world: World) -> None:
    """Put right that somebody switched private DNS off."""
    vpc_id, endpoint_id = made(world)
    world.heard.messages.clear()
    world.network.change_endpoint(endpoint_id, private_dns=False)
    world.endpoint_change(endpoint_id)
    assert world.network.endpoints(vpc_id)[0].private_dns


def repaired_in_part(world: World) -> None:
    """Put right one of two things: an endpoint gets one write in each pass."""
    vpc_id, endpoint_id = made(world)
    world.heard.messages.clear()
    (endpoint,) = world.network.endpoints(vpc_id)
    kept = frozenset(sorted(endpoint.subnet_ids)[:1])
    world.network.change_endpoint(endpoint_id, private_dns=False, subnet_ids=kept)
    world.endpoint_change(endpoint_id)


def made_way_for_a_name(world: World) -> None:
    """Let alice fail to make an endpoint of her own, because of ours."""
    vpc_id, _ = made(world)
    world.heard.messages.clear()
    world.wants_endpoint(vpc_id)


def made_way_for_an_endpoint(world: World) -> None:
    """Find that the owner's own endpoint works beside ours."""
    vpc_id, endpoint_id = made(world)
    world.heard.messages.clear()
    world.wants_endpoint(vpc_id)
    world.network.add_endpoint(vpc_id, BASELINE, private_dns=True)
    world.looks_again(vpc_id)
    assert endpoint_id not in {e.endpoint_id for e in world.network.endpoints(vpc_id)}


def made_way_for_a_new_one(world: World) -> None:
    """Find that the endpoint failed to be made; it goes, and another one comes."""
    vpc_id, endpoint_id = made(world)
    world.heard.messages.clear()
    failed = AbsentEndpoint(endpoint_id, Service.STATES, failed=True)
    world.network.change(vpc_id, endpoints=(), absent=(failed,))
    world.sweep()


def observed(world: World) -> None:
    """Tell in observe mode what would be done."""
    endpoint_id = own(world)
    world.intent = replace(world.intent, mode=Mode.OBSERVE)
    loosen(world, endpoint_id)


def refused(world: World) -> None:
    """Try to write what the role may not."""

    def deny(_: object) -> None:
        raise TerminalError(
            "WritePolicy vpce-00000000000000005: UnauthorizedOperation: You are not authorized to"
            " perform this operation. (allow the action to the function's role, or exempt the role"
            " from the organisation's policy that denies it)"
        )

    endpoint_id = own(world)
    world.network.before_apply = deny
    world.network.set_policy(endpoint_id, OPEN)
    world.endpoint_change(endpoint_id)


def yielded(world: World) -> None:
    """Let somebody fail to delete the VPC."""
    vpc_id, _ = made(world)
    world.heard.messages.clear()
    world.tears_down(vpc_id)


def yielded_to_deletion(world: World) -> None:
    """Let somebody delete a managed endpoint."""
    vpc_id, endpoint_id = made(world)
    world.heard.messages.clear()
    world.network.delete_endpoint(endpoint_id)
    world.endpoint_change(endpoint_id, "DeleteVpcEndpoints")
    assert world.network.endpoints(vpc_id) == ()


def held_back(world: World) -> None:
    """Let a sweep find, when the window has ended, that some were not sent."""
    endpoint_id = own(world)
    for _ in range(3):
        loosen(world, endpoint_id)
    world.heard.messages.clear()
    world.clock.time += WINDOW
    world.sweep()


KINDS: tuple[Callable[[World], None], ...] = (
    reverted,
    reverted_with_denies,
    reverted_unverified,
    reverted_undecided,
    contested,
    breaker,
    created,
    repaired,
    repaired_in_part,
    made_way_for_a_name,
    made_way_for_an_endpoint,
    made_way_for_a_new_one,
    observed,
    refused,
    yielded,
    yielded_to_deletion,
    held_back,
)


@pytest.mark.parametrize("happens", KINDS, ids=lambda happens: happens.__name__)
def test_a_person_reads_what_to_do(happens: Callable[[World], None]) -> None:
    """The last message of each kind is the one in the file."""
    world = World()
    happens(world)
    message = world.heard.messages[-1]
    file = SNAPSHOTS / f"{happens.__name__}.txt"
    if os.environ.get("WRITE_SNAPSHOTS"):
        file.write_text(as_text(message))
    assert as_text(message) == file.read_text()
    assert len(message.subject) <= 100
    assert message.subject.isascii()
    assert "\n" not in message.subject


def test_there_is_no_snapshot_without_its_kind() -> None:
    """A file that nothing is compared with says nothing."""
    assert {f.stem for f in SNAPSHOTS.glob("*")} == {happens.__name__ for happens in KINDS}


def test_one_message_is_sent_for_an_endpoint_and_reason_within_the_hour() -> None:
    """The next one tells how many were held back."""
    world = World()
    endpoint_id = own(world, BASELINE)
    for _ in range(3):
        loosen(world, endpoint_id)
    assert len(world.heard.messages) == 1
    world.clock.time += WINDOW
    loosen(world, endpoint_id)
    assert len(world.heard.messages) == 2
    assert "2 more like it" in world.heard.messages[-1].text


def test_what_was_held_back_is_told_once() -> None:
    """By the first sweep after the window; events were announced all the same."""
    world = World()
    endpoint_id = own(world, BASELINE)
    for _ in range(3):
        loosen(world, endpoint_id)
    assert world.heard.kinds() == ["Policy Reverted"] * 3
    world.clock.time += WINDOW
    world.sweep()
    world.sweep()
    assert [m.subject for m in world.heard.messages[1:]] == [
        f"Step Functions guardrail: policy put back 2 more times, {endpoint_id}"
    ]


def as_text(message: Message) -> str:
    """Return the message as its file holds it."""
    return f"Subject: {message.subject}\n\n{message.text}"

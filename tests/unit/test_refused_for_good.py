"""What nobody lets the guardrail do keeps waiting only what needs it."""

from __future__ import annotations

from dataclasses import replace

from guardrail.core.actions import (
    ENDPOINT_WRITES,
    Action,
    AddSubnets,
    AuthorizeClients,
    CreateSecurityGroup,
    DeleteEndpoint,
    RestoreTags,
    WritePolicy,
)
from guardrail.core.names import Service
from guardrail.errors import RetryableError, TerminalError
from guardrail.notices import Kind
from support.fakes import BASELINE, OPEN
from support.stories import covered, new_world, refusing, untag
from support.world import World

BOTH = tuple(Service)


def test_subnets_are_added_though_no_rule_can_be() -> None:
    """The name waits: calls would go where some clients are not let in."""
    world, vpc_id = covered()
    (ours,) = world.network.endpoints(vpc_id)
    subnets = ours.subnet_ids
    fewer = frozenset(sorted(subnets)[:1])
    world.network.change_endpoint(ours.endpoint_id, private_dns=False, subnet_ids=fewer)
    world.network.change(vpc_id, cidrs=("10.0.0.0/16", "10.9.0.0/16"))
    world.network.before_apply = refusing(AuthorizeClients)
    for _ in range(3):
        world.sweep()
        world.clock.advance(hours=1)
    (ours,) = world.network.endpoints(vpc_id)
    assert (ours.subnet_ids, ours.private_dns) == (subnets, False)


def test_the_other_services_endpoint_is_repaired() -> None:
    """Though the tag of the first cannot be put back."""
    world, vpc_id = covered(*BOTH)
    first, second = world.network.endpoints(vpc_id)
    world.network.change_endpoint(first.endpoint_id, tags={}, private_dns=False)
    world.network.change_endpoint(second.endpoint_id, private_dns=False)
    world.network.before_apply = refusing(RestoreTags)
    for _ in range(3):
        world.sweep()
        world.clock.advance(hours=1)
    named = [world.network.endpoint(e.endpoint_id).private_dns for e in (first, second)]
    assert named == [False, True]


def test_the_other_service_gets_its_endpoint_with_its_own_group() -> None:
    """Though the group of the first, or of the second, cannot be made."""
    for refused, made in (BOTH, BOTH[::-1]):
        world = new_world(services=BOTH)
        vpc_id = world.network.add_vpc()

        def refuse(action: Action, name: str = f"sfn-endpoint-guardrail-{refused}") -> None:
            if isinstance(action, CreateSecurityGroup) and action.name == name:
                raise TerminalError("explicit deny")

        world.network.before_apply = refuse
        for _ in range(3):
            world.settled(vpc_id)
        assert [e.service for e in world.network.endpoints(vpc_id)] == [made]
        assert len(world.network.state[vpc_id].groups) == 1


def test_a_name_is_not_given_where_nobody_would_answer() -> None:
    """The endpoint stands in no subnet, its group cannot be made, or not be filled."""

    def no_subnets(world: World, vpc_id: str) -> None:
        (ours,) = world.network.endpoints(vpc_id)
        world.network.change_endpoint(ours.endpoint_id, subnet_ids=frozenset())

    def no_group(world: World, vpc_id: str) -> None:
        (ours,) = world.network.endpoints(vpc_id)
        world.network.change_endpoint(ours.endpoint_id, group_ids=frozenset({"sg-default"}))
        world.network.change(vpc_id, groups=())

    def untagged_group(world: World, vpc_id: str) -> None:
        untag(world, vpc_id)
        (group,) = world.network.state[vpc_id].groups
        world.network.change(vpc_id, groups=(replace(group, clients=frozenset()),))

    for spoil, refused in (
        (no_subnets, AddSubnets),
        (no_group, CreateSecurityGroup),
        (untagged_group, RestoreTags),
    ):
        world, vpc_id = covered()
        (ours,) = world.network.endpoints(vpc_id)
        world.network.change_endpoint(ours.endpoint_id, private_dns=False)
        spoil(world, vpc_id)
        world.network.before_apply = refusing(refused)
        for _ in range(3):
            world.sweep()
            world.endpoint_change(ours.endpoint_id)
            world.clock.advance(hours=1)
        assert not world.network.endpoint(ours.endpoint_id).private_dns, refused


def test_the_other_services_endpoint_gets_its_name() -> None:
    """Though no rule can be added to the group of the first."""
    world, vpc_id = covered(*BOTH)
    first, second = world.network.endpoints(vpc_id)
    world.network.change_endpoint(second.endpoint_id, private_dns=False)
    groups = world.network.state[vpc_id].groups
    emptied = (
        replace(g, clients=frozenset()) if g.group_id in first.group_ids else g for g in groups
    )
    world.network.change(vpc_id, groups=tuple(emptied))
    world.network.before_apply = refusing(AuthorizeClients)
    world.sweep()
    assert world.network.endpoint(second.endpoint_id).private_dns


def test_an_endpoint_that_cannot_be_tagged_is_not_tried_to_be_deleted() -> None:
    """No role may delete what does not bear the tag."""
    world, vpc_id = covered()
    (ours,) = world.network.endpoints(vpc_id)
    world.network.change_endpoint(ours.endpoint_id, tags={}, private_dns=False)
    theirs = world.network.add_endpoint(vpc_id, BASELINE, private_dns=True)
    world.network.change_endpoint(theirs, subnet_ids=ours.subnet_ids)
    tried: list[Action] = []

    def refuse(action: Action) -> None:
        tried.append(action)
        raise TerminalError("explicit deny")

    world.network.before_apply = refuse
    world.sweep()
    assert [type(action) for action in tried] == [RestoreTags]


def test_refused_writes_leave_tokens_to_other_vpcs() -> None:
    """EC2 grants an account few; policies are tried in any case."""
    world, vpc_id = covered(*BOTH)
    for one in world.network.endpoints(vpc_id):
        fewer = frozenset(sorted(one.subnet_ids)[:1])
        world.network.change_endpoint(
            one.endpoint_id, group_ids=frozenset({"sg-x"}), subnet_ids=fewer, policy=OPEN
        )
    tried: list[Action] = []

    def refuse(action: Action) -> None:
        if action.kind in ENDPOINT_WRITES:
            tried.append(action)
            raise TerminalError("explicit deny")

    world.network.before_apply = refuse
    world.sweep()
    policies = [action for action in tried if isinstance(action, WritePolicy)]
    assert (len(policies), len(tried)) == (2, 4)


def test_two_groups_are_told_of_in_one() -> None:
    """A group is nobody's single endpoint's, so both notices would read the same."""
    world, vpc_id = covered(*BOTH)
    world.network.change(vpc_id, cidrs=("10.0.0.0/16", "10.9.0.0/16"))
    world.network.before_apply = refusing(AuthorizeClients)
    world.heard.messages.clear()
    world.sweep()
    assert len(world.heard.messages) == 1
    (detail,) = (d for kind, d in world.heard.events if kind == Kind.REFUSED)
    told = {finding["endpoint_id"] for finding in detail["drift"]}
    assert told == {one.endpoint_id for one in world.network.endpoints(vpc_id)}


def test_what_ec2_said_is_told_though_the_table_fails() -> None:
    """The attempt is repeated for the table's sake."""
    world, vpc_id = covered()
    world.network.before_apply = refusing(DeleteEndpoint)

    def fails(*_: object) -> None:
        raise RetryableError("the table does not answer")

    world.records.note_staying = fails
    world.tears_down(vpc_id)
    assert [type(error) for error in world.errors] == [RetryableError]
    assert any("explicit deny" in str(detail) for _, detail in world.heard.events)

"""Carrying out a plan: what waits for what, what one pass may write, what is stored before."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from guardrail.core.actions import (
    Action,
    ActionKind,
    AttachSecurityGroup,
    AuthorizeClients,
    CreateSecurityGroup,
    EnableVpcDns,
    SetPrivateDns,
    WritePolicy,
)
from guardrail.core.groups import PENDING_GROUP
from guardrail.core.memory import VpcMemory
from guardrail.core.model import Intent, Mode, Plan, VpcDns
from guardrail.core.policy import decide
from guardrail.core.trail import Trigger
from guardrail.errors import GuardrailError, PolicyRefusedError, RefusedError
from guardrail.execution import Execution
from guardrail.ports import Applied, Network, Result
from guardrail.report import Outcome
from guardrail.reverting import Reverting
from support.fakes import BASELINE, OPEN, Clock, FakeEvidence, FakeNetwork, FakeRecords
from support.world import ENDPOINT_CHANGE, EVERYTHING, World

EVENT = Trigger("CreateSubnet", frozenset({"vpc-1"}))


class _Gone(FakeNetwork):
    """A network in which everything is gone by the time of the write."""

    def apply(self, action: Action) -> Applied:
        """Find nothing to act upon."""
        del action
        return Applied(Result.GONE)


class _Strict(FakeNetwork):
    """A network that takes no policy with a Deny statement."""

    def apply(self, action: Action) -> Applied:
        """Refuse what EC2's stricter rules refuse."""
        if isinstance(action, WritePolicy) and "Deny" in action.policy:
            raise PolicyRefusedError("InvalidPolicyDocument")
        return super().apply(action)


def execution(
    network: Network, evidence: FakeEvidence, allowed: frozenset[ActionKind]
) -> Execution:
    """Return an execution that an event started."""
    clock = Clock()
    reverting = Reverting(
        network,
        evidence,
        EVENT,
        vpc_id="vpc-1",
        baseline=BASELINE,
        intent=Intent(),
        memory=VpcMemory(),
        kept={},
        looked=clock(),
        judge=lambda _: [],
        now=clock,
    )
    return Execution(
        network,
        FakeRecords(),
        EVENT,
        memory=VpcMemory(),
        reverting=reverting,
        allowed=allowed,
        now=clock,
    )


def managed(world: World, **changes: object) -> tuple[str, str]:
    """Let the guardrail make an endpoint, then change it; return the ids of VPC and endpoint."""
    vpc_id = world.network.add_vpc()
    world.settled(vpc_id)
    (endpoint,) = world.network.endpoints(vpc_id)
    world.network.change(vpc_id, endpoints=(replace(endpoint, **changes),))  # type: ignore[arg-type]
    return vpc_id, endpoint.endpoint_id


def results(run: Execution) -> list[Result]:
    """Return what became of each action."""
    return [step.result for step in run.steps]


def test_private_dns_waits_for_attributes_that_this_function_may_not_enable() -> None:
    """EC2 would refuse it; so EndpointChange defers both instead of failing and retrying."""
    run = execution(FakeNetwork(), FakeEvidence(), ENDPOINT_CHANGE)
    actions = (EnableVpcDns("vpc-1", "enableDnsHostnames"), SetPrivateDns("vpce-1"))
    assert run.carry_out(Plan("vpc-1", actions=actions)) is None
    assert results(run) == [Result.DEFERRED] * 2


def test_the_loop_defers_private_dns_likewise() -> None:
    """With VpcDns=enable the sweep turns attributes and private DNS on."""
    world = World()
    world.intent = replace(world.intent, vpc_dns=VpcDns.ENABLE)
    vpc_id, endpoint_id = managed(world, private_dns=False)
    attributes = world.network.state[vpc_id].dns
    assert attributes is not None
    world.network.change(vpc_id, dns=replace(attributes, hostnames=False))
    (report,) = world.endpoint_change(endpoint_id)
    assert report.outcome is Outcome.DEFERRED
    assert world.errors == []
    world.sweep()
    assert world.network.endpoint(endpoint_id).private_dns


def test_nothing_is_done_with_a_group_that_could_not_be_made() -> None:
    """The VPC is gone: no call carries the place that the plan held for the group's id."""
    run = execution(_Gone(), FakeEvidence(), EVERYTHING)
    actions: tuple[Action, ...] = (
        CreateSecurityGroup("vpc-1", "name"),
        AuthorizeClients(PENDING_GROUP, ("10.0.0.0/16",)),
        AttachSecurityGroup("vpce-1", PENDING_GROUP),
    )
    assert run.carry_out(Plan("vpc-1", actions=actions)) is None
    assert results(run) == [Result.GONE, Result.DEFERRED, Result.DEFERRED]


def test_observe_tells_at_once_what_enforce_does_in_two_passes() -> None:
    """An open policy and a missing group: what is only recorded brings no event for the next."""
    told: list[list[tuple[ActionKind, bool]]] = []
    for mode in (Mode.ENFORCE, Mode.OBSERVE):
        world = World()
        vpc_id, _ = managed(world, policy=OPEN, group_ids=frozenset())
        world.network.change(vpc_id, groups=())
        world.intent = replace(world.intent, mode=mode)
        (report,) = world.sweep()
        told.append([(s.action.kind, s.result is Result.DEFERRED) for s in report.steps])
    assert [kind for kind, _ in told[0]] == [kind for kind, _ in told[1]]
    assert (ActionKind.ATTACH_SECURITY_GROUP, True) in told[0]
    assert not any(deferred for _, deferred in told[1])


def test_a_policy_outside_the_baseline_is_refused_before_the_call() -> None:
    """Whatever planned it, and without leaving a before-image of a write that was not made."""
    network, evidence = FakeNetwork(), FakeEvidence()
    before = json.dumps(json.loads(OPEN))
    endpoint_id = network.add_endpoint(network.add_vpc(), before)
    run = execution(network, evidence, EVERYTHING)
    error = run.carry_out(Plan("vpc-1", actions=(WritePolicy(endpoint_id, OPEN, before),)))
    assert isinstance(error, RefusedError)
    assert network.endpoint(endpoint_id).policy == before
    assert evidence.images == []


def test_what_a_write_replaces_is_stored_before_it() -> None:
    """At the moment of the write the before-image is there already."""
    network, evidence = FakeNetwork(), FakeEvidence()
    endpoint_id = network.add_endpoint(network.add_vpc(), OPEN)
    stored: list[str] = []
    network.before_apply = lambda _: stored.extend(image.before for image in evidence.images)
    run = execution(network, evidence, EVERYTHING)
    run.carry_out(Plan("vpc-1", actions=(WritePolicy(endpoint_id, BASELINE, OPEN),)))
    assert stored == [OPEN]


@pytest.mark.parametrize("break_records", [True, False])
def test_without_its_before_image_a_policy_is_not_written(*, break_records: bool) -> None:
    """A record that cannot be stored keeps the write back; the error says so."""
    network, evidence = FakeNetwork(), FakeEvidence()
    endpoint_id = network.add_endpoint(network.add_vpc(), OPEN)
    if break_records:
        evidence.faults.at = 0
    run = execution(network, evidence, EVERYTHING)
    error = run.carry_out(Plan("vpc-1", actions=(WritePolicy(endpoint_id, BASELINE, OPEN),)))
    assert isinstance(error, GuardrailError) is break_records
    assert decide(network.endpoint(endpoint_id).policy, BASELINE).contained is not break_records


def test_the_intention_to_create_is_noted_before_the_endpoint_is_made() -> None:
    """A process that dies between the two leaves a note by which the endpoint is claimed."""
    world = World()
    seen: list[object] = []
    watch: Callable[[Action], None] = lambda action: seen.extend(  # noqa: E731
        (creation.endpoint_ids, creation.unanswered)
        for memory in world.records.remembered.values()
        for creation in memory.creations.values()
        if action.kind is ActionKind.CREATE_ENDPOINT
    )
    world.network.before_apply = watch
    world.settled(world.network.add_vpc())
    assert seen == [(frozenset(), True)]


def test_where_a_kept_deny_is_refused_the_baseline_alone_is_written() -> None:
    """An endpoint must not stay open because EC2 takes no statement that only narrowed it."""
    world = World(network=_Strict())
    vpc_id, endpoint_id = managed(world, policy=OPEN)
    kept = json.loads(BASELINE)
    kept["Statement"].append({"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"})
    evidence = FakeEvidence()
    run = execution(world.network, evidence, EVERYTHING)
    write = WritePolicy(endpoint_id, json.dumps(kept), before=OPEN)
    assert run.carry_out(Plan(vpc_id, actions=(write,))) is None
    assert json.loads(world.network.endpoint(endpoint_id).policy) == json.loads(BASELINE)
    assert [json.loads(s.action.policy) for s in run.steps] == [json.loads(BASELINE)]  # type: ignore[union-attr]

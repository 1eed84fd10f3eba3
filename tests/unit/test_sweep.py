"""The sweep: what it does first, what it leaves to the next one, and what it tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from guardrail.core.actions import Action, CreateEndpoint, WritePolicy
from guardrail.core.names import MANAGED_TAG, Service
from guardrail.core.policy import decide
from guardrail.core.reasons import Reason
from guardrail.errors import GuardrailError, RetryableError, TerminalError
from guardrail.ports import Result
from guardrail.report import Outcome, Report
from guardrail.summary import Summary
from support.fakes import BASELINE, OPEN
from support.stories import new_world
from support.world import World


def of_outcome(reports: list[Report], outcome: Outcome) -> list[str]:
    """Return the VPCs with that outcome."""
    return [report.vpc_id for report in reports if report.outcome is outcome]


def bare(count: int, writes: int) -> tuple[World, list[str]]:
    """Return a world with VPCs that lack an endpoint, and sweeps that make so many writes."""
    world = World(sweep_writes=writes)
    return world, [world.network.add_vpc() for _ in range(count)]


def test_a_sweep_writes_to_a_set_number_of_vpcs_and_the_next_to_the_rest() -> None:
    """EC2's endpoint writes belong to the whole account; nothing is left for good."""
    world, vpc_ids = bare(5, writes=2)
    done = [len(of_outcome(world.sweep(), Outcome.REPAIRED)) for _ in range(4)]
    assert done == [2, 2, 1, 0]
    assert all(len(world.network.endpoints(vpc_id)) == 1 for vpc_id in vpc_ids)
    assert all(world.records.memory(vpc_id).put_off is None for vpc_id in vpc_ids)


def test_policies_come_before_creations() -> None:
    """What lets somebody through is closed first, however many endpoints are missing."""
    world, _ = bare(3, writes=1)
    exposed = world.network.add_vpc()
    endpoint_id = world.network.add_endpoint(exposed, OPEN)
    assert of_outcome(world.sweep(), Outcome.REPAIRED) == [exposed]
    assert decide(world.network.endpoint(endpoint_id).policy, BASELINE).contained


def test_what_was_put_off_the_longest_comes_first() -> None:
    """A VPC that came later waits, whatever its id."""
    world, vpc_ids = bare(3, writes=1)
    first = of_outcome(world.sweep(), Outcome.REPAIRED)
    world.clock.advance(hours=1)
    later = world.network.add_vpc()
    world.network.state = dict(sorted(world.network.state.items(), reverse=True))
    order = [of_outcome(world.sweep(), Outcome.REPAIRED)[0] for _ in range(3)]
    assert {*first, *order[:2]} == set(vpc_ids)
    assert order[2] == later


def test_a_vpc_that_fails_each_time_does_not_keep_the_others_waiting() -> None:
    """It goes to the end of the row."""
    world, vpc_ids = bare(3, writes=1)
    world.network.before_apply = lambda action: _fail_in(vpc_ids[0], action)
    for _ in range(4):
        world.sweep()
        world.clock.advance(hours=1)
    made = [bool(world.network.endpoints(vpc_id)) for vpc_id in vpc_ids]
    assert made == [False, True, True]


def _fail_in(vpc_id: str, action: object) -> None:
    if getattr(action, "vpc_id", None) == vpc_id:
        raise TerminalError("denied")


def test_what_its_time_does_not_suffice_for_is_left_to_the_next() -> None:
    """It stops before Lambda ends it, and reports what it put off."""
    world, vpc_ids = bare(2, writes=10)
    world.seconds_left = 20.0
    reports = world.sweep()
    assert of_outcome(reports, Outcome.DEFERRED) == vpc_ids
    assert {step.result for step in reports[0].steps} == {Result.DEFERRED}
    assert all(report.put_off for report in reports)
    world.seconds_left = 600.0
    assert of_outcome(world.sweep(), Outcome.REPAIRED) == vpc_ids


@pytest.mark.parametrize("error", [RetryableError("throttled"), TerminalError("denied")])
def test_who_answers_for_names_cannot_be_asked_and_policies_are_closed_all_the_same(
    error: GuardrailError,
) -> None:
    """Only the creation waits; that it could not be decided is told."""
    world = World()
    vpc_id = world.network.add_vpc()
    sync = world.network.add_endpoint(vpc_id, OPEN, service=Service.SYNC_STATES)
    world.resolution.fails = error
    (report,) = world.sweep()
    assert decide(world.network.endpoint(sync).policy, BASELINE).contained
    assert not world.network.state[vpc_id].endpoints_of(Service.STATES)
    assert not world.network.state[vpc_id].groups
    assert (report.outcome, world.errors) == (Outcome.FAILED, [error])
    assert Reason.ENDPOINT_MISSING in {finding.reason for finding in report.findings}


def test_what_cannot_be_read_of_one_vpc_stops_neither_its_policies_nor_the_others() -> None:
    """What depends on the DNS attributes waits in that VPC alone, and the error is told."""
    world, (dark, other) = bare(2, writes=100)
    sync = world.network.add_endpoint(dark, OPEN, service=Service.SYNC_STATES)
    denied = TerminalError("denied")
    world.network.change(dark, dns=None, unread=denied)
    world.sweep()
    assert decide(world.network.endpoint(sync).policy, BASELINE).contained
    assert not world.network.state[dark].endpoints_of(Service.STATES)
    assert (len(world.network.endpoints(other)), world.errors) == (1, [denied])


def test_policies_are_closed_before_anybody_is_asked_and_what_time_allows_is_asked() -> None:
    """Route 53 answers five requests a second; the next sweep goes on with the rest."""
    world, vpc_ids = bare(30, writes=100)
    endpoint_id = world.network.add_endpoint(world.network.add_vpc(), OPEN)
    open_when_asked: list[bool] = []

    def slow() -> None:
        world.seconds_left -= 20.0
        policy = world.network.endpoint(endpoint_id).policy
        open_when_asked.append(not decide(policy, BASELINE).contained)

    world.resolution.before = slow
    made = []
    for _ in range(4):
        world.seconds_left = 200.0
        world.sweep()
        assert world.seconds_left > 0
        made.append(sum(bool(world.network.endpoints(vpc_id)) for vpc_id in vpc_ids))
    assert not any(open_when_asked)
    assert made == [9, 18, 27, 30]


def test_nobody_is_asked_about_a_vpc_whose_turn_has_not_come() -> None:
    """The calls belong to the creation; the report says what is missing."""
    world, _ = bare(10, writes=2)
    reports = world.sweep()
    assert world.resolution.asked == 2
    assert all(Reason.ENDPOINT_MISSING in {f.reason for f in r.findings} for r in reports)


def test_what_is_served_centrally_takes_no_turn() -> None:
    """However many are, what lacks its endpoint gets it with the first sweep."""
    world, vpc_ids = bare(10, writes=1)
    world.resolution.answers = dict.fromkeys(vpc_ids[:9], "forwarding rule")
    reports = world.sweep()
    assert of_outcome(reports, Outcome.SKIPPED) == vpc_ids[:9]
    assert of_outcome(reports, Outcome.REPAIRED) == vpc_ids[9:]


@pytest.mark.parametrize("writes", [2, 3, 8])
def test_policies_that_cannot_be_closed_leave_turns_to_the_others(writes: int) -> None:
    """Nor do those that somebody keeps opening: a quarter of the turns is for other work."""
    world, vpc_ids = bare(3, writes=writes)
    for _ in range(writes):
        world.network.add_endpoint(world.network.add_vpc(), OPEN)
    world.network.before_apply = _deny_policies
    for _ in range(3):
        world.sweep()
        world.clock.advance(hours=1)
    assert all(world.network.endpoints(vpc_id) for vpc_id in vpc_ids)


def _deny_policies(action: object) -> None:
    if isinstance(action, WritePolicy):
        raise TerminalError("denied")


def test_turns_that_nothing_else_needs_are_for_policies() -> None:
    """Nothing is kept back for what is not there."""
    world = World(sweep_writes=4)
    for _ in range(4):
        world.network.add_endpoint(world.network.add_vpc(), OPEN)
    assert len(of_outcome(world.sweep(), Outcome.REPAIRED)) == 4


def test_an_endpoint_that_the_owner_made_meanwhile_is_seen() -> None:
    """A sweep that writes to many comes to the last ones minutes after it has looked."""
    world, (first, second) = bare(2, writes=100)

    def meanwhile(action: object) -> None:
        if isinstance(action, CreateEndpoint) and action.vpc_id == first:
            world.network.add_endpoint(second, BASELINE)

    world.network.before_apply = meanwhile
    reports = {report.vpc_id: report for report in world.sweep()}
    assert len(world.network.endpoints(second)) == 1
    assert [finding.reason for finding in reports[second].findings] == [Reason.ADOPTED]


def test_a_yield_that_began_meanwhile_is_heeded() -> None:
    """The table is read again, too: what is being torn down is not completed."""
    world, (torn,) = bare(1, writes=100)
    world.sweep()
    (endpoint,) = world.network.endpoints(torn)
    kept, left, _ = sorted(endpoint.subnet_ids)
    world.network.change_endpoint(endpoint.endpoint_id, subnet_ids=frozenset({kept, left}))
    bare_id = world.network.add_vpc()
    world.records.know(bare_id, put_off=world.clock() - timedelta(hours=1))

    def meanwhile(action: object) -> None:
        if isinstance(action, CreateEndpoint):
            world.network.add_interface(torn, kept)
            world.tears_down(torn, left)

    world.network.before_apply = meanwhile
    world.sweep()
    assert world.records.memory(torn).yielded is not None
    assert world.network.endpoint(endpoint.endpoint_id).subnet_ids == {kept}


def test_a_vpc_that_went_meanwhile_is_an_outcome() -> None:
    """Nothing is written to it, and nothing failed."""
    world, (first, second) = bare(2, writes=100)

    def meanwhile(action: object) -> None:
        if isinstance(action, CreateEndpoint) and action.vpc_id == first:
            del world.network.state[second]

    world.network.before_apply = meanwhile
    assert of_outcome(world.sweep(), Outcome.GONE) == [second]
    assert world.errors == []


def test_an_open_policy_does_not_keep_the_rest_of_its_vpc_waiting() -> None:
    """It is closed first; what needs no second endpoint write follows, and both are told."""
    world, (vpc_id,) = bare(1, writes=100)
    world.sweep()
    (endpoint,) = world.network.endpoints(vpc_id)
    world.network.change_endpoint(endpoint.endpoint_id, policy=OPEN, tags={}, private_dns=False)
    (report,) = world.sweep()
    now = world.network.endpoint(endpoint.endpoint_id)
    assert decide(now.policy, BASELINE).contained
    assert MANAGED_TAG in now.tags
    assert not now.private_dns
    assert {Reason.POLICY_BROADER, Reason.TAGS_MISSING} < {f.reason for f in report.findings}
    assert [step.result for step in report.steps].count(Result.APPLIED) == 2
    assert len(world.evidence.images) == 1


def test_a_policy_that_nobody_lets_be_closed_does_not_keep_the_rest_of_its_vpc_waiting() -> None:
    """A service control policy may deny it for good; it is reported by every sweep."""
    world = new_world(services=tuple(Service))
    vpc_id = world.network.add_vpc()
    world.network.add_endpoint(vpc_id, OPEN, private_dns=True)

    def denies(action: Action) -> None:
        if isinstance(action, WritePolicy):
            raise TerminalError("explicit deny in a service control policy")

    world.network.before_apply = denies
    (report,) = world.sweep()
    assert {e.service for e in world.network.endpoints(vpc_id)} == set(Service)
    assert (report.outcome, len(world.errors)) == (Outcome.FAILED, 1)
    assert "explicit deny" in (report.error or "")
    world.sweep()
    assert len(world.errors) == 2


def test_the_reads_do_not_grow_with_the_vpcs() -> None:
    """Each VPC with an endpoint in order costs no call of its own."""
    world, _ = bare(30, writes=100)
    world.sweep()
    world.sweep()  # remembers that each complies
    before = (world.network.faults.calls, world.records.faults.calls)
    assert len(of_outcome(world.sweep(), Outcome.COMPLIANT)) == 30
    after = (world.network.faults.calls, world.records.faults.calls)
    assert (after[0] - before[0], after[1] - before[1]) == (1, 1)


def test_the_summary_counts_and_lists_the_exemptions() -> None:
    """Exemptions are told even when nothing is wrong; then nothing else is."""
    world = World()
    world.intent = replace(world.intent, exemption_tag="x")
    good = {"x": "until=2099-01-01; reason=lift and shift"}
    exempt = world.network.add_vpc(tags=good)
    summary = Summary()
    for report in world.sweep():
        summary.add(report)
    assert not summary.found
    (told,) = summary.fields()["exemptions"]
    assert (told["id"], told["code"]) == (exempt, Reason.EXEMPT)
    assert "lift and shift" in told["message"]


def test_the_summary_tells_what_was_found_and_done() -> None:
    """Drift by code, actions by result, and what was put off."""
    world, _ = bare(2, writes=1)
    summary = Summary()
    for report in world.sweep():
        summary.add(report)
    fields = summary.fields()
    assert summary.found
    assert fields["drift"] == {Reason.ENDPOINT_MISSING: 2}
    assert fields["actions"]["CreateEndpoint:applied"] == 1
    assert (fields["vpcs"], fields["put_off"], fields["failed"]) == (2, 1, 0)

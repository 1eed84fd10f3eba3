"""The sweep: what it does first, what it leaves to the next one, and what it tells."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardrail.core.names import Service
from guardrail.core.policy import decide
from guardrail.core.reasons import Reason
from guardrail.errors import GuardrailError, RetryableError, TerminalError
from guardrail.ports import Result
from guardrail.report import Outcome, Report
from guardrail.summary import Summary
from support.fakes import BASELINE, OPEN
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

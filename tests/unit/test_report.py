"""What one reconcile tells: the outcome in a word, and the fields of the log line."""

from __future__ import annotations

import json

import pytest

from guardrail.core.actions import CreateEndpoint, CreateSecurityGroup, WritePolicy
from guardrail.core.model import Finding, Mode
from guardrail.core.names import Service
from guardrail.core.plan import policy_hash
from guardrail.core.policy import decide
from guardrail.core.reasons import Reason
from guardrail.core.trail import SWEEP, Trigger
from guardrail.ports import Result
from guardrail.report import Outcome, Report, Step
from support.fakes import BASELINE, OPEN

VPC, ENDPOINT = "vpc-0123456789abcdef0", "vpce-0123456789abcdef0"
REVERT = WritePolicy(ENDPOINT, BASELINE, OPEN)


def report(*results: Result, reasons: tuple[Reason, ...] = (), error: str | None = None) -> Report:
    """Return a report of policy writes with these results, and of findings."""
    findings = tuple(Finding(reason, "why") for reason in reasons)
    steps = tuple(Step(REVERT, result) for result in results)
    return Report(VPC, SWEEP, Mode.ENFORCE, findings=findings, steps=steps, error=error)


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        (report(), Outcome.COMPLIANT),
        (report(reasons=(Reason.ADOPTED,)), Outcome.COMPLIANT),
        (report(Result.APPLIED, reasons=(Reason.POLICY_BROADER,)), Outcome.REPAIRED),
        (report(Result.APPLIED, Result.DEFERRED), Outcome.REPAIRED),
        (report(Result.DEFERRED, reasons=(Reason.SUBNET_MISSING,)), Outcome.DEFERRED),
        (report(Result.RECORDED, reasons=(Reason.POLICY_BROADER,)), Outcome.REPORTED),
        (report(reasons=(Reason.ENDPOINT_MISSING,)), Outcome.REPORTED),
        (report(reasons=(Reason.SETTLING, Reason.WAITING_FOR_DNS)), Outcome.SETTLING),
        (report(reasons=(Reason.WAITING_FOR_SUBNETS,)), Outcome.WAITING),
        (report(reasons=(Reason.EXEMPT,)), Outcome.SKIPPED),
        (report(reasons=(Reason.NOT_APPLICABLE,)), Outcome.SKIPPED),
        (report(Result.APPLIED, Result.FAILED, error="denied"), Outcome.FAILED),
    ],
)
def test_the_outcome_is_the_most_telling_word(given: Report, outcome: Outcome) -> None:
    """The worst first: a failure before a repair, a repair before what waits."""
    assert given.outcome is outcome


def test_drift_stands_apart_from_states() -> None:
    """What is to be removed, and what is good to know."""
    fields = report(reasons=(Reason.POLICY_BROADER, Reason.ADOPTED)).fields()
    assert (fields["drift"], fields["states"]) == (["policy-broader"], ["adopted"])


def test_a_revert_tells_its_hashes_and_its_witness_and_no_policy() -> None:
    """Policies stand in the before-image only; the line has what proves them."""
    verdict = decide(OPEN, BASELINE)
    finding = Finding(Reason.POLICY_BROADER, "why", Service.STATES, ENDPOINT, verdict)
    trigger = Trigger("ModifyVpcEndpoint", actor="alice", event_id="e-1", user_agent="cli")
    done = Report(VPC, trigger, Mode.ENFORCE, (finding,), (Step(REVERT, Result.APPLIED),))
    fields = done.fields()
    assert fields["policy_sha256_before"] == policy_hash(OPEN)
    assert fields["policy_sha256_after"] == policy_hash(BASELINE)
    assert (fields["actor"], fields["event_id"], fields["user_agent"]) == ("alice", "e-1", "cli")
    assert fields["witness"]["action"].startswith("states:")
    text = json.dumps(fields)
    assert "Statement" not in text


def test_an_action_tells_its_target_and_what_it_was_about() -> None:
    """What was made where something was made, else what was changed."""
    made = Step(CreateSecurityGroup(VPC, "name"), Result.APPLIED, "sg-1")
    create = CreateEndpoint(
        VPC, Service.STATES, "n", BASELINE, ("subnet-1",), "sg-1", private_dns=True, generation=0
    )
    steps = (made, Step(create, Result.RECORDED), Step(REVERT, Result.FAILED))
    fields = Report(VPC, SWEEP, Mode.ENFORCE, steps=steps).fields()
    assert [action["target"] for action in fields["actions"]] == ["sg-1", VPC, ENDPOINT]
    assert fields["actions"][1]["detail"]["subnet_ids"] == ("subnet-1",)
    assert "policy" not in fields["actions"][1]["detail"]

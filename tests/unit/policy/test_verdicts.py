"""What a verdict says besides its outcome."""

from __future__ import annotations

import json
from typing import Any

import pytest

from guardrail.core.policy import BaselineError, Outcome, PolicyCode, decide

EVERYTHING: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "states:*",
    "Resource": "*",
}


def document(*statements: dict[str, Any]) -> str:
    """Return a policy of today's version."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_a_broader_policy_names_the_statement_and_a_request() -> None:
    """The reason points at the statement that lets the witness in, in one sentence."""
    narrow = {**EVERYTHING, "Action": "states:StartExecution"}
    verdict = decide(document(narrow, EVERYTHING), document(narrow))
    assert verdict.outcome is Outcome.BROADER
    (reason,) = verdict.reasons
    assert (reason.code, reason.statement, reason.pointer) == (
        PolicyCode.BROADER,
        1,
        "/Statement/1",
    )
    assert verdict.witness is not None
    assert verdict.witness.action in reason.message
    assert reason.message.startswith("statement 1 allows ")


def test_a_witness_passes_the_denies_of_the_candidate() -> None:
    """A candidate full of Denies gets a witness that none of them stops."""
    deny = {**EVERYTHING, "Effect": "Deny", "Action": ["states:S*", "states:D*", "states:L*"]}
    baseline = {**EVERYTHING, "Action": "states:C*"}
    witness = decide(document(EVERYTHING, deny), document(baseline)).witness
    assert witness is not None
    assert witness.action.lower()[7] not in "sdlc"


def test_a_witness_that_the_baseline_denies_says_by_which_statement() -> None:
    """An explicit Deny of the baseline is named in the sentence."""
    deny = {**EVERYTHING, "Sid": "Keep", "Effect": "Deny", "Action": "states:Delete*"}
    verdict = decide(document(EVERYTHING), document(EVERYTHING, deny))
    assert "statement 1 (Keep) of the baseline denies" in verdict.reasons[0].message


def test_a_contained_policy_says_what_covers_each_statement() -> None:
    """Coverage names the baseline statements behind each Allow of the candidate."""
    start = {**EVERYTHING, "Action": "states:StartExecution"}
    stop = {**EVERYTHING, "Action": "states:StopExecution"}
    verdict = decide(document(stop, start), document(start, stop))
    assert [(one.statement, one.by) for one in verdict.coverage] == [(0, (1,)), (1, (0,))]


def test_a_statement_that_nothing_meets_is_covered_by_none() -> None:
    """A candidate Allow wholly denied needs no baseline statement."""
    deny = {**EVERYTHING, "Effect": "Deny"}
    verdict = decide(document(EVERYTHING, deny), document({**EVERYTHING, "Action": "states:A*"}))
    assert verdict.contained
    assert [one.by for one in verdict.coverage] == [()]


def test_an_undecided_construct_is_named_with_its_place() -> None:
    """An unknown operator is reported with a JSON pointer to it."""
    odd = {**EVERYTHING, "Condition": {"StringAlmost": {"aws:SourceVpc": "vpc-1"}}}
    verdict = decide(document(EVERYTHING, odd), document(EVERYTHING))
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.reasons[0].pointer == "/Statement/1/Condition/StringAlmost"
    assert verdict.reasons[0].statement == 1


def test_a_duplicate_key_is_reported_where_it_is() -> None:
    """The pointer of a duplicate key leads to its object."""
    text = document(EVERYTHING).replace('"Effect": "Allow"', '"Effect": "Allow", "Effect": "Deny"')
    verdict = decide(text, document(EVERYTHING))
    assert verdict.outcome is Outcome.MALFORMED
    assert verdict.reasons[0].pointer == "/Statement/0/Effect"


def test_malformed_outweighs_unsupported() -> None:
    """A document with both kinds of problems is malformed, and only those reasons are given."""
    odd = {**EVERYTHING, "Condition": {"StringAlmost": {"aws:SourceVpc": "vpc-1"}}}
    verdict = decide(document(odd, {**EVERYTHING, "Effect": "Maybe"}), document(EVERYTHING))
    assert verdict.outcome is Outcome.MALFORMED
    assert [reason.statement for reason in verdict.reasons] == [1]


def test_a_malformed_baseline_is_an_error_and_not_a_verdict() -> None:
    """A broken baseline raises a ValueError that says where."""
    with pytest.raises(BaselineError, match="/Statement") as caught:
        decide(document(EVERYTHING), '{"Version":"2012-10-17"}')
    assert isinstance(caught.value, ValueError)


def test_a_baseline_outside_the_language_leaves_everything_undecided() -> None:
    """Nothing is contained in what cannot be judged."""
    odd = {**EVERYTHING, "Principal": {"AWS": "arn:aws:iam::123456789012:role/*"}}
    verdict = decide(document(EVERYTHING), document(odd))
    assert verdict.outcome is Outcome.UNDECIDED
    assert "in the baseline" in verdict.reasons[0].message


def test_a_witness_uses_real_names_where_it_can() -> None:
    """The action is spelled as AWS does and the resource is an ARN."""
    witness = decide(
        document(EVERYTHING), document({**EVERYTHING, "Principal": {"AWS": []}})
    ).witness
    assert witness is not None
    assert witness.action == "states:StartExecution"
    assert witness.resource.startswith("arn:aws:states:")


def test_the_readings_of_a_resource_both_count() -> None:
    """Contained must hold whether wildcards cross colons or stay within a field."""
    loose = {**EVERYTHING, "Resource": "arn:aws:states:*:stateMachine:x"}
    strict = {**EVERYTHING, "Resource": "arn:aws:states:*:*:stateMachine:x"}
    assert decide(document(loose), document(strict)).outcome is Outcome.BROADER
    assert decide(document(strict), document(strict)).outcome is Outcome.CONTAINED

"""The recorded verdicts: adding a case needs no code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from guardrail.core.policy import Outcome, decide
from guardrail.core.policy.evaluate import Decision, Request, evaluate
from guardrail.core.policy.parse import parse

HERE = Path(__file__).parent
SHARED = HERE.parents[2] / "shared" / "policies"
EVERYTHING = (
    '{"Version":"2012-10-17",'
    '"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}'
)
OF_DOCUMENTS = {"invalid": Outcome.MALFORMED, "unsupported": Outcome.UNDECIDED}


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the cases of a file; none when it does not exist."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def text(document: Any) -> str:
    """Return a policy as JSON text."""
    return document if isinstance(document, str) else json.dumps(document)


def judge(case: dict[str, Any]) -> None:
    """Check the verdict, and that a witness passes the candidate and not the baseline."""
    candidate, baseline = text(case["candidate"]), text(case["baseline"])
    verdict = decide(candidate, baseline, service=case["service"])
    assert verdict.outcome == case["expected"], case.get("why", case.get("note"))
    assert (verdict.witness is not None) is (verdict.outcome is Outcome.BROADER)
    if verdict.witness is not None:
        assert any(
            evaluate(parse(candidate), request).decision is Decision.ALLOWED
            and evaluate(parse(baseline), request).decision is not Decision.ALLOWED
            for request in (Request(verdict.witness), Request(verdict.witness, segmented=True))
        )


@pytest.mark.parametrize("case", lines(HERE / "pairs.jsonl"), ids=lambda case: case["id"])
def test_a_recorded_pair_has_its_verdict(case: dict[str, Any]) -> None:
    """Every pair of the corpus is judged as recorded."""
    judge(case)


@pytest.mark.parametrize("case", lines(HERE / "documents.jsonl"), ids=lambda case: case["id"])
def test_a_recorded_document_has_its_outcome(case: dict[str, Any]) -> None:
    """Every malformed or unsupported document is told as such, with a reason."""
    verdict = decide(case["document"], EVERYTHING)
    assert verdict.outcome is OF_DOCUMENTS[case["expected"]], case["why"]
    assert verdict.reasons


def test_the_corpus_is_large_and_every_case_says_why() -> None:
    """The corpus holds at least 250 pairs, each with its reason and source, under its own id."""
    cases = lines(HERE / "pairs.jsonl")
    assert len(cases) >= 250
    assert len({case["id"] for case in cases}) == len(cases)
    assert all(case["why"] and case["source"] for case in cases)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared pairs are not here")
@pytest.mark.parametrize("case", lines(SHARED / "pairs.jsonl"), ids=lambda case: case["id"])
def test_a_shared_pair_has_its_verdict(case: dict[str, Any]) -> None:
    """The pairs that others recorded are judged as they say."""
    judge(case)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared documents are not here")
@pytest.mark.parametrize("case", lines(SHARED / "invalid.jsonl"), ids=lambda case: case["id"])
def test_a_shared_document_has_its_outcome(case: dict[str, Any]) -> None:
    """The documents that others recorded are refused as they say."""
    assert decide(case["document"], EVERYTHING).outcome is OF_DOCUMENTS[case["expected"]]

"""What status reads of a stack that AWS has deleted."""

from __future__ import annotations

import pytest
from organisation_site import NAME, ROLE, deployed, new_organisation, removed

from guardrail_cli.org.accounts import Accounts
from guardrail_cli.org.model import Definition, Instance
from guardrail_cli.org.organisation import AwsOrganisation
from guardrail_cli.org.status import rows
from guardrail_cli.org.target import Target

REGION = "us-east-1"


@pytest.fixture(autouse=True)
def management(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be the management account of moto's own id: its organisation belongs to that one."""
    monkeypatch.delenv("MOTO_ACCOUNT_ID")


def test_a_stack_that_is_gone_is_described_still_and_told() -> None:
    """By its id: by its name AWS says that there is none."""
    gone, there = AwsOrganisation(REGION).accounts((new_organisation(),))
    stacks = [
        Instance(gone, REGION, "CURRENT", stack_id=removed((gone, REGION))),
        Instance(there, REGION, "CURRENT", stack_id=deployed((there, REGION))),
    ]
    found = rows(stacks, Accounts(ROLE, "aws", REGION), Definition("{}", {}), Target(NAME, REGION))
    problems = {row.account: row.problem for row in found}
    assert "the stack was deleted in its account" in problems[gone]
    assert "deleted" not in problems[there]

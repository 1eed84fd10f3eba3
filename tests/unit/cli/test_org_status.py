"""What status makes of a stack that is not as it should be, whatever its account answers."""

from __future__ import annotations

import pytest

from guardrail_cli.org.target import Target
from support.told_stacks import DENIAL, SET, Account, plain, row

BEHIND = "an update has not reached it yet"
UNDER_WAY = "an operation is under way there: look again when it has ended"
LETTING_GO = (
    "aws cloudformation delete-stack-instances --region us-east-1"
    " --stack-set-name sfn-endpoint-guardrail --deployment-targets OrganizationalUnitIds=ou-2,"
    "Accounts=111122223333,AccountFilterType=INTERSECTION --regions eu-west-1 --retain-stacks"
)
HALF_DELETED = ("DELETE_FAILED", "DELETE_IN_PROGRESS", "ROLLBACK_FAILED", "ROLLBACK_COMPLETE")


def test_a_stack_that_is_as_it_should_be_has_no_problem() -> None:
    """Even while an operation goes over it."""
    for detail in ("SUCCEEDED", "RUNNING"):
        found = row(Account(), "CURRENT", detail)
        assert (found.fine, found.problem) == (True, "")


@pytest.mark.parametrize("outputs", [{}, {"Table": "records", "Version": "1"}])
def test_a_stack_that_was_deleted_in_its_account_is_told(outputs: dict[str, str]) -> None:
    """CloudFormation describes it for ninety days; what is told leads to a new one."""
    found = row(Account("DELETE_COMPLETE", outputs), "CURRENT", "SUCCEEDED")
    assert not found.fine
    assert "deleted in its account, behind the set's back" in found.problem
    assert "`org deploy` makes it anew" in found.problem


def test_an_inoperable_stack_is_not_told_to_wait_for_an_update() -> None:
    """No update reaches it any more."""
    found = row(Account(), "INOPERABLE", "INOPERABLE")
    assert found.problem.startswith("INOPERABLE: deleting it failed")
    assert BEHIND not in found.problem
    assert BEHIND in row(Account(), "OUTDATED", "CANCELLED").problem


@pytest.mark.parametrize("detail", ["PENDING", "RUNNING"])
def test_what_is_under_way_is_not_taken_for_wrong(detail: str) -> None:
    """While a stack is made there is neither itself nor the role that it is read through."""
    told = (
        row(Account(closed=DENIAL), "OUTDATED", detail),
        row(Account(), "OUTDATED", detail, stack=""),
        row(Account(outputs={}), "OUTDATED", detail),
        row(Account(), "OUTDATED", detail),
        row(Account(), "INOPERABLE", detail),
    )
    assert {one.problem for one in told} == {UNDER_WAY}
    assert not any(one.fine for one in told)


def test_a_denial_is_told_where_nothing_is_under_way() -> None:
    """And AWS's own reason before either."""
    denied = Account(closed=DENIAL)
    assert "the parameter StatusReader says who" in row(denied, "OUTDATED", "CANCELLED").problem
    assert "the parameter StatusReader says who" in row(denied, "CURRENT", "RUNNING").problem
    assert row(denied, "OUTDATED", "RUNNING", "limit exceeded").problem.startswith("limit exceeded")


@pytest.mark.parametrize(
    ("account", "state", "detail"),
    [(Account(""), "CURRENT", "SUCCEEDED"), (Account("DELETE_COMPLETE"), "OUTDATED", "FAILED")],
)
def test_a_deletion_long_ago_or_under_a_failed_update_is_told(
    account: Account, state: str, detail: str
) -> None:
    """After ninety days CloudFormation knows no such stack; AWS's reason is what followed."""
    reason = "Stack [arn] does not exist" if detail == "FAILED" else ""
    found = row(account, state, detail, reason)
    assert not found.fine
    assert "deleted in its account, behind the set's back" in found.problem
    assert "delete-stack-instances" in found.problem
    assert reason in found.problem


def test_the_way_out_for_one_stack_names_that_alone() -> None:
    """`org remove` would take a whole unit or region; with a call that can be copied."""
    gone, told = Account("DELETE_COMPLETE"), []
    for unit in ("ou-2", ""):
        told.append(row(gone, "CURRENT", "SUCCEEDED", unit=unit).problem)
        told.append(row(Account(), "INOPERABLE", "INOPERABLE", unit=unit).problem)
    assert all(f"`{LETTING_GO}`" in one for one in told[:2])
    assert all("OrganizationalUnitIds=ou-1,ou-2,Accounts=" in one for one in told[2:])
    assert not any("org remove" in one for one in told)
    pilot = Target(f"{SET.name}-pilot", "eu-west-1", delegated=True)
    problem = row(gone, "CURRENT", "SUCCEEDED", target=pilot).problem
    assert "--region eu-west-1 --stack-set-name sfn-endpoint-guardrail-pilot" in problem
    assert "--retain-stacks --call-as DELEGATED_ADMIN`" in problem


def test_a_stack_in_a_suspended_account_is_told_as_such() -> None:
    """Nobody can be let in there; one that can be entered is open again, and behind."""
    skipped = "SKIPPED_SUSPENDED_ACCOUNT"
    problem = row(Account(closed=DENIAL), "OUTDATED", skipped).problem
    assert problem.startswith("its account is suspended: take the account out")
    assert "StatusReader" not in problem
    assert BEHIND in row(Account(), "OUTDATED", skipped).problem


def test_an_inoperable_stack_is_told_where_nobody_is_let_in() -> None:
    """With why deleting it failed, if AWS says so."""
    for account in (Account(closed=DENIAL), Account("DELETE_FAILED"), Account()):
        problem = row(account, "INOPERABLE", "INOPERABLE", "DependencyViolation").problem
        assert problem.startswith("INOPERABLE: deleting it failed (DependencyViolation)")
        assert "--retain-stacks`, delete it in its account, and" in problem


@pytest.mark.parametrize("no_table", [False, True])
@pytest.mark.parametrize("status", HALF_DELETED)
def test_a_stack_that_is_half_deleted_is_told(status: str, *, no_table: bool) -> None:
    """Though the set takes it for current, and whether or not it can say when it swept."""
    account = Account(status, no_table=no_table)
    found, own = row(account, "CURRENT", "SUCCEEDED"), plain(account)
    assert {found.fine, own.fine} == {False}
    assert f"the stack is {status} in its account: see that it is deleted" in found.problem
    assert "delete-stack-instances" in found.problem
    assert f"the stack is {status}" in own.problem
    assert "deploy it anew as deploy/README.md says" in own.problem


@pytest.mark.parametrize(
    ("status", "call"),
    [("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"), ("UPDATE_FAILED", "rollback-stack")],
)
def test_a_stack_that_an_update_has_broken_is_told(status: str, call: str) -> None:
    """With how it is ended, also where AWS refused the next update for that."""
    reason = f"Stack is in {status} state and can not be updated"
    current = row(Account(status), "CURRENT", "SUCCEEDED")
    behind = row(Account(status), "OUTDATED", "FAILED", reason)
    own = plain(Account(status))
    assert {current.fine, behind.fine, own.fine} == {False}
    for one in (current, behind, own):
        assert one.problem.startswith(f"the stack is {status} in its account")
        assert f"`aws cloudformation {call}`" in one.problem
    assert reason in behind.problem
    assert "update the plain stack" in own.problem


def test_an_update_that_was_rolled_back_is_told_of_the_plain_stack() -> None:
    """Of another its set says so, or it was not the set's and all stands as before."""
    account = Account("UPDATE_ROLLBACK_COMPLETE")
    assert "its last update failed and was rolled back" in plain(account).problem
    assert row(account, "CURRENT", "SUCCEEDED").fine
    problem = row(account, "OUTDATED", "FAILED", "limit exceeded").problem
    assert problem.startswith("limit exceeded")


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"])
def test_a_stack_at_work_is_to_be_looked_at_again(status: str) -> None:
    """Whoever began it; a deletion by the set is under way, too."""
    told = (
        row(Account(status), "CURRENT", "SUCCEEDED"),
        row(Account(status), "OUTDATED", "RUNNING"),
        row(Account("DELETE_IN_PROGRESS"), "CURRENT", "RUNNING"),
        row(Account("DELETE_COMPLETE"), "CURRENT", "RUNNING"),
        plain(Account(status)),
    )
    assert {one.problem for one in told} == {UNDER_WAY}


def test_a_plain_stack_without_a_version_is_compared() -> None:
    """It is an old one, or none of the guardrail's; of the set's stacks the same holds."""
    account = Account(outputs={"Table": "x"})
    for found in (plain(account), row(account, "CURRENT", "SUCCEEDED")):
        assert not found.fine
        assert "a version that it does not tell, the stack set has 1" in found.problem

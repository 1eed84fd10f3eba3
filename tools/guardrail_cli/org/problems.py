"""What is wrong with a stack and what to do, from what its set and its account say of it.

Nothing is asked here. Every check returns a sentence, or nothing, and the first that says
something holds: what explains most comes first, since AWS's reason for a failed update, or for a
refusal to let anybody in, is often only what follows from it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from guardrail_cli.org.causes import advice
from guardrail_cli.org.model import Definition, Instance
from guardrail_cli.org.periods import DAY, patience
from guardrail_cli.org.target import Target
from guardrail_cli.org.told import Told

ROLE = "sfn-endpoint-guardrail-status"

_BEHIND = "an update has not reached it yet: `org upgrade`, or `org deploy`, goes on"
_UNDER_WAY = "an operation is under way there: look again when it has ended"
_PLAIN = "update the plain stack as deploy/README.md deploys it"
_UNMADE = {"CREATE_FAILED", "ROLLBACK_FAILED", "ROLLBACK_COMPLETE"}


@dataclass(frozen=True, slots=True)
class Judge:
    """Says what is wrong with the stacks of a set, measured by its own definition."""

    wanted: Definition
    target: Target

    def of(self, stack: Instance, told: Told) -> str:
        """Return what is wrong with a stack of the set; nothing if it is as it should be."""
        busy = _busy(stack, told)
        return (
            self._gone(stack, told, busy=busy)
            or _suspended(stack, told)
            or self._inoperable(stack, busy=busy)
            or ("" if busy else self._broken(stack, told))
            or _failure(stack)
            or (_UNDER_WAY if busy else "")
            or ("" if told.status else _unread(told))
            or self._unsettled(stack, told)
            or _unread(told)
            or ("" if stack.settled else _BEHIND)
            or self._difference(told)
        )

    def of_plain(self, told: Told, *, compared: bool) -> str:
        """Return what is wrong with the management account's own stack.

        There is no set that would say that its last update failed. If it is not `compared`, only
        what it says of itself counts.
        """
        if told.status.startswith("DELETE_") or told.status in _UNMADE:
            return f"{_deleting(told)}, and deploy it anew as deploy/README.md says"
        if told.status.endswith("_FAILED"):
            return f"{_ending(told)}, and {_PLAIN}"
        if told.status.endswith("ROLLBACK_COMPLETE"):
            return f"its last update failed and was rolled back: see its events, and {_PLAIN}"
        if told.status.endswith("_IN_PROGRESS"):
            return _UNDER_WAY
        other = self._difference(told) if compared else ""
        return _unread(told) or (other and f"{other}: {_PLAIN}")

    def _gone(self, stack: Instance, told: Told, *, busy: bool) -> str:
        if not told.gone:
            return ""
        deleted = "the stack was deleted in its account, behind the set's back"
        return _UNDER_WAY if busy else f"{deleted}: {self._anew(stack)}{_said(stack)}"

    def _inoperable(self, stack: Instance, *, busy: bool) -> str:
        """Return the way out that AWS names: let go of the stack, then delete it by hand.

        Source: AWS CloudFormation API reference, "StackInstanceSummary".
        """
        if stack.state != "INOPERABLE" or busy:
            return ""
        why = f" ({stack.reason})" if stack.reason else ""
        stuck = f"INOPERABLE: deleting it failed{why}, and no update reaches it any more"
        return f"{stuck}: {self._anew(stack, ', delete it in its account')}"

    def _broken(self, stack: Instance, told: Told) -> str:
        if told.status.startswith("DELETE_") or told.status in _UNMADE - {"ROLLBACK_COMPLETE"}:
            return f"{_deleting(told)}, {self._anew(stack)}{_said(stack)}"
        if told.status.endswith("_FAILED"):
            return f"{_ending(told)}, and run `org upgrade`{_said(stack)}"
        return ""

    def _unsettled(self, stack: Instance, told: Told) -> str:
        """Return what is wrong with a stack whose creation was rolled back, or that is at work.

        One whose update was rolled back stands as before; if it was the set's, that says so.
        """
        if told.status == "ROLLBACK_COMPLETE":
            return f"{_deleting(told)}, {self._anew(stack)}"
        return _UNDER_WAY if told.status.endswith("_IN_PROGRESS") else ""

    def _anew(self, stack: Instance, then: str = "") -> str:
        call = letting_go(stack, self.wanted.units, self.target)
        return f"take it out of the set with `{call}`{then}, and `org deploy` makes it anew"

    def _difference(self, told: Told) -> str:
        version, has = _version(self.wanted), told.outputs.get("Version")
        if version and has != version:
            return (
                f"it runs {has or 'a version that it does not tell'}, the stack set has {version}"
            )
        mode, runs = self.wanted.effective.get("Mode", ""), told.parameters.get("Mode", "")
        return f"its mode is {runs}, the stack set's {mode}" if mode and runs != mode else ""


def letting_go(stack: Instance, units: tuple[str, ...], target: Target) -> str:
    """Return the call that takes a single stack out of its set, whatever is left of that.

    `org remove` takes out whole units or regions. See `AwsStackSets.detach`.
    """
    within = stack.unit or ",".join(units)
    return (
        f"aws cloudformation delete-stack-instances --region {target.home}"
        f" --stack-set-name {target.name} --deployment-targets OrganizationalUnitIds={within},"
        f"Accounts={stack.account},AccountFilterType=INTERSECTION --regions {stack.region}"
        f" --retain-stacks{' --call-as DELEGATED_ADMIN' if target.delegated else ''}"
    )


def late(told: Told, now: datetime) -> str:
    """Return that a stack has not swept for too long; one that was just changed has some time."""
    limit = patience(told.parameters.get("SweepSchedule", ""))
    swept = told.sweep.get("at")
    since = datetime.fromisoformat(swept) if swept else told.changed
    if _unreadable(told) or (since and now - since <= limit):
        return ""
    return f"no sweep for over {_spelled(limit)}: see its schedule and the function Sweep"


def waiting(told: Told, now: datetime) -> str:
    """Return that a stack has not swept yet, and need not have."""
    unswept = not _unreadable(told) and not told.sweep and not late(told, now)
    return "it has not swept yet" if unswept else ""


def _unreadable(told: Told) -> bool:
    return bool(told.why) or told.gone


def _spelled(limit: timedelta) -> str:
    hours = limit / timedelta(hours=1)
    if limit == DAY:
        return "a day"
    return f"{limit.days} days" if not hours % 24 else f"{hours:.0f} hours"


def _version(wanted: Definition) -> str:
    try:
        return str(json.loads(wanted.template)["Outputs"]["Version"]["Value"])
    except (ValueError, KeyError):
        return ""


def _busy(stack: Instance, told: Told) -> bool:
    """Whether the set works on it; while the stack is made there is no role to read with.

    An operation goes over stacks that are CURRENT, too, which is no word about them.
    """
    at_work = told.gone or told.status.endswith("_IN_PROGRESS")
    return stack.detail in {"PENDING", "RUNNING"} and (not stack.settled or at_work)


def _suspended(stack: Instance, told: Told) -> str:
    """Return that the account is; one that can be entered is open again."""
    shut = stack.skipped and not told.status
    return f"its account is suspended: {advice('suspended')}" if shut else ""


def _failure(stack: Instance) -> str:
    """Return why the stack is not as the set wants it; one that an update has not reached waits."""
    if stack.settled or not stack.reason:
        return ""
    return f"{stack.reason} ({advice(stack.reason)})"


def _said(stack: Instance) -> str:
    """Return AWS's reason where something else explains more."""
    return f" (AWS says of the last operation: {stack.reason})" if _failure(stack) else ""


def _unread(told: Told) -> str:
    denied = " (the parameter StatusReader says who may assume it)" if ROLE in told.why else ""
    return f"{told.why}{denied}"


def _deleting(told: Told) -> str:
    return (
        f"the stack is {told.status} in its account: see that it is deleted there (its events say"
        " what is in the way)"
    )


def _ending(told: Told) -> str:
    """Return how to get a stack out of a failed update.

    Source: AWS CloudFormation user guide, "Continue rolling back an update", and API reference,
    "RollbackStack".
    """
    call = "continue-update-rollback" if "ROLLBACK" in told.status else "rollback-stack"
    return (
        f"the stack is {told.status} in its account: mend there what its events name, end the"
        f" update with `aws cloudformation {call}`"
    )

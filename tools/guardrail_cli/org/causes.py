"""From AWS's sentence about a failed stack to what to do about it."""

from __future__ import annotations

import re

# The first that fits holds. A denial names its caller, such as the role `stacksets-exec-…`, and
# what was asked for, so neither of those words alone is a cause.
_ADVICE = (
    (
        r"let go of",
        "it cannot come back into a set: delete it in its account, as soon as that can be entered",
    ),
    (
        r"not proven to be made",
        "let the role read the stack's table, or decide: --also-unproven deletes it, and a removal"
        " without --delete-endpoints leaves it",
    ),
    (
        r"explicit deny(?! in a resource-based)|service control policy",
        "a policy of the organisation denies it: exempt CloudFormation's StackSets role from it in"
        " this account",
    ),
    (
        r"NoSuchBucket|PermanentRedirect|GetObject|NoSuchKey",
        "the region's artifact bucket cannot be read: deploy deploy/artifact-buckets.yaml there,"
        " and see that its policy names your organisation",
    ),
    (
        r"organizations access|trusted access|service access",
        "switch on trusted access for StackSets in the management account:"
        " aws cloudformation activate-organizations-access",
    ),
    (
        r"Cancelled|there is no stack",
        "it was not begun: mend the failures beside it, and run the command again",
    ),
    (
        r"should have '\S*stacksets-exec|trust relationship|AssumeRole on \S+ \S*stacksets-exec",
        "the StackSets role is missing in this account: see whether trusted access is on, and"
        " whether somebody deleted the role",
    ),
    (
        r"region\b.*\b(disabled|not enabled|not opted|opt-in)\b|OptInRequired"
        r"|not authorized to (access|use) region|security token included in the request is invalid",
        "the region is not enabled in this account: enable it there and in the management account,"
        " or leave it out of --regions",
    ),
    (
        r"DependencyViolation",
        "something else uses the security group: take it off that, and run the command again",
    ),
    (r"still there after", "look at it in that account, and run the command again"),
    (r"still stands", "delete that stack, and run the command again"),
    (
        r"already exists",
        "something of that name stands there: remove the stack that made it, or rename it",
    ),
    (
        r"INOPERABLE",
        "deleting it failed, and no update reaches it any more: `org status` has the call that"
        " takes this one stack out of the set",
    ),
    (r"suspended|closed", "take the account out of the organisational unit, or reopen it"),
    (
        r"limit|quota|maximum number|Throttl|Rate exceeded",
        "a quota is used up: raise it, or run it again later",
    ),
    (r"not authorized|AccessDenied", "a permission is missing; the sentence names it"),
)

_IDS = re.compile(
    r"(?:Request ID|RequestToken): [^\s,)]+"
    r"|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
    r"|\b[0-9]{12}\b",
    re.IGNORECASE,
)
"""What differs from account to account in AWS's sentences: ids of requests, stacks, accounts."""


def cause(reason: str) -> str:
    """Return what is the same of a reason wherever it is met."""
    return _IDS.sub("…", reason)


def advice(reason: str) -> str:
    """Return what to do about a failure that AWS describes with `reason`."""
    for pattern, what in _ADVICE:
        if re.search(pattern, reason, re.IGNORECASE):
            return what
    return "look at the events of the stack in that account"

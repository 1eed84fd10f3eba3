"""From AWS's sentence about a failed stack to what to do about it."""

from __future__ import annotations

import re

_ADVICE = (
    (
        r"S3|NoSuchBucket|PermanentRedirect|GetObject",
        "the region's artifact bucket cannot be read: deploy deploy/artifact-buckets.yaml there,"
        " and see that its policy names your organisation",
    ),
    (
        r"explicit deny|service control policy|with an explicit deny",
        "a policy of the organisation denies it: exempt CloudFormation's StackSets role from it in"
        " this account",
    ),
    (
        r"region.*(disabled|not enabled|opt)|OptInRequired|not authorized to (access|use) region",
        "the region is not enabled in this account: enable it there and in the management account,"
        " or leave it out of --regions",
    ),
    (
        r"already exists",
        "something of that name stands there: remove the stack that made it, or rename it",
    ),
    (r"limit|quota|Throttl|Rate exceeded", "a quota is used up: raise it, or run it again later"),
    (r"suspended|closed", "the account is suspended: take it out of the organisational unit"),
    (
        r"trusted access|not enabled.*Organizations|service access",
        "switch on trusted access for StackSets: aws cloudformation activate-organizations-access",
    ),
    (r"not authorized|AccessDenied", "a permission is missing; the sentence names it"),
)


def advice(reason: str) -> str:
    """Return what to do about a failure that AWS describes with `reason`."""
    for pattern, what in _ADVICE:
        if re.search(pattern, reason, re.IGNORECASE):
            return what
    return "look at the events of the stack in that account"

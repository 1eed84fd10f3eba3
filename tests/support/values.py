"""The account, the stack and the policies that the tests speak of."""

from __future__ import annotations

import json

from guardrail.baseline import render_baseline
from guardrail.core.model import ServiceOffer
from guardrail.core.names import Service

ACCOUNT = "111122223333"
STACK = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/guardrail/1"
BASELINE = render_baseline(account=ACCOUNT)
OPEN = '{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}]}'


def policy(**changes: object) -> str:
    """Return a policy with one statement, within the baseline unless the changes widen it."""
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "states:*",
        "Resource": f"arn:aws:states:*:{ACCOUNT}:*",
        "Condition": {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **changes}]})


ZONES = ("us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d")
OFFERS = {
    service: ServiceOffer(
        service,
        f"com.amazonaws.us-east-1.{service}",
        frozenset(ZONES),
        frozenset({f"{service}.us-east-1.amazonaws.com"}),
    )
    for service in Service
}

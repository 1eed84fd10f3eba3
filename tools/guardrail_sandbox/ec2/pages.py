"""The list of behaviours, for a terminal and for the docs."""

from __future__ import annotations

from guardrail_sandbox.ec2.behaviour import AWS_PACE, SHORT_PACE, Confidence, Facts
from guardrail_sandbox.ec2.registry import facts

_HEAD = """# What the local AWS models of EC2

Written by `python -m guardrail_sandbox behaviours --markdown`; do not edit.

Each behaviour stands in front of moto and can be switched off by its name, with
`serve --without NAME` or `Sandbox(without={"NAME"})`. What AWS does not say is an assumption with
several answers: `serve --assume NAME=ANSWER` or `Sandbox(assume={"NAME": "ANSWER"})`; the answer
that comes first holds unless another is chosen.

How sure it is that AWS does the same: *documented* (AWS says so), *observed* (seen in public
recordings, source code or reports), *inferred* (neither).
"""

_NOT_MODELLED = """## What is not modelled

- Prices, and anything that happens on the network: no traffic, no name is resolved, policies are
  stored and never decide about a call through the endpoint.
- Gateway endpoints, gateway load balancer, resource and service-network endpoints beyond what moto
  has; endpoint services of one's own; acceptance by the owner of a service; IPv6 and dualstack
  endpoints; endpoints into another region.
- Route 53 refusing a private hosted zone because an endpoint stands (the other direction is).
- The throttle that PrivateLink has for an organization, and buckets shared between actions.
- Reads that lag by different times, and tags that lag.
- Which messages go with codes that are marked as guesses; which zone lacks the service.
- Whether a policy names principals that exist.
- Other calls of EC2 than those about endpoints, beyond what moto has.
"""


def listing() -> str:
    """Return name, confidence and first line of each behaviour, and its open questions."""
    found = facts()
    width = max(len(fact.name) for fact in found)
    lines = []
    for fact in found:
        lines.append(f"{fact.name:{width}}  {fact.confidence:10}  {fact.summary}")
        lines += [
            f"{'':{width}}  {'':10}  assume {name}={'|'.join(answers)}"
            for name, answers in fact.assumptions.items()
        ]
    return "\n".join(lines) + "\n"


def markdown() -> str:
    """Return the page of the docs."""
    found = facts()
    parts = [_HEAD, _table(found), *map(_section, found), _pace(), _NOT_MODELLED]
    return "\n".join(parts)


def _table(found: list[Facts]) -> str:
    counts = {c: sum(fact.confidence is c for fact in found) for c in Confidence}
    counted = ", ".join(f"{number} {confidence}" for confidence, number in counts.items())
    return f"{len(found)} behaviours: {counted}.\n"


def _section(fact: Facts) -> str:
    lines = [f"## {fact.name}", "", fact.summary, ""]
    lines += [fact.details, ""] if fact.details else []
    lines += [f"- {fact.confidence}: {fact.source}"]
    for name, answers in fact.assumptions.items():
        listed = ", ".join(f"`{answer}`" for answer in answers)
        lines.append(f"- assumption `{name}`: {listed}")
    return "\n".join(lines) + "\n"


def _pace() -> str:
    rows = [
        ("pending before available", "pending"),
        ("deleting before deleted", "deleting"),
        ("described as deleted", "described_as_deleted"),
        ("reads lag behind writes", "read_lag"),
        ("refill of tokens, times AWS's", "refill"),
    ]
    lines = [
        "## How long things take",
        "",
        "In seconds; `Sandbox(pace=Pace(...))` sets others. A driven clock has AWS's.",
        "",
        "| what | as on AWS | default in real time |",
        "|---|---|---|",
    ]
    for text, name in rows:
        lines.append(f"| {text} | {getattr(AWS_PACE, name):g} | {getattr(SHORT_PACE, name):g} |")
    return "\n".join(lines) + "\n"

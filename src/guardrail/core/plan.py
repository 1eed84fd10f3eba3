"""From observed state to a plan: what is wrong with one VPC, and what removes it.

A pure decision: the same observation and knowledge give the same plan, and a compliant VPC
gives none. It must not know how an action is carried out, nor whether anything is: observe
mode carries the same plan to a port that only records it.

    somebody tears the VPC down              take out what is ours, put nothing back for a while
    every endpoint of the owner or of ours   policy contained? else write one that is
    VPC in scope, service offered:
        no endpoint                          wait for subnets, DNS and quiet, then create
        a managed endpoint                   subnets, private DNS, security group complete?
        an endpoint of the owner's that works  it comes first: ours goes, or is never made
    in an exempt VPC                         only make way for a teardown or the owner's endpoint
    anything of ours without its tag         tag it again: in a teardown it can go
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256

from guardrail.core.actions import Action, DeleteEndpoint, EnableVpcDns, RestoreTags
from guardrail.core.exemption import find_exemption, is_void
from guardrail.core.groups import leftover_tag_steps
from guardrail.core.managed import untagged_steps
from guardrail.core.model import (
    CessionBegins,
    Endpoint,
    Finding,
    Intent,
    Known,
    Mode,
    ObservedVpc,
    Plan,
    SeenCompliant,
    Step,
    YieldBegins,
)
from guardrail.core.names import Service
from guardrail.core.policy import PolicyCode, decide
from guardrail.core.provision import making_way, service_steps
from guardrail.core.reasons import Reason
from guardrail.core.replacement import replacement
from guardrail.core.teardown import teardown_steps

_REASONS = {
    PolicyCode.BROADER: Reason.POLICY_BROADER,
    PolicyCode.UNDECIDED: Reason.POLICY_UNDECIDED,
    PolicyCode.MALFORMED: Reason.POLICY_MALFORMED,
}


def plan(vpc: ObservedVpc, intent: Intent, known: Known) -> Plan:
    """Return what is wrong with `vpc` and the actions that remove it, in order of urgency."""
    steps = list(_steps(vpc, intent, known))
    return Plan(
        vpc.vpc_id,
        findings=tuple(step for step in steps if isinstance(step, Finding)),
        actions=tuple(_once(step for step in steps if isinstance(step, Action))),
        notes=tuple(step for step in steps if isinstance(step, YieldBegins | CessionBegins)),
        compliant=tuple(step for step in steps if isinstance(step, SeenCompliant)),
    )


def _once(actions: Iterable[Action]) -> Iterator[Action]:
    """Yield the actions, a change of the VPC itself only once: two services may need the same."""
    done: set[Action] = set()
    for action in actions:
        if not (isinstance(action, EnableVpcDns) and action in done):
            yield action
        done.add(action)


def needs_dns(vpc: ObservedVpc, intent: Intent) -> bool:
    """Whether the VPC's DNS attributes matter: two calls per VPC, so asked only then.

    They do where an endpoint is missing, or where a managed one lacks a private DNS name that
    no other answers for; never for a default VPC that is out of scope.
    """
    if vpc.is_default and not intent.default_vpcs and not any(e.managed for e in vpc.endpoints):
        return False
    return any(_lacks_name(vpc, service) for service in _with_endpoints(vpc, intent))


def _lacks_name(vpc: ObservedVpc, service: Service) -> bool:
    present = vpc.endpoints_of(service)
    served = any(e.private_dns for e in present)
    works = any(e.subnet_ids for e in present if not e.managed)
    return not served and (not works or any(e.managed for e in present))


def policy_hash(policy: str) -> str:
    """Return the SHA-256 of a policy's text, as inventory and log lines hold it."""
    return sha256(policy.encode()).hexdigest()


def _steps(vpc: ObservedVpc, intent: Intent, known: Known) -> Iterator[Step]:
    if vpc.owner_id != known.account_id:
        message = f"{vpc.vpc_id} belongs to account {vpc.owner_id}; only its owner can act"
        yield Finding(Reason.OUT_OF_SCOPE, message)
        return
    # First: without its tag no role may change or delete an endpoint.
    yield from untagged_steps(vpc.endpoints)
    steps = list(_own_steps(vpc, intent, known))
    yield from steps
    done = {step.resource_id for step in steps if isinstance(step, RestoreTags)}
    yield from leftover_tag_steps(vpc, done)


def _own_steps(vpc: ObservedVpc, intent: Intent, known: Known) -> Iterator[Step]:
    leaving: set[str] = set()
    for step in teardown_steps(vpc, known):
        leaving.update(step.endpoint_ids if isinstance(step, DeleteEndpoint) else ())
        yield step
    if exempt := _exemption(vpc.tags, intent, known):
        yield exempt
        if exempt.reason is Reason.EXEMPT:
            for service in _with_endpoints(vpc, intent):
                yield from making_way(vpc, service, intent, known)
            return
    for endpoint in vpc.endpoints:
        if endpoint.endpoint_id not in leaving:
            yield from policy_steps(endpoint, intent, known)
    for service in _with_endpoints(vpc, intent):
        steps = service_steps if service in intent.services else making_way
        yield from steps(vpc, service, intent, known)


def _with_endpoints(vpc: ObservedVpc, intent: Intent) -> Iterator[Service]:
    """Yield the services that get endpoints, and those that did: ours is in their owner's way."""
    yield from intent.services
    made = {e.service for e in vpc.endpoints if e.managed}
    yield from sorted(made - set(intent.services))


def _exemption(
    tags: Mapping[str, str], intent: Intent, known: Known, endpoint: Endpoint | None = None
) -> Finding | None:
    """Return what the exemption tag, if there is one, comes to."""
    target = (endpoint.service, endpoint.endpoint_id) if endpoint else (None, None)
    if exemption := find_exemption(tags, intent.exemption_tag, known.today):
        message = f"exempt until {exemption.until.isoformat()}: {exemption.reason}"
        return Finding(Reason.EXEMPT, message, *target)
    if is_void(tags, intent.exemption_tag):
        message = (
            f"the tag {intent.exemption_tag} exempts nothing: it reads"
            f" {tags[intent.exemption_tag]!r} and takes 'until=<a date to come>; reason=<text>'"
        )
        return Finding(Reason.EXEMPTION_INVALID, message, *target)
    return None


def policy_steps(endpoint: Endpoint, intent: Intent, known: Known) -> Iterator[Step]:
    """Yield what the endpoint's policy or exemption comes to, and the write that closes it."""
    if exempt := _exemption(endpoint.tags, intent, known, endpoint):
        yield exempt
        if exempt.reason is Reason.EXEMPT:
            return
    verdict = decide(endpoint.policy, known.baseline)
    if verdict.contained:
        yield SeenCompliant(endpoint.endpoint_id, endpoint.policy)
        return
    first, spared = verdict.reasons[0], _spared(endpoint, intent, known)
    message = f"{first.message}{spared}"
    yield Finding(
        _REASONS[first.code], message, endpoint.service, endpoint.endpoint_id, verdict=verdict
    )
    if not spared:
        yield replacement(endpoint, known)


def _spared(endpoint: Endpoint, intent: Intent, known: Known) -> str:
    """Say why the endpoint's policy is only reported; empty when it is to be replaced."""
    if intent.mode is not Mode.ENFORCE_NEW or endpoint.managed:
        return ""
    if known.inventory is None:
        return " (only reported: the inventory is not taken yet)"
    stored = known.inventory.policies.get(endpoint.endpoint_id)
    seen = known.compliant.get(endpoint.endpoint_id)
    # One that was changed to what complies, and back, is not what stood before the guardrail.
    changed = seen is not None and policy_hash(seen) != stored
    if stored == policy_hash(endpoint.policy) and not changed:
        return " (only reported: unchanged since before the guardrail)"
    return ""

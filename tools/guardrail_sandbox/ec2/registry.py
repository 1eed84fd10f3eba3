"""Every behaviour, in the order in which refusals come."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from guardrail_sandbox.ec2.behaviour import Behaviour, Facts, World, facts_of
from guardrail_sandbox.ec2.client_tokens import ClientTokens
from guardrail_sandbox.ec2.default_group import DefaultGroup
from guardrail_sandbox.ec2.default_policy import DefaultPolicy
from guardrail_sandbox.ec2.default_subnets import DefaultSubnets
from guardrail_sandbox.ec2.delete_failures import DeleteFailures
from guardrail_sandbox.ec2.deleted_principals import DeletedPrincipals
from guardrail_sandbox.ec2.dependencies import Dependencies
from guardrail_sandbox.ec2.dry_run import DryRun
from guardrail_sandbox.ec2.endpoint_filters import EndpointFilters
from guardrail_sandbox.ec2.endpoint_quota import EndpointQuota
from guardrail_sandbox.ec2.group_checks import GroupChecks
from guardrail_sandbox.ec2.life_cycle import LifeCycle
from guardrail_sandbox.ec2.network_interfaces import NetworkInterfaces
from guardrail_sandbox.ec2.one_subnet_per_zone import OneSubnetPerZone
from guardrail_sandbox.ec2.ownership import Ownership
from guardrail_sandbox.ec2.pagination import Pagination
from guardrail_sandbox.ec2.policy_size import PolicySize
from guardrail_sandbox.ec2.policy_strict import PolicyStrict
from guardrail_sandbox.ec2.policy_support import PolicySupport
from guardrail_sandbox.ec2.policy_syntax import PolicySyntax
from guardrail_sandbox.ec2.policy_text import PolicyText
from guardrail_sandbox.ec2.private_dns_attributes import PrivateDnsAttributes
from guardrail_sandbox.ec2.private_dns_conflicts import PrivateDnsConflicts
from guardrail_sandbox.ec2.private_dns_switch import PrivateDnsSwitch
from guardrail_sandbox.ec2.read_lag import ReadLag
from guardrail_sandbox.ec2.reset_policy import ResetPolicy
from guardrail_sandbox.ec2.services import Services
from guardrail_sandbox.ec2.subnet_checks import SubnetChecks
from guardrail_sandbox.ec2.throttles import Throttles
from guardrail_sandbox.ec2.vpc_attributes import OneVpcAttribute
from guardrail_sandbox.errors import SandboxError

BEHAVIOURS: tuple[type[Behaviour], ...] = (
    Throttles,
    DryRun,
    ReadLag,
    ClientTokens,
    Services,
    Ownership,
    DeleteFailures,
    LifeCycle,
    EndpointQuota,
    DefaultPolicy,
    ResetPolicy,
    PolicySize,
    PolicySyntax,
    PolicyStrict,
    PolicySupport,
    SubnetChecks,
    OneSubnetPerZone,
    DefaultGroup,
    GroupChecks,
    OneVpcAttribute,
    PrivateDnsAttributes,
    PrivateDnsConflicts,
    PrivateDnsSwitch,
    NetworkInterfaces,
    DefaultSubnets,
    PolicyText,
    DeletedPrincipals,
    Dependencies,
    EndpointFilters,
    Pagination,
)


def behaviours(world: World, *, without: Collection[str] = ()) -> list[Behaviour]:
    """Return the behaviours that are not switched off.

    Raises `SandboxError` for names, assumptions and answers that do not exist.
    """
    _require_known("behaviour", without, [b.name for b in BEHAVIOURS])
    open_questions = assumptions()
    _require_known("assumption", world.assumed, open_questions)
    for name, chosen in world.assumed.items():
        _require_known(f"answer to {name}", [chosen], open_questions[name])
    return [behaviour(world) for behaviour in BEHAVIOURS if behaviour.name not in without]


def assumptions() -> Mapping[str, tuple[str, ...]]:
    """Return the open questions with their possible answers, the default first."""
    return {name: answers for b in BEHAVIOURS for name, answers in b.assumptions.items()}


def facts() -> list[Facts]:
    """Return what is said about each behaviour."""
    return [facts_of(behaviour) for behaviour in BEHAVIOURS]


def _require_known(kind: str, given: Iterable[str], known: Iterable[str]) -> None:
    known = sorted(known)
    for name in given:
        if name not in known:
            raise SandboxError(f"no {kind} is called {name}", hint=f"known: {', '.join(known)}")

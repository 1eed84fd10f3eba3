"""The two DNS attributes of a VPC, which private DNS needs, and what to do while they are off."""

from __future__ import annotations

from collections.abc import Iterator

from guardrail.core.actions import EnableVpcDns
from guardrail.core.model import DnsAttributes, Intent, ObservedVpc, VpcDns


def dns_of(vpc: ObservedVpc) -> DnsAttributes:
    """Return the attributes; as off where they were not asked for."""
    return vpc.dns or DnsAttributes(support=False, hostnames=False)


def will_be_on(vpc: ObservedVpc, intent: Intent) -> bool:
    """Whether private DNS can be had, now or by turning the attributes on."""
    return dns_of(vpc).both or intent.vpc_dns is VpcDns.ENABLE


def dns_actions(vpc: ObservedVpc, intent: Intent) -> Iterator[EnableVpcDns]:
    """Yield what turns the attributes on where the owner of the guardrail asked for it."""
    if intent.vpc_dns is not VpcDns.ENABLE:
        return
    if not dns_of(vpc).support:
        yield EnableVpcDns(vpc.vpc_id, "enableDnsSupport")
    if not dns_of(vpc).hostnames:
        yield EnableVpcDns(vpc.vpc_id, "enableDnsHostnames")


def what_is_off(vpc: ObservedVpc) -> str:
    """Say which attributes are off."""
    dns = dns_of(vpc)
    named = (("enableDnsSupport", dns.support), ("enableDnsHostnames", dns.hostnames))
    off = [name for name, on in named if not on]
    return f"private DNS needs {' and '.join(off)} of the VPC to be on"

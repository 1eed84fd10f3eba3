"""What a VPC should be like in the end, told from the design and not from the product's code.

A fault is a code and a sentence. Where the design leaves a choice, either is accepted; each such
place says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from ipaddress import ip_network

from guardrail.core.model import Intent, VpcDns
from guardrail.core.policy import decide
from model.product import BASELINE, EXEMPTION_TAG
from model.region import ACCOUNT
from model.snapshot import Endpoint, Group, Snapshot, Subnet, Tags, Vpc

OFFERED = frozenset({"us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d", "us-east-1f"})
ROOMY = 16
"""A subnet with so many free addresses has to be used; one with fewer may be."""
STEP_FUNCTIONS = frozenset({"states", "sync-states"})


@dataclass(frozen=True)
class Fault:
    """Something that is not as it should be."""

    code: str
    vpc_id: str
    text: str

    def __str__(self) -> str:
        """Return it for a person."""
        return f"[{self.code}] {self.vpc_id}: {self.text}"


@dataclass(frozen=True)
class World:
    """What is judged: the world, what in it the guardrail made, and what was asked of it.

    `central` are VPC and service where the VPC's resolver gets the service's name from elsewhere.
    `unheard` are the VPCs whose DNS attributes the guardrail may take to be on still.
    """

    state: Snapshot
    made: frozenset[str]
    intent: Intent
    today: date
    central: frozenset[tuple[str, str]] = frozenset()
    unheard: frozenset[str] = frozenset()

    def faults(self) -> list[Fault]:
        """Return what is wrong anywhere, in VPCs that are gone, too."""
        places = {*self.state.vpcs, *map(self.state.vpc_of, self.made)} - {""}
        return [fault for vpc_id in sorted(places) for fault in self.of_vpc(vpc_id)]

    def of_vpc(self, vpc_id: str) -> list[Fault]:
        """Return what is wrong in one VPC."""
        vpc = self.state.vpcs.get(vpc_id)
        if vpc is None:
            return list(self._leftovers(vpc_id))
        if not self._counts(vpc):
            return []
        faults = list(self._policies(vpc))
        for service in self.intent.services:
            faults += self._service(vpc, str(service))
        return faults

    def lacks(self, vpc_id: str) -> list[Fault]:
        """Return what ours lack beside endpoints of the owner's without the service's name.

        They need not be complete there; but they alone answer for the name, so it is no waste.
        """
        vpc = self.state.vpcs.get(vpc_id)
        if vpc is None or not self._counts(vpc):
            return []
        sides = (self._sides(vpc, str(service)) for service in self.intent.services)
        alone = [ours for ours, others in sides if len(ours) == 1 and others]
        return [fault for (one,) in alone for fault in self._complete(vpc, one)]

    def _counts(self, vpc: Vpc) -> bool:
        return vpc.owner_id == ACCOUNT and not is_exempt(vpc.tags, self.today)

    def _leftovers(self, vpc_id: str) -> Iterator[Fault]:
        for thing_id in sorted(self.made):
            if self.state.vpc_of(thing_id) == vpc_id and not self._gone(thing_id):
                yield Fault("leftover", vpc_id, f"{thing_id} is left though the VPC is gone")

    def _gone(self, thing_id: str) -> bool:
        endpoint = self.state.endpoints.get(thing_id)
        return endpoint is not None and not endpoint.alive

    def _policies(self, vpc: Vpc) -> Iterator[Fault]:
        for endpoint in self.state.endpoints_of(vpc.vpc_id):
            if endpoint.service not in STEP_FUNCTIONS or endpoint.of_aws:
                continue
            if not contained(endpoint.policy) and not is_exempt(endpoint.tags, self.today):
                text = f"{endpoint.endpoint_id} lets through more than the baseline"
                yield Fault("policy", vpc.vpc_id, text)

    def _service(self, vpc: Vpc, service: str) -> Iterator[Fault]:
        managed, others = self._sides(vpc, service)
        if len(managed) > 1:
            ids = ", ".join(e.endpoint_id for e in managed)
            yield Fault("duplicate", vpc.vpc_id, f"{len(managed)} endpoints of {service}: {ids}")
        elif others:
            yield from self._beside(vpc, others, managed)
        elif managed:
            yield from self._complete(vpc, managed[0])
        else:
            yield from self._missing(vpc, service)

    def _sides(self, vpc: Vpc, service: str) -> tuple[list[Endpoint], list[Endpoint]]:
        """Return the managed endpoints of a service, and the others."""
        standing = self.state.endpoints_of(vpc.vpc_id)
        present = [e for e in standing if e.service == service and not e.of_aws]
        managed = [e for e in present if self._is_managed(e)]
        return managed, [e for e in present if e not in managed]

    def _beside(self, vpc: Vpc, others: list[Endpoint], managed: list[Endpoint]) -> Iterator[Fault]:
        """Judge a VPC with an endpoint of the owner's.

        Beside one that has the service's name none of ours may stand. Beside another one it may:
        the design does not say. It need not be complete then.
        """
        working = [e for e in others if e.subnets and e.private_dns and self._is_own(e)]
        if working and managed:
            text = f"{managed[0].endpoint_id} stands beside the owner's {working[0].endpoint_id}"
            yield Fault("beside-own", vpc.vpc_id, text)

    def _missing(self, vpc: Vpc, service: str) -> Iterator[Fault]:
        wanted = not vpc.default or self.intent.default_vpcs
        ready = all(vpc.dns) or self.intent.vpc_dns is not VpcDns.WAIT
        central = (vpc.vpc_id, service) in self.central
        if wanted and ready and not central and self._zones(vpc, frozenset()):
            yield Fault("missing", vpc.vpc_id, f"no endpoint of {service}")

    def _complete(self, vpc: Vpc, endpoint: Endpoint) -> Iterator[Fault]:
        used = {s.zone for s in self._subnets(vpc) if s.subnet_id in endpoint.subnets}
        possible = used | self._zones(vpc, endpoint.subnets)
        if len(used) < min(self.intent.max_zones, len(possible)):
            text = f"{endpoint.endpoint_id} is in {sorted(used)}, could be in {sorted(possible)}"
            yield Fault("zones", vpc.vpc_id, text)
        if not endpoint.tagged:
            yield Fault("tag", vpc.vpc_id, f"{endpoint.endpoint_id} has lost the stack's tag")
        yield from self._name(vpc, endpoint)
        yield from self._clients(vpc, endpoint)

    def _name(self, vpc: Vpc, endpoint: Endpoint) -> Iterator[Fault]:
        """Judge whether the service's name leads to the endpoint."""
        enables = self.intent.vpc_dns is VpcDns.ENABLE
        central = (vpc.vpc_id, endpoint.service) in self.central
        if endpoint.private_dns:
            if enables and not all(vpc.dns) and vpc.vpc_id not in self.unheard:
                text = f"DNS attributes are off under {endpoint.endpoint_id}'s private DNS"
                yield Fault("dns-off", vpc.vpc_id, text)
        elif (enables or all(vpc.dns)) and not central:
            yield Fault("private-dns", vpc.vpc_id, f"{endpoint.endpoint_id} has no private DNS")

    def _clients(self, vpc: Vpc, endpoint: Endpoint) -> Iterator[Fault]:
        name = f"sfn-endpoint-guardrail-{endpoint.service}"
        attached = (self.state.groups.get(i) for i in endpoint.groups)
        group = next((g for g in attached if g and g.name == name), None)
        if group is None or group.group_id not in self.made:
            yield Fault("group", vpc.vpc_id, f"{endpoint.endpoint_id} lacks the group {name}")
            return
        wanted = {*vpc.cidrs, *self.intent.client_cidrs}
        if blocked := sorted(c for c in wanted if not lets_in(group, c)):
            text = f"{group.group_id} keeps out {', '.join(blocked)}"
            yield Fault("clients", vpc.vpc_id, text)

    def _zones(self, vpc: Vpc, used: frozenset[str]) -> set[str]:
        """Return the zones that an endpoint could have besides the subnets it is in."""
        return {
            s.zone
            for s in self._subnets(vpc)
            if s.zone in OFFERED
            and s.free >= ROOMY
            and s.subnet_id not in used
            and (self.intent.subnet_tag is None or self.intent.subnet_tag in s.tags)
        }

    def _subnets(self, vpc: Vpc) -> list[Subnet]:
        return self.state.subnets_of(vpc.vpc_id)

    def _is_managed(self, endpoint: Endpoint) -> bool:
        return endpoint.endpoint_id in self.made and not endpoint.taken_over

    def _is_own(self, endpoint: Endpoint) -> bool:
        return endpoint.endpoint_id not in self.made


@lru_cache(maxsize=1000)
def contained(policy: str) -> bool:
    """Whether a policy lets through nothing beyond the baseline."""
    return decide(policy, BASELINE).contained


def is_exempt(tags: Tags, today: date) -> bool:
    """Whether a tag exempts its VPC or endpoint today; acts write no other form than this."""
    value = dict(tags).get(EXEMPTION_TAG, "")
    until, _, reason = value.partition("; reason=")
    return bool(reason) and until.removeprefix("until=") >= today.isoformat()


def lets_in(group: Group, cidr: str) -> bool:
    """Whether a group lets a block reach TCP 443."""
    return any(
        protocol in {"tcp", "-1"}
        and (protocol == "-1" or first <= 443 <= last)
        and _inside(cidr, where)
        for protocol, first, last, where in group.rules
    )


def _inside(cidr: str, door: str) -> bool:
    inner, outer = ip_network(cidr), ip_network(door)
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]

"""`sfn-guardrail org plan`: what would be made where, and what it costs a month."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from guardrail_cli.org.costs import Item, at_rest, endpoints, total
from guardrail_cli.org.counting import Count, Counting, one_each
from guardrail_cli.org.model import Definition, Organisation, StackSets
from guardrail_cli.org.rollout import refuse_narrower

ZONES = 3
"""Zones of an endpoint: the default of MaxAvailabilityZones."""


_MAKES_LESS = {
    "observe": "in observe no endpoint is made: those come with --mode enforce-new, or enforce",
    "enforce-new": "in enforce-new VPCs that stand already get no endpoint before --mode enforce",
}
"""What a mode does not make of what is counted."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Stacks by what would become of them, and the VPCs that would be covered."""

    accounts: int
    regions: int
    missing: int
    behind: int
    elsewhere: int
    vpcs: Count
    items: tuple[Item, ...]
    mode: str = ""

    def lines(self) -> Iterator[str]:
        """Yield it for a person."""
        yield f"{self.accounts} accounts in {self.regions} regions: {self.missing} stacks to make,"
        yield f"{self.behind} to update, {self.accounts * self.regions - self.missing} there"
        if not self.accounts:
            yield "no active account is in the units yet: those that join will get their stacks"
            yield "(the management account never does; see deploy/README.md)"
        if self.elsewhere:
            yield f"{self.elsewhere} stacks stand in accounts that are not active in the units"
        yield f"{self.vpcs.vpcs} VPCs that may get an endpoint ({self.vpcs.told()})"
        if self.vpcs.refusal:
            yield f"one of those that cannot be looked into: {self.vpcs.refusal}"
        yield ""
        yield "a month, with hourly sweeps; endpoints that stand already are in it"
        yield f"{'USD; check the prices before quoting':<52}{'quantity':>14}{'cost':>12}"
        for item in self.items:
            yield f"{item.name:<52}{item.quantity:>14,.0f}{item.cost:>12,.2f}  {item.unit}"
        yield f"{'in all':<66}{total(self.items):>12,.2f}"
        if told := _MAKES_LESS.get(self.mode):
            yield told


def plan(
    sets: StackSets,
    organisation: Organisation,
    wanted: Definition,
    count: Counting = one_each,
) -> Plan:
    """Compare what is wanted with what stands; nothing is changed."""
    accounts = organisation.accounts(wanted.units)
    places = {(account, region) for account in accounts for region in wanted.regions}
    standing = sets.definition()
    if standing:
        refuse_narrower(standing, wanted)
    instances = list(sets.instances()) if standing else []
    same = standing is not None and standing.gives_the_same_as(wanted)
    here = [one for one in instances if one.place in places]
    vpcs = count(places)
    return Plan(
        accounts=len(accounts),
        regions=len(wanted.regions),
        missing=len(places - {one.place for one in here}),
        behind=sum(not (same and one.settled) for one in here),
        elsewhere=len(instances) - len(here),
        vpcs=vpcs,
        items=_items(len(accounts), wanted, vpcs.vpcs),
        mode=wanted.effective.get("Mode", ""),
    )


def _items(accounts: int, wanted: Definition, vpcs: int) -> tuple[Item, ...]:
    """Return the bill, as far as parameters change it: alarms, zones, services; hourly sweeps."""
    given = wanted.effective
    zones = int(given.get("MaxAvailabilityZones", ZONES))
    services = len({one.strip() for one in given.get("Services", "states").split(",")})
    alarms = given.get("Alarms") == "on"
    rest = at_rest(accounts, len(wanted.regions), alarms=alarms)
    return (*rest, *endpoints(vpcs * services, zones))

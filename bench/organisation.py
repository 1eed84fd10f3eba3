"""What `org deploy` and `org status` take at 1,000 accounts in 17 regions: simulated, without AWS.

    python bench/organisation.py

The commands' own code runs: the roll-out with its waves and the adapters of CloudFormation and
Organizations, over clients of a simulated AWS, and the rows of `status`. Every call takes a token
where its API's throttle counts it and lasts as long as a call across the world; threads share one
processor. Nothing is drawn at random, so the figures are the same everywhere but for the memory,
which is measured. Each rate and duration is sourced, measured or assumed (simulation/rates.py).
"""

from __future__ import annotations

import json
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "src"), str(ROOT / "bench")]

from simulation import rates  # noqa: E402 - the path is set above
from simulation.clock import Clock  # noqa: E402 - as above
from simulation.events import Bucket  # noqa: E402 - as above
from simulation.members import VERSION, Members, Way, replayed  # noqa: E402 - as above
from simulation.organisation import (  # noqa: E402 - as above
    Buckets,
    Organizations,
    account_id,
    region_name,
)
from simulation.stack_set import UNIT, CloudFormation  # noqa: E402 - as above

from guardrail.core.trials import own_hour  # noqa: E402 - as above
from guardrail_cli.org import costs  # noqa: E402 - as above
from guardrail_cli.org.accounts import WORKERS  # noqa: E402 - as above
from guardrail_cli.org.model import Definition, Operation, Place  # noqa: E402 - as above
from guardrail_cli.org.operations import Screen  # noqa: E402 - as above
from guardrail_cli.org.organisation import AwsOrganisation  # noqa: E402 - as above
from guardrail_cli.org.rollout import Rollout  # noqa: E402 - as above
from guardrail_cli.org.row import Row  # noqa: E402 - as above
from guardrail_cli.org.stack_set import AwsStackSets  # noqa: E402 - as above
from guardrail_cli.org.status import absent, rows  # noqa: E402 - as above
from guardrail_cli.org.target import Target  # noqa: E402 - as above
from guardrail_cli.org.waves import Waves  # noqa: E402 - as above

ACCOUNTS, REGIONS = 1000, 17
NAME, HOME = "sfn-endpoint-guardrail", "us-east-1"
TO_REPAIR = 20
"""VPCs to repair in each account and region when `enforce` begins: assumed."""
PRIVATELINK_READS = 2
"""Lists of a sweep (bench/sweep_reads.py). Counted; its dry runs are `costs.TRIALS`."""


def definition(version: str) -> Definition:
    """Return what the set gives; the template is a small one, since only its version matters."""
    template = {
        "Parameters": {"Mode": {"Default": "enforce-new"}},
        "Outputs": {"Version": {"Value": version}},
    }
    regions = tuple(region_name(number) for number in range(REGIONS))
    return Definition(json.dumps(template), {"Mode": "observe"}, (UNIT,), regions)


# --- deploy -------------------------------------------------------------------------------------


@dataclass
class Watch(Screen):
    """Notes how many accounts had been gone through when each operation ended."""

    clock: Clock
    told: list[tuple[int, float]] = field(default_factory=list)

    def progress(self, operation: Operation, places: int) -> None:
        """See `Screen.progress`."""
        if operation.ended:
            before = self.told[-1][0] if self.told else 0
            self.told.append((before + places // REGIONS, self.clock.now))


class Organisation:
    """An AWS that remembers what was deployed; every command has a clock of its own."""

    def __init__(
        self,
        *,
        strict: bool = False,
        fresh: bool = False,
        broken: Mapping[Place, str] | None = None,
    ) -> None:
        self.service = CloudFormation(Clock(), strict, fresh, broken or {})
        self._held: set[tuple[str, str]] = set()

    def adapters(self) -> tuple[Clock, AwsStackSets, AwsOrganisation]:
        """Return the commands' adapters over this AWS, and the clock that they wait by."""
        # Later than whatever went before; the calls are counted anew.
        clock = self.service.clock = Clock(self.service.clock.now)
        sets = AwsStackSets(NAME, HOME, delegated=False)
        sets._cfn = self.service  # noqa: SLF001 - the client is what is simulated
        organisation = AwsOrganisation("us-east-1")
        organisation._client = Organizations(clock, ACCOUNTS)  # noqa: SLF001 - as above
        return clock, sets, organisation

    def deploy(self, version: str = VERSION) -> Deployed:
        """Run what `org deploy` and `org upgrade` run."""
        clock, sets, organisation = self.adapters()
        began, watch = clock.now, Watch(clock)
        buckets = Buckets(clock, self._held)
        rollout = Rollout(sets, organisation, buckets, watch, Waves(), sleep=clock.sleep)
        wanted = definition(version)
        rollout.publish(wanted.regions, version, b"")
        failed = rollout.deploy(wanted)
        told = [(accounts, at - began) for accounts, at in watch.told]
        return Deployed(clock.now - began, clock.calls, told, failed)


class Deployed(NamedTuple):
    """What a deployment came to: seconds, calls, accounts after each wave, and where it failed."""

    seconds: float
    calls: Counter[str]
    told: list[tuple[int, float]]
    failed: Mapping[Place, str]

    def line(self, name: str) -> str:
        """Return when each wave was through, and when it was over; without waves, that alone."""
        waves = [clock(at) for _, at in self.told] or [""] * 4
        return f"  {name:44}" + "".join(f"{at:>8}" for at in (*waves, clock(self.seconds)))


BEFORE = "ba9876543210"
"""The version before the one that members run."""
REFUSAL = "Account has not been subscribed to this region"


# --- status -------------------------------------------------------------------------------------

WAYS = (
    Way("if each account had new clients", rates.CLIENT, kept=False),
    Way("clients kept by region", 0.0, kept=True),
)


class Seen(NamedTuple):
    """What `status` came to before it asks the accounts: seconds and calls; then every row."""

    seconds: float
    calls: Counter[str]
    rows: list[Row]


def seen(site: Organisation, asked: Members) -> Seen:
    """Run what `org status` runs."""
    waiting, sets, organisation = site.adapters()
    began = waiting.now
    standing = sets.definition()
    assert standing is not None  # noqa: S101 - it was deployed
    instances = list(sets.instances())
    accounts = organisation.accounts(standing.units)
    found = list(rows(instances, asked, standing, Target(NAME, HOME)))
    places = [(account, region) for account in accounts for region in standing.regions]
    return Seen(waiting.now - began, waiting.calls, [*found, *absent(places, instances)])


def members(*, noting: bool) -> Members:
    """Return the member accounts, which have swept today."""
    return Members(datetime.now(UTC).isoformat(), {} if noting else None)


# --- figures ------------------------------------------------------------------------------------


def clock(seconds: float) -> str:
    """Return minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"


def _calls(*counts: Counter[str]) -> Iterator[str]:
    names = sorted(set().union(*counts))
    for name in names:
        yield f"  {name:32}" + "".join(f"{count[name]:8,}" for count in counts)
    yield f"  {'calls in all':32}" + "".join(f"{count.total():8,}" for count in counts)


def deploy_figures(site: Organisation) -> Iterator[str]:
    """Yield what each pace comes to, the calls of the default, and what comes after it."""
    made = site.deploy(BEFORE)
    yield f"deploy, {ACCOUNTS:,} accounts x {REGIONS} regions, all regions at once; minutes until"
    yield f"  {'':44}" + "".join(f"{accounts:8,}" for accounts, _ in made.told) + "    over"
    yield made.line("as it is, --at-once 0.25")
    yield Organisation(strict=True).deploy(BEFORE).line("the same, if its tolerance were strict")
    broken = {(account_id(n), region_name(3)): REFUSAL for n in range(25, ACCOUNTS, 50)}
    done = Organisation(broken=broken).deploy(BEFORE)
    yield done.line(f"one account in 50 without a region: {len(done.failed)} told")
    again, upgraded = site.deploy(BEFORE), site.deploy(VERSION)
    yield again.line("deploy again, nothing to do")
    yield upgraded.line("upgrade")
    yield "calls of a deploy, an upgrade, and where there is nothing to do"
    yield from _calls(made.calls, upgraded.calls, again.calls)


def status_figures(site: Organisation) -> Iterator[str]:
    """Yield what each way of calling comes to, and the calls of the last."""
    asked = members(noting=True)
    found = seen(site, asked)
    right = sum(not row.problem for row in found.rows)
    told = f"{len(found.rows):,} rows, {right:,} without a problem"
    yield f"status, {WORKERS} workers: {told}; minutes until"
    yield f"  {'':44}{'listed':>8}{'all':>8}"
    noted = [calls for _, calls in sorted((asked.noted or {}).items())]
    for way in WAYS:
        sim = replayed(noted, way)
        yield f"  {way.name:44}{clock(found.seconds):>8}{clock(found.seconds + sim.now):>8}"
    yield f"  waiting for tokens: {sim.throttled:.0f} s"
    yield from _calls(found.calls + sim.calls)


def privatelink_figures(site: Organisation) -> Iterator[str]:
    """Yield how many calls to PrivateLink's API clean sweeps make, by how they are spread."""
    region = region_name(0)
    made = {
        int(account): s.made for (account, at), s in site.service.stacks.items() if at == region
    }
    yield f"lists of PrivateLink by {ACCOUNTS:,} clean sweeps an hour, one region, busiest minute"
    for schedule, since in (("cron", dict.fromkeys(made, 0.0)), ("rate, from when made", made)):
        for window in (15, 60):
            minutes = Counter(
                int((at + rates.spread(number) * window * 60) % 3600 // 60)
                for number, at in since.items()
            )
            a_second = max(minutes.values()) * PRIVATELINK_READS / 60
            yield f"  {f'{schedule}, SweepWindowMinutes={window}':44}{a_second:8.1f} a second"
    hours = Counter(own_hour(account_id(number), region) for number in made)
    yield f"  {'dry runs in the busiest hour, one region':44}{2 * max(hours.values()):8}"
    yield f"  {'dry runs a day, everywhere':44}{24 * costs.TRIALS * ACCOUNTS * REGIONS:8,.0f}"


def enforce_figures(site: Organisation) -> Iterator[str]:
    """Yield how many endpoints are written a second when `enforce` reaches every account.

    Each stack sweeps within an hour after its update, and hourly from then on.
    """
    region = region_name(0)
    stacks = site.service.stacks.items()
    first = [
        stack.ready + rates.spread(int(account)) * 3600
        for (account, at), stack in stacks
        if at == region
    ]
    yield f"endpoint writes when enforce reaches all, {TO_REPAIR} to repair each, one region"
    for sweep_writes in (60, 5):
        minutes = Counter(int(at // 60) for start in first for at in _writes(start, sweep_writes))
        lasts = clock((max(minutes) - min(minutes) + 1) * 60)
        a_second = max(minutes.values()) / 60
        yield f"  {f'SweepWrites={sweep_writes}, through in {lasts}':44}{a_second:8.1f} a second"


def _writes(start: float, sweep_writes: int) -> Iterator[float]:
    """Yield the moments at which one account's sweeps write, as EC2 lets them."""
    bucket = Bucket(rates.ENDPOINT_WRITES, rates.ENDPOINT_WRITES.size, start)
    for number in range(TO_REPAIR):
        yield bucket.granted(start + number // sweep_writes * 3600)


def cost_figures() -> Iterator[str]:
    """Yield the bill at rest, item by item, and what is asked for beside it."""
    yield f"USD a month at rest, {ACCOUNTS:,} accounts x {REGIONS} regions, hourly sweeps"
    items = costs.at_rest(ACCOUNTS, REGIONS)
    for item in items:
        yield f"  {item.name:30}{item.quantity:16,.1f} {item.unit:12}{item.cost:11,.2f}"
    yield f"  {'in all':59}{costs.total(items):11,.2f}"
    yield "not of the guardrail itself, USD a month"
    for item in (*costs.endpoints(ACCOUNTS, 3), *costs.onlookers(ACCOUNTS, REGIONS)):
        yield f"  {item.name:30}{item.quantity:16,.1f} {item.unit:12}{item.cost:11,.2f}"


def figures() -> Iterator[str]:
    """Yield every line that is the same on all machines."""
    site = Organisation()
    yield from deploy_figures(site)
    yield from status_figures(site)
    yield from privatelink_figures(site)
    yield from enforce_figures(site)
    yield from cost_figures()


def memory(command: Callable[[], object]) -> str:
    """Return what a command takes at most, measured, with what the simulation holds beside it."""
    tracemalloc.start()
    command()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return f"{peak / 2**20:.1f} MiB"


def main() -> int:
    """Print the figures; the memory is that of this machine's Python."""
    for line in figures():
        print(line, flush=True)
    site = Organisation(fresh=True)
    print(f"memory of deploy at most: {memory(site.deploy)}")
    print(f"memory of status at most: {memory(lambda: seen(site, members(noting=False)))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

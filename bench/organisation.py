"""What `org deploy` and `org status` take at 1,000 accounts in 17 regions: simulated, without AWS.

    python bench/organisation.py

Every call takes a token where its API's throttle counts it and lasts as long as a call across the
world; workers share one processor, as the threads of one Python process do. Nothing is drawn at
random, so the figures are the same everywhere but for the memory, which is measured. Each rate and
duration below is marked: sourced, measured or assumed.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "bench")]

from simulation.events import Call, Limit, Process, Simulation, Work  # noqa: E402 - as above

from guardrail_cli.org import costs  # noqa: E402 - the path is set above

ACCOUNTS, REGIONS = 1000, 17

# Tokens and their refill a second.
# AWS publishes no rate of CloudFormation's API. Users report 5 a second for DescribeStacks in an
# account and region (aws-sam-cli#2671); assumed for each of its operations.
CLOUDFORMATION = Limit(5.0, 5.0)
# IAM user guide, "IAM and AWS STS quotas": of an account and region, for the caller.
STS = Limit(600.0, 600.0)
# Amazon DynamoDB developer guide, "Read and write capacity": a partition's 3,000 read units.
TABLE = Limit(3000.0, 3000.0)
# Assumed: 100 Mbit/s up, a zip of 18.3 MB (docs/adr/0003-build.md), so 0.68 uploads a second.
UPLINK = Limit(1.0, 100 / 8 / 18.3)
# Assumed: what is asked of a bucket is never throttled here.
S3 = Limit(100.0, 100.0)

# Seconds.
# Assumed: a call to a region somewhere in the world, on a connection that stands.
CALL = 0.2
# Assumed: two round trips more for a new connection, TCP and TLS.
CONNECT = 0.3
# Measured, botocore 1.43 on Python 3.11 without the network: signing both calls, reading answers.
READING = 0.0117
# Measured likewise: a client of a botocore session of its own. One of a shared session takes 0.027.
CLIENT = 0.069
# Assumed: from an operation's acceptance to its first stack.
QUEUED = 30.0
# Assumed: one stack of this template, and how much that varies. IAM's throttle may stretch it where
# one account makes its roles in all regions at once; its rate is not published.
STACK, STACK_SPREAD = 120.0, 60.0
# Assumed: between two looks at an operation.
POLL = 15.0

CONCURRENT_LIMIT = 10_000
"""Stack instances worked on at a time. Source: CloudFormation user guide, "Quotas"."""
PAGE = 100
"""Entries of a page of ListStackInstances and ListStackSetOperationResults (API reference)."""
PRIVATELINK_READS = 2
"""Lists of a sweep (bench/sweep_reads.py). Counted; its dry runs are `costs.TRIALS`."""
WAVES = (0.0, 0.05, 0.25, 1.0)
"""Shares of the accounts that have the stack after each wave; the first is one account."""


# --- deploy -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pace:
    """How StackSets may go: accounts at a time in each region, by the count and by tolerance.

    A strict operation takes no more accounts at a time than its tolerance and one (CloudFormation
    API reference, "StackSetOperationPreferences").
    """

    concurrent: int
    tolerance: int
    strict: bool

    @property
    def accounts(self) -> int:
        """Accounts worked on at a time in a region, all regions at once."""
        allowed = min(self.concurrent, self.tolerance + 1) if self.strict else self.concurrent
        return min(allowed, CONCURRENT_LIMIT // REGIONS)

    def __str__(self) -> str:
        mode = "strict" if self.strict else "soft"
        return f"{self.concurrent:3} at a time, tolerance {self.tolerance:2}, {mode}"


PACES = (Pace(50, 5, strict=True), Pace(50, 5, strict=False), Pace(100, 10, strict=False))


def of_stack_set(api: str) -> Call:
    """Return a call about the stack set, by the administrator in one region."""
    return Call(api, "admin", CLOUDFORMATION, CALL)


def stack_seconds(account: int, region: int) -> float:
    """Return how long one stack takes: spread evenly, and always the same for the same stack."""
    # Multiples of the golden ratio lie evenly between whole numbers.
    return STACK + (account * REGIONS + region) * 0.6180339887 % 1 * STACK_SPREAD


def publish(region: int) -> Process:
    """Bring the code to one region's bucket, unless it is there."""
    yield Call("HeadObject", region, S3, CALL)
    yield Call("PutObject", "uplink", UPLINK, CALL)


def stacks(region: int, waiting: deque[int], open_: Counter[str]) -> Process:
    """One of StackSets' own workers in a region."""
    yield QUEUED
    while waiting:
        yield stack_seconds(waiting.popleft(), region)
        open_["instances"] -= 1


def wave(sim: Simulation, pace: Pace, accounts: range) -> Process:
    """Create the instances of some accounts in every region, and follow to the end."""
    open_ = Counter({"instances": len(accounts) * REGIONS})
    yield of_stack_set("CreateStackInstances")
    for region in range(REGIONS):
        waiting = deque(accounts)
        for _ in range(pace.accounts):
            sim.start(stacks(region, waiting, open_))
    while open_["instances"]:
        yield POLL
        yield of_stack_set("DescribeStackSetOperation")
    for _ in range(0, len(accounts) * REGIONS, PAGE):
        yield of_stack_set("ListStackSetOperationResults")


def deploy(sim: Simulation, pace: Pace, told: list[tuple[int, float]]) -> Process:
    """Publish, create the stack set, go out in waves; `told` gets accounts and moment of each."""
    for region in range(REGIONS):
        yield from publish(region)
    yield of_stack_set("CreateStackSet")
    done = 0
    for share in WAVES:
        until = max(1, int(share * ACCOUNTS))
        yield from wave(sim, pace, range(done, until))
        done = until
        told.append((done, sim.now))


# --- status -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """A line of `status` as the command would hold it."""

    account: str
    region: str
    stack_id: str
    status: str
    version: str
    mode: str
    drift: str
    last_sweep: str
    open_findings: int


def row(account: int, region: int) -> Row:
    """Return the line of one instance, with texts of its own as an answer would have."""
    name, number = f"ap-southeast-{region:02}", f"{account:012}"
    stack = f"arn:aws:cloudformation:{name}:{number}:stack/StackSet-guardrail-{account:032x}"
    swept = f"2026-11-23T{region:02}:{account % 60:02}:00Z"
    return Row(number, name, stack, "CURRENT", "0.1.0", "observe", "IN_SYNC", swept, account % 3)


@dataclass(frozen=True, slots=True)
class Way:
    """How the command calls: so many workers, and what a client and its connection take.

    Only so many `accounts` are asked; the seconds grow in proportion where the processor is busy.
    """

    name: str
    accounts: int
    workers: int
    client: float
    connect: float


WAYS = (
    Way("new clients for each account", ACCOUNTS // 10, 32, CLIENT, CONNECT),
    Way("clients kept by region", ACCOUNTS, 32, 0.0, 0.0),
)


def listing(way: Way, accounts: deque[int], open_: Counter[str]) -> Process:
    """Walk the pages, which hold an account's regions together (assumed)."""
    listed = 0
    for page in range(0, way.accounts * REGIONS, PAGE):
        yield of_stack_set("ListStackInstances")
        until = min(way.accounts, (page + PAGE) // REGIONS)
        accounts.extend(range(listed, until))
        listed = until
    open_["pages"] = 0


def looking(way: Way, accounts: deque[int], open_: Counter[str], rows: list[Row]) -> Process:
    """Look at one account after the other, by one role, region by region."""
    work = Work(2 * way.client + READING)
    while accounts or open_["pages"]:
        if not accounts:
            yield CALL
            continue
        account = accounts.popleft()
        yield Call("AssumeRole", "admin", STS, CALL)
        for region in range(REGIONS):
            yield work
            for api, limit in (("DescribeStacks", CLOUDFORMATION), ("GetItem", TABLE)):
                yield Call(api, (account, region), limit, CALL + way.connect)
            rows.append(row(account, region))


def status(way: Way) -> tuple[Simulation, list[Row]]:
    """Return the simulation at its end and the rows of every instance."""
    sim, rows, accounts = Simulation(), list[Row](), deque[int]()
    open_ = Counter({"pages": 1})
    sim.start(listing(way, accounts, open_))
    for _ in range(way.workers):
        sim.start(looking(way, accounts, open_, rows))
    sim.run()
    return sim, rows


# --- figures ------------------------------------------------------------------------------------


def clock(seconds: float) -> str:
    """Return minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s"


def _calls(sim: Simulation) -> Iterator[str]:
    for name, count in sorted(sim.calls.items()):
        yield f"  {name:30}{count:8,}"
    yield f"  {'calls in all':30}{sim.calls.total():8,}"


def deploy_figures() -> Iterator[str]:
    """Yield what each pace comes to, and the calls of the last."""
    yield f"deploy, {ACCOUNTS:,} accounts x {REGIONS} regions, all regions at once; accounts done"
    for pace in PACES:
        sim, told = Simulation(), list[tuple[int, float]]()
        sim.start(deploy(sim, pace, told))
        sim.run()
        yield f"  {pace}: " + ", ".join(f"{number:,} in {clock(at)}" for number, at in told)
    yield from _calls(sim)


def status_figures() -> Iterator[str]:
    """Yield what each way of calling comes to, and the calls of the last."""
    yield "status; every row is an instance"
    for way in WAYS:
        sim, rows = status(way)
        lasts = f"{clock(sim.now)}, of which waiting for tokens {clock(sim.throttled)}"
        yield f"  {way.name}, {way.workers} workers: {len(rows):,} rows in {lasts}"
    yield from _calls(sim)


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


def privatelink_figures() -> Iterator[str]:
    """Yield how many calls to PrivateLink's API clean sweeps make, by how they are spread."""
    calls = ACCOUNTS * (PRIVATELINK_READS + costs.TRIALS)
    yield f"calls to PrivateLink of {ACCOUNTS:,} clean sweeps in one region, a second"
    for spread, seconds in (
        ("over an hour", 3600),
        ("over 15 minutes", 900),
        ("over a minute", 60),
    ):
        yield f"  {spread:30}{calls / seconds:8.1f}"


def figures() -> Iterator[str]:
    """Yield every line that is the same on all machines."""
    yield from deploy_figures()
    yield from status_figures()
    yield from privatelink_figures()
    yield from cost_figures()


def memory() -> int:
    """Return the bytes that the rows of all instances take at most, measured."""
    tracemalloc.start()
    rows = [row(account, region) for account in range(ACCOUNTS) for region in range(REGIONS)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del rows
    return peak


def main() -> int:
    """Print the figures; the memory is that of this machine's Python."""
    for line in figures():
        print(line, flush=True)
    print(f"memory of the rows at most: {memory() / 2**20:.1f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What the guardrail costs a month, item by item: list prices times quantities, and nothing else.

Pure arithmetic without any AWS call. Prices are those of us-east-1 in US dollars, before free
tiers, discounts and taxes; each names where it comes from and has to be checked before it is quoted
to anybody. Quantities are measured, counted in the code, or assumed, and say which.

Nothing at rest has a fixed price: without sweeps only the stored bytes cost anything. Alarms and
customers' keys do have one and are counted only when asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

HOURS = 730.0
"""Hours of a month, as AWS's price examples count them: 8,760 a year by twelve."""

# Prices, us-east-1, USD. Where no other source is named, AWS's price page was read.
# AWS Lambda pricing, arm64. Check before quoting.
GB_SECOND = 0.0000133334
# AWS Lambda pricing. Check before quoting.
INVOCATION = 0.20 / 1e6
# Amazon EventBridge pricing, Scheduler; 14 million a month and account are free, which is not
# deducted. Reported by three price guides of 2026, not read from AWS. Check before quoting.
SCHEDULED = 1.00 / 1e6
# Amazon EventBridge pricing: an event of one's own or to another account; events of AWS services on
# the default bus are free. Check before quoting.
EVENT = 1.00 / 1e6
# Amazon DynamoDB pricing, on demand, after its reduction of November 2024. Reported by a price
# guide of July 2025, not read from AWS. Check before quoting.
READ_UNIT = 0.125 / 1e6
# As READ_UNIT. Check before quoting.
WRITE_UNIT = 0.625 / 1e6
# Amazon DynamoDB pricing, standard class; 25 GB of an account and region are free, not deducted.
# From memory. Check before quoting.
TABLE_GB = 0.25
# Amazon CloudWatch pricing, logs of the standard class. Seen in outputs of Infracost (2021), which
# reads AWS's price list. Check before quoting.
LOG_GB = 0.50
# As LOG_GB. Check before quoting.
LOG_GB_KEPT = 0.03
# Amazon CloudWatch pricing, alarm on one metric of standard resolution: as LOG_GB. Check before
# quoting.
ALARM = 0.10
# Amazon SQS pricing, standard queue, up to 100 billion. Reported by two price guides of 2026. Check
# before quoting.
MESSAGE = 0.40 / 1e6
# Amazon S3 pricing, standard class. From memory. Check before quoting.
BUCKET_GB = 0.023
# AWS KMS pricing, a customer's key for a month. From memory. Check before quoting.
KEY = 1.00
# AWS PrivateLink pricing, an interface endpoint in one zone for an hour, whatever its state.
# Check before quoting.
ZONE_HOUR = 0.01
# AWS CloudTrail pricing: copies of management events after the first, which is free. Check before
# quoting.
TRAIL_COPY = 2.00 / 1e5
# Amazon GuardDuty pricing, CloudTrail management events, the first 500 million of a region.
# From memory. Check before quoting.
GUARDDUTY_EVENT = 4.00 / 1e6

ALARMS = 4
"""Alarms of a stack with `Alarms=on` (template.yaml)."""

ARTIFACT_GB = 0.0183
"""One zip of the functions' code: measured (docs/adr/0003-build.md)."""

ARTIFACTS_KEPT = 10
"""Versions of it in each regional bucket: assumed."""

ITEM_GB = 2e-6
"""An item of the table, most of it a policy: assumed, 2 KB."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a bill for a month: `quantity` of `unit` at `price` USD each."""

    name: str
    quantity: float
    unit: str
    price: float
    source: str

    @property
    def cost(self) -> float:
        """USD a month."""
        return self.quantity * self.price


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one sweep takes that finds everything in order, in one account and region.

    `seconds` and `memory_gb` are billed by Lambda. `calls` are those to services whose calls
    CloudTrail takes for management events, on average; the rest are reads of the table.
    """

    seconds: float
    memory_gb: float
    calls: float
    log_gb: float
    writes: int = 1


TRIALS = 2 / 24
"""Dry runs of a clean hourly sweep on average: two a day (guardrail/core/trials.py). Counted."""

CLEAN = Sweep(seconds=5.0, memory_gb=0.5, calls=20 + TRIALS, log_gb=1.5e-6)
"""A stack's own sweep.

`calls` is counted: 7 to EC2 (bench/sweep_reads.py with 3 VPCs and with 20), 13 that look after a
trail and five rules (guardrail/aws/self_check.py), and the dry runs. `seconds` is assumed: an hour
after the last sweep no environment is kept, so it starts anew, with 0.55 s of CPU measured in
docs/adr/0003-build.md and 0.15 s for two more clients (docs/adr/0007-central-endpoints.md), at the
0.29 of a processor that 512 MB buy; 24 calls of 0.01 s CPU and 0.04 s of waiting follow. That is
4.2 s. `log_gb` is assumed: the line `swept` and Lambda's own three.
"""

HUB = replace(CLEAN, seconds=3.0, calls=CLEAN.calls + 1)
"""The same by a central function: no start, but clients of a new role, and AssumeRole. Assumed."""


def total(items: Iterable[Item]) -> float:
    """Return the USD a month of all `items`."""
    return sum(item.cost for item in items)


def at_rest(
    accounts: int,
    regions: int,
    *,
    sweeps_per_month: float = 730,
    sweep: Sweep = CLEAN,
    vpcs: int = 1,
    alarms: bool = False,
    customer_keys: bool = False,
) -> list[Item]:
    """Return what a stack in each account and region costs while nothing happens.

    `vpcs` is the number in each account and region. The last two have a fixed price, and the
    template makes none of them by default (no parameter makes a key).
    """
    stacks = accounts * regions
    sweeps = stacks * sweeps_per_month
    items = [
        *_invocations("clean sweeps", sweeps, sweep),
        Item("schedule", sweeps, "invocation", SCHEDULED, "EventBridge pricing"),
        *_table(stacks, sweeps, sweep, vpcs),
        *_logs(sweeps, sweep),
        Item("events of a clean sweep", 0, "event", EVENT, "EventBridge pricing"),
        Item("dead letters of a clean sweep", 0, "request", MESSAGE, "SQS pricing"),
        _artifacts(regions if accounts else 0),
    ]
    if alarms:
        items.append(Item("alarms", stacks * ALARMS, "alarm", ALARM, "CloudWatch pricing"))
    if customer_keys:
        items.append(Item("customers' keys", stacks, "key", KEY, "KMS pricing"))
    return items


def endpoints(vpcs: int, zones: int) -> list[Item]:
    """Return one interface endpoint in each of `vpcs`, in so many zones; data is not counted."""
    hours = vpcs * zones * HOURS
    return [Item("interface endpoints", hours, "zone-hour", ZONE_HOUR, "PrivateLink pricing")]


POLLS = 5 * 3 * 60 * HOURS
"""Empty receives a month of a queue that feeds a function: five pollers, each waiting for 20 s.

Source: AWS Lambda developer guide, "Using Lambda with Amazon SQS", from memory.
"""

QUEUED = 2.1
"""SQS requests for one message: sent in tens, received and deleted alone, so that an account whose
sweep fails holds up no other. Assumed."""


def hub(accounts: int, regions: int, *, sweeps_per_month: float = 730, vpcs: int = 1) -> list[Item]:
    """Return what one central function costs at rest that assumes a role in every account.

    A schedule fills a queue with one message for each account and region. The polling of that
    queue is its fixed price.
    """
    stacks = accounts * regions
    sweeps = stacks * sweeps_per_month
    return [
        *_invocations("clean sweeps", sweeps, HUB),
        Item("schedule", sweeps_per_month, "invocation", SCHEDULED, "EventBridge pricing"),
        Item("sweeps queued", sweeps * QUEUED, "request", MESSAGE, "SQS pricing"),
        Item("polling the queue", POLLS, "request", MESSAGE, "SQS pricing"),
        *_table(stacks, sweeps, HUB, vpcs),
        *_logs(sweeps, HUB),
        _artifacts(1),
    ]


def events(count: float, *, to_hub: bool = False) -> list[Item]:
    """Return what so many events that match a rule cost; to a hub, each is also a delivery."""
    items = _invocations("events", count, HUB if to_hub else CLEAN)
    if to_hub:
        items.append(Item("events to the hub", count, "event", EVENT, "EventBridge pricing"))
    return items


def onlookers(accounts: int, regions: int, *, sweeps_per_month: float = 730) -> list[Item]:
    """Return what others ask for hearing of the sweeps' calls, where an organisation has them.

    Each call of a sweep is a management event. The first copy in a trail is free.
    """
    calls = accounts * regions * sweeps_per_month * CLEAN.calls
    return [
        Item("a second copy in a trail", calls, "event", TRAIL_COPY, "CloudTrail pricing"),
        Item("GuardDuty's analysis", calls, "event", GUARDDUTY_EVENT, "GuardDuty pricing"),
    ]


def _invocations(what: str, count: float, sweep: Sweep) -> list[Item]:
    gb_seconds = count * sweep.seconds * sweep.memory_gb
    return [
        Item(f"{what}, invocations", count, "invocation", INVOCATION, "Lambda pricing"),
        Item(f"{what}, duration", gb_seconds, "GB-second", GB_SECOND, "Lambda pricing, arm64"),
    ]


def _table(stacks: int, sweeps: float, sweep: Sweep, vpcs: int) -> list[Item]:
    # The inventory, and of each VPC its own item and its endpoint's: consistent reads, one unit for
    # each item of up to 4 KB (Amazon DynamoDB developer guide, "Read and write operations").
    # Beside them the last sweep's: it may be read stale, for half a unit, and is stored.
    items = 1 + 2 * vpcs
    page = "DynamoDB pricing"
    return [
        Item("table, reads", sweeps * (items + 0.5), "read unit", READ_UNIT, page),
        Item("table, writes", sweeps * sweep.writes, "write unit", WRITE_UNIT, page),
        Item("table, storage", stacks * (items + 1) * ITEM_GB, "GB-month", TABLE_GB, page),
    ]


def _logs(sweeps: float, sweep: Sweep) -> list[Item]:
    # Kept for 30 days by default, so what a month writes is what is kept, uncompressed.
    gb = sweeps * sweep.log_gb
    page = "CloudWatch pricing"
    return [
        Item("logs, written", gb, "GB", LOG_GB, page),
        Item("logs, kept", gb, "GB-month", LOG_GB_KEPT, page),
    ]


def _artifacts(buckets: int) -> Item:
    gb = buckets * ARTIFACTS_KEPT * ARTIFACT_GB
    return Item("artifacts, storage", gb, "GB-month", BUCKET_GB, "S3 pricing")

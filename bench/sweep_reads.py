"""How many calls a sweep of 1,000 VPCs makes when every one has its compliant endpoint.

The promise: no write, and at most 30 reads, since reads grow with pages and not with VPCs. Pages
have the sizes of AWS's own. Calls are counted where the SDK sends them; exits with 1 when there
are more.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from moto.core import responses
from moto.core.utils import method_names_from_class

from guardrail.aws.evidence import DynamoEvidence
from guardrail.aws.network import Ec2Network
from guardrail.aws.patience import Patience
from guardrail.aws.records import DynamoRecords
from guardrail.baseline import render_baseline
from guardrail.core.actions import ActionKind
from guardrail.core.model import Intent, Mode
from guardrail.observe import NoAgenda
from guardrail.reconcile import Owner, Reconciler
from guardrail.report import Outcome
from guardrail.sweeping import Sweeper
from guardrail_sandbox.clock import RealClock
from guardrail_sandbox.in_process import client_of
from guardrail_sandbox.isolation import isolate

isolate()

from guardrail_sandbox import moto_state  # noqa: E402  asks boto3 for its profile on import
from guardrail_sandbox.ec2.behaviour import SHORT_PACE, World  # noqa: E402  asks boto3 for its profile on import
from guardrail_sandbox.ec2.layer import Ec2Layer  # noqa: E402  asks boto3 for its profile on import
from guardrail_sandbox.ec2.registry import behaviours  # noqa: E402  asks boto3 for its profile on import

LIMIT = 30
VPCS, AT_ONCE, ZONES = 1000, 50, "abc"
OF_VPCS = ("vpcs", "subnets", "groups", "route_tables", "network_acls", "vpc_end_points")
"""Where moto keeps what belongs to a VPC."""
REGION, KEY = "us-east-1", "AKIABENCH"
STACK = f"arn:aws:cloudformation:{REGION}:{moto_state.ACCOUNT_ID}:stack/guardrail/1"


class Nobody:
    """Answers for no name in any VPC, and is asked no pause: nothing waits here."""

    def answered_by(self, vpc_id: str, names: object) -> None:
        """See `Resolution.answered_by`."""

    def push(self, vpc_id: str) -> bool:
        """See `Settling.push`."""
        del vpc_id
        return False

    def pending(self, vpc_id: str) -> bool:
        """See `Settling.pending`."""
        del vpc_id
        return False


def hurry() -> None:
    """Let moto look up the names of its methods once: it does so with every call."""
    responses.method_names_from_class = cache(method_names_from_class)


def clients() -> tuple[Any, Any, Counter[str]]:
    """Return EC2 and DynamoDB with the behaviour of AWS's pages, and the count of their calls."""
    clock = RealClock()
    # How long things take, quotas and throttles are not what is measured.
    world = World(clock, replace(SHORT_PACE, pending=0, read_lag=0.0, refill=1e9))
    layer = Ec2Layer(
        moto_state.Serialised(),
        behaviours(world, without={"read-lag", "network-interfaces"}),
        world,
        REGION,
    )
    ec2, db = (client_of(layer, service, KEY, REGION) for service in ("ec2", "dynamodb"))
    calls: Counter[str] = Counter()
    for client in (ec2, db):
        client.meta.events.register(
            "before-call", lambda model, **_: calls.update([model.name]), unique_id="count"
        )
    return ec2, db, calls


def build(ec2: Any, db: Any) -> Counter[Outcome]:  # noqa: ANN401  clients of two services
    """Make the stack's table and the VPCs, let sweeps make their endpoints, tell how they ended.

    A few VPCs at a time, the others set aside: moto goes through all there is with every look.
    """
    db.create_table(
        TableName="records",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    ended: Counter[Outcome] = Counter()
    aside: list[dict[str, Any]] = []
    for _ in range(0, VPCS, AT_ONCE):
        make_vpcs(AT_ONCE)
        ended += swept(ec2, db)
        aside.append(set_aside())
    put_back(aside)
    return ended


def make_vpcs(number: int) -> None:
    """Make VPCs with subnets in three zones, past the calls."""
    backend = moto_state.ec2(REGION)
    for _ in range(number):
        vpc = backend.create_vpc("10.0.0.0/16")
        backend.modify_vpc_attribute(vpc.id, "enable_dns_hostnames", "true")
        for zone_number, zone in enumerate(ZONES):
            backend.create_subnet(
                vpc.id, f"10.0.{zone_number}.0/24", availability_zone=REGION + zone
            )


def set_aside() -> dict[str, Any]:
    """Take what is there out of moto's state, and return it."""
    backend = moto_state.ec2(REGION)
    held = {name: dict(getattr(backend, name)) for name in OF_VPCS}
    for name in OF_VPCS:
        getattr(backend, name).clear()
    return held


def put_back(aside: list[dict[str, Any]]) -> None:
    """Put what was set aside back into moto's state; subnets are kept by zone."""
    backend = moto_state.ec2(REGION)
    for held in aside:
        for zone, subnets in held.pop("subnets").items():
            backend.subnets[zone].update(subnets)
        for name, things in held.items():
            getattr(backend, name).update(things)


def _delete_default(ec2: Any) -> None:  # noqa: ANN401  a client
    """Leave no VPC beside those that count: a page holds a thousand."""
    for gateway in ec2.describe_internet_gateways()["InternetGateways"]:
        for attachment in gateway["Attachments"]:
            ec2.detach_internet_gateway(
                InternetGatewayId=gateway["InternetGatewayId"], VpcId=attachment["VpcId"]
            )
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    for vpc in ec2.describe_vpcs()["Vpcs"]:
        ec2.delete_vpc(VpcId=vpc["VpcId"])


def swept(ec2: Any, db: Any) -> Counter[Outcome]:  # noqa: ANN401  clients of two services
    """Sweep as a new execution environment does; return how the VPCs ended."""
    intent = Intent(mode=Mode.ENFORCE)
    account = moto_state.ACCOUNT_ID
    reconciler = Reconciler(
        network=Ec2Network(
            ec2,
            intent,
            account_id=account,
            stack_id=STACK,
            patience=Patience(lambda: 600.0, lambda _: None),
        ),
        records=DynamoRecords(db, "records"),
        evidence=DynamoEvidence(db, "records", 90),
        settling=Nobody(),
        resolution=Nobody(),
        owner=Owner(account, STACK, intent, render_baseline(account=account)),
        allowed=frozenset(ActionKind),
        now=lambda: datetime.now(UTC),
        agenda=NoAgenda(),
    )
    ended: Counter[Outcome] = Counter()
    for report, error in Sweeper(reconciler, writes=VPCS + 1, seconds_left=lambda: 600.0).run():
        if error:
            raise SystemExit(f"{report.vpc_id}: {error}")
        ended[report.outcome] += 1
    return ended


def main() -> int:
    """Let sweeps make the endpoints and one remember them, count the next one's calls."""
    hurry()
    moto_state.reset()
    ec2, db, calls = clients()
    _delete_default(ec2)
    print(f"made: {_told(build(ec2, db))}", flush=True)
    print(f"remembered: {_told(swept(ec2, db))}", flush=True)
    calls.clear()
    print(f"swept again: {_told(swept(ec2, db))}")
    for name, times in sorted(calls.items()):
        print(f"{name:32} {times:4}")
    writes = [name for name in calls if not name.startswith(("Describe", "BatchGet", "Get"))]
    total = calls.total()
    print(f"{total} calls for {VPCS} VPCs, limit {LIMIT}; writes: {', '.join(writes) or 'none'}")
    return int(total > LIMIT or bool(writes))


def _told(ended: Counter[Outcome]) -> str:
    return ", ".join(f"{times} {outcome}" for outcome, times in sorted(ended.items()))


if __name__ == "__main__":
    sys.exit(main())

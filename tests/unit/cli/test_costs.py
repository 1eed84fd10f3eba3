"""The cost model: figures worked out by hand, what has no fixed price, and what the pages quote."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from guardrail_cli.org import costs
from guardrail_cli.org.costs import CLEAN, Item, total

ROOT = Path(__file__).parents[3]
TEMPLATE = (ROOT / "template.yaml").read_text(encoding="utf-8")
ADR = (ROOT / "docs/adr/0010-stack-per-account.md").read_text(encoding="utf-8")


def bill(items: list[Item]) -> dict[str, float]:
    """Return the USD of each item by its name; no name may stand twice."""
    by_name = {item.name: item.cost for item in items}
    assert len(by_name) == len(items)
    return by_name


def test_one_account_and_region_costs_what_a_calculator_says() -> None:
    """730 sweeps of 5 s at 512 MB, 3.5 reads and a write each: the products are written out."""
    assert bill(costs.at_rest(1, 1)) == {
        "clean sweeps, invocations": pytest.approx(0.000146),
        "clean sweeps, duration": pytest.approx(0.024333455),
        "schedule": pytest.approx(0.00073),
        "table, reads": pytest.approx(0.000319375),
        "table, writes": pytest.approx(0.00045625),
        "table, storage": pytest.approx(0.000002),
        "logs, written": pytest.approx(0.0005475),
        "logs, kept": pytest.approx(0.00003285),
        "events of a clean sweep": 0,
        "dead letters of a clean sweep": 0,
        "artifacts, storage": pytest.approx(0.004209),
    }


def test_a_hub_costs_what_a_calculator_says() -> None:
    """3 s, no cold start; 657,000 empty receives are what it costs to wait."""
    of = bill(costs.hub(1, 1))
    assert of["clean sweeps, duration"] == pytest.approx(0.014600073)
    assert of["schedule"] == pytest.approx(0.00073)
    assert of["sweeps queued"] == pytest.approx(0.0006132)
    assert of["polling the queue"] == pytest.approx(0.2628)
    assert total(costs.events(1000, to_hub=True)) - total(costs.events(1000)) == pytest.approx(
        0.001 - 1000 * 2.0 * 0.5 * 0.0000133334
    )


def test_endpoints_cost_what_the_template_says() -> None:
    """Every price that a parameter or output names is the model's for one zone."""
    told = set(re.findall(r"about \$(\d+\.\d+)\s+a month", TEMPLATE))
    assert told >= {"7.30"}
    assert total(costs.endpoints(1, 1)) == pytest.approx(7.30)
    assert total(costs.endpoints(1000, 6)) == pytest.approx(43_800)


def test_without_sweeps_only_stored_bytes_cost_anything() -> None:
    """Nothing at rest has a fixed price; a hub's polling, alarms and keys have."""

    def fixed(items: list[Item]) -> set[str]:
        return {item.name for item in items if item.cost and item.unit != "GB-month"}

    assert fixed(costs.at_rest(1000, 17, sweeps_per_month=0)) == set()
    assert fixed(costs.hub(1000, 17, sweeps_per_month=0)) == {"polling the queue"}
    optional = costs.at_rest(1, 1, sweeps_per_month=0, alarms=True, customer_keys=True)
    assert fixed(optional) == {"alarms", "customers' keys"}


def test_the_template_makes_nothing_with_a_fixed_price_unasked() -> None:
    """No key, dashboard, secret, NAT gateway or endpoint; alarms only under their condition."""
    kinds = re.findall(r"^    Type: (AWS::\S+)", TEMPLATE, re.MULTILINE)
    dear = r"KMS|Dashboard|Secret|NatGateway|VPCEndpoint|ProvisionedConcurrency|Kinesis"
    assert kinds
    assert not [kind for kind in kinds if re.search(dear, kind)]
    alarms = re.findall(r"Type: AWS::CloudWatch::Alarm\n    Condition: HasAlarms", TEMPLATE)
    assert len(alarms) == costs.ALARMS == kinds.count("AWS::CloudWatch::Alarm")
    assert f"MemorySize: {CLEAN.memory_gb * 1024:.0f}\n" in TEMPLATE
    assert "BillingMode: PAY_PER_REQUEST" in TEMPLATE


@pytest.mark.parametrize(
    "more",
    [
        costs.at_rest(11, 17),
        costs.at_rest(10, 18),
        costs.at_rest(10, 17, vpcs=2),
        costs.at_rest(10, 17, sweeps_per_month=731),
        costs.at_rest(10, 17, sweep=replace(CLEAN, seconds=5.1)),
        costs.at_rest(10, 17, sweep=replace(CLEAN, writes=2)),
        costs.at_rest(10, 17, alarms=True),
        costs.at_rest(10, 17, customer_keys=True),
    ],
)
def test_more_of_anything_costs_more(more: list[Item]) -> None:
    """Accounts, regions, VPCs, sweeps, seconds, writes, alarms and keys each raise the bill."""
    assert total(more) > total(costs.at_rest(10, 17))


def test_no_account_costs_nothing() -> None:
    """Not even the buckets, which the roll-out makes."""
    assert total(costs.at_rest(0, 17)) == 0
    assert total(costs.onlookers(0, 17)) == 0


def test_every_price_says_where_it_is_from() -> None:
    """A constant in USD has a comment before it that ends in the warning."""
    lines = Path(costs.__file__).read_text(encoding="utf-8").splitlines()
    prices = [n for n, line in enumerate(lines) if re.match(r"[A-Z_]+ = [\d.]+( / 1e\d)?$", line)]
    measured = {"HOURS", "ALARMS", "ARTIFACT_GB", "ARTIFACTS_KEPT", "ITEM_GB", "QUEUED"}
    prices = [n for n in prices if lines[n].split()[0] not in measured]
    assert len(prices) == 16
    for number in prices:
        comment = ""
        for line in reversed(lines[:number]):
            if not line.startswith("#"):
                break
            comment = f"{line.removeprefix('# ')} {comment}"
        assert comment.rstrip().lower().endswith("check before quoting."), lines[number]


def test_the_adr_quotes_the_model() -> None:
    """When this fails, the table of docs/adr/0010-stack-per-account.md is stale."""
    rows = re.findall(r"^\| ([\d,]+) \| ([\d,.]+) \| ([\d,.]+) \| ([\d,.]+) \|", ADR, re.MULTILINE)
    told = {int(row[0].replace(",", "")): row[1:] for row in rows}
    assert set(told) == {1, 100, 10_000}
    for accounts, figures in told.items():
        bills = (costs.at_rest(accounts, 17), costs.hub(accounts, 17), costs.endpoints(accounts, 3))
        assert figures == tuple(f"{total(items):,.2f}" for items in bills)


def test_the_adr_quotes_what_an_event_costs() -> None:
    """A thousand events that match a rule, by a stack and by a hub."""
    here, away = (f"{total(costs.events(1000, to_hub=hub)):.3f}" for hub in (False, True))
    assert f"${here} by a stack and ${away} by the hub" in " ".join(ADR.split())

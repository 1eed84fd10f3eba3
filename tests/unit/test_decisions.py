"""The small decisions: exemptions, clients, subnets, the baseline, settings, what is imported."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from guardrail import baseline
from guardrail.baseline import checked_baseline, render_baseline
from guardrail.core.clients import blocked_clients
from guardrail.core.exemption import Exemption, find_exemption
from guardrail.core.model import Mode, VpcDns
from guardrail.core.names import Service
from guardrail.core.reasons import Reason
from guardrail.errors import SettingsError
from guardrail.settings import Settings
from support.fakes import ACCOUNT, BASELINE, OPEN

REQUIRED = {"TABLE_NAME": "t", "STACK_ID": "s", "DEAD_LETTER_QUEUE_URL": "q"}
TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("until=2026-11-23; reason=why", Exemption(TODAY, "why")),
        ("Reason = why ;UNTIL=2027-01-01", Exemption(date(2027, 1, 1), "why")),
        ("until=2026-11-22; reason=why", None),
        ("until=soon; reason=why", None),
        ("until=2027-01-01; reason=", None),
        ("until=2027-01-01", None),
        ("reason=why", None),
        ("", None),
    ],
)
def test_only_a_date_and_a_reason_exempt(value: str, expected: Exemption | None) -> None:
    """No date, no reason or a past date exempts nothing."""
    assert find_exemption({"key": value}, "key", TODAY) == expected


def test_without_a_tag_key_nothing_is_exempt() -> None:
    """The default: no exemptions, whatever the tags say."""
    assert find_exemption({"": "until=2027-01-01; reason=x"}, "", TODAY) is None


def test_a_block_is_blocked_unless_a_rule_contains_it() -> None:
    """Both families; a wider rule counts, a narrower one does not."""
    wanted = ("10.0.0.0/16", "10.1.0.0/16", "2001:db8::/56")
    assert blocked_clients(wanted, ("10.0.0.0/8",)) == ("2001:db8::/56",)
    assert blocked_clients(wanted, ("10.0.0.0/17", "::/0")) == ("10.0.0.0/16", "10.1.0.0/16")
    assert blocked_clients((), ()) == ()


@pytest.mark.parametrize("organization", ["", "o-abc1234567"])
def test_the_baseline_is_inside_itself(organization: str) -> None:
    """Both variants are policies that the engine decides."""
    text = render_baseline(account=ACCOUNT, organization_id=organization)
    assert checked_baseline(text) == text
    assert not re.search(r"\{[a-z]+\}", text)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{", "not a valid endpoint policy"),
        (OPEN.replace('"Resource":"*"', '"Resource":"arn:aws:states:*:11112222*:*"'), "account"),
        (json.dumps({"Statement": []}), "/Statement: "),
        (BASELINE + " " * 20_480, "20480"),
    ],
)
def test_a_baseline_that_cannot_serve_is_refused_with_the_place(text: str, wrong: str) -> None:
    """Found at the build and at start-up, not at the first revert."""
    with pytest.raises(SettingsError, match=wrong):
        checked_baseline(text)


def test_the_build_checks_the_shipped_baseline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command that `sam build` calls passes what ships and stops what EC2 would refuse."""
    assert baseline.main() == 0
    bad = tmp_path / "states.json"
    bad.write_text('{"account": {"Statement": 1}, "organization": {}}')
    monkeypatch.setattr(baseline, "_FILE", bad)
    assert baseline.main() == 1
    assert "states.json" in capsys.readouterr().err


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_the_baseline_knows_the_partition(partition: str) -> None:
    """Resources are named in the partition where the function runs."""
    text = render_baseline(account=ACCOUNT, partition=partition)
    assert f"arn:{partition}:states:*:{ACCOUNT}:*" in text


@pytest.mark.parametrize(
    ("account", "organization"),
    [("*", ""), ("1111", ""), (ACCOUNT, "*"), (ACCOUNT, 'o-x","a'), ("", ""), (ACCOUNT + "\n", "")],
)
def test_nothing_but_an_id_enters_the_baseline(account: str, organization: str) -> None:
    """A wildcard or a quote in place of an id is refused with what is needed."""
    with pytest.raises(ValueError, match="is not an"):
        render_baseline(account=account, organization_id=organization)


@pytest.mark.parametrize("organization", ["", "o-abc1234567"])
def test_actions_without_a_resource_pass_the_baseline(organization: str) -> None:
    """SendTaskSuccess, ListStateMachines, TestState and their kin authorise against `*`."""
    text = render_baseline(account=ACCOUNT, organization_id=organization)
    for action in ("SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat", "ListStateMachines"):
        assert f'"states:{action}"' in text
    for action in ("ListActivities", "TestState", "ValidateStateMachineDefinition"):
        assert f'"states:{action}"' in text


def test_settings_have_the_documented_defaults() -> None:
    """Only what the template alone can know is required."""
    settings = Settings.from_environment(REQUIRED)
    assert settings.intent.mode is Mode.ENFORCE_NEW
    assert settings.intent.services == (Service.STATES,)
    assert settings.intent.vpc_dns is VpcDns.WAIT
    assert (settings.intent.max_zones, settings.settle_seconds) == (3, 300)
    assert not settings.intent.default_vpcs


def test_settings_read_every_parameter() -> None:
    """Lists are split, tags are parsed, blocks are normalised."""
    given = {
        "MODE": "observe",
        "SERVICES": "states, sync-states",
        "DEFAULT_VPCS": "include",
        "MAX_AVAILABILITY_ZONES": "2",
        "SUBNET_TAG": "tier=private",
        "CLIENT_CIDRS": "10.0.0.0/8,2001:db8::/32",
        "VPC_DNS": "enable",
        "EXEMPTION_TAG": "exempt",
        "ORGANIZATION_ID": "o-abc1234567",
        "SETTLE_SECONDS": "0",
    }
    intent = Settings.from_environment({**REQUIRED, **given}).intent
    assert intent.services == (Service.STATES, Service.SYNC_STATES)
    assert intent.subnet_tag == ("tier", "private")
    assert intent.client_cidrs == ("10.0.0.0/8", "2001:db8::/32")
    assert (intent.max_zones, intent.default_vpcs) == (2, True)


def test_a_service_that_is_named_twice_is_one_service() -> None:
    """Its endpoint would be planned twice otherwise."""
    settings = Settings.from_environment({**REQUIRED, "SERVICES": "states,states"})
    assert settings.intent.services == (Service.STATES,)


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("MODE", "on", "observe, enforce-new, enforce"),
        ("SERVICES", "s3", "states, sync-states"),
        ("DEFAULT_VPCS", "maybe", "skip, include"),
        ("VPC_DNS", "on", "wait, enable, ignore"),
        ("MAX_AVAILABILITY_ZONES", "0", "a whole number from 1"),
        ("MAX_AVAILABILITY_ZONES", "three", "a whole number from 1"),
        ("SETTLE_SECONDS", "-1", "a whole number from 0"),
        ("CLIENT_CIDRS", "10.0.0.1/8", "CIDR blocks"),
        ("SERVICES", " , ", "states, sync-states"),
        ("SUBNET_TAG", "=private", "key or key=value"),
        ("ORGANIZATION_ID", "*", "an id such as o-abc1234567"),
        ("ORGANIZATION_ID", "o-ABC1234567", "an id such as o-abc1234567"),
        ("HISTORY_DAYS", "0", "a whole number from 1"),
        ("TABLE_NAME", "", "the stack's template"),
        ("STACK_ID", "", "the stack's template"),
        ("DEAD_LETTER_QUEUE_URL", "", "the stack's template"),
    ],
)
def test_a_wrong_setting_names_the_variable_and_what_it_takes(
    name: str, value: str, accepted: str
) -> None:
    """The message is enough to mend it."""
    with pytest.raises(SettingsError, match=name) as caught:
        Settings.from_environment({**REQUIRED, name: value})
    assert accepted in str(caught.value)


def test_each_reason_is_drift_or_a_state() -> None:
    """Drift is what a plan removes; the codes are stable."""
    assert Reason.POLICY_BROADER.is_drift
    assert not Reason.SETTLING.is_drift
    assert len({reason.value for reason in Reason}) == len(list(Reason))


def test_the_core_and_its_tests_need_no_sdk() -> None:
    """Core, loop and these very tests import with boto3, botocore, moto and Powertools blocked."""
    here = Path(__file__).parent
    modules = [
        *("guardrail.core.plan", "guardrail.core.trail", "guardrail.core.policy"),
        *("guardrail.reconcile", "guardrail.execution", "guardrail.report"),
        *("guardrail.settings", "guardrail.baseline", "guardrail.observe", "support.world"),
        *(path.stem for path in sorted(here.glob("test_*.py"))),
    ]
    code = (
        "import sys\n"
        "for name in ('boto3', 'botocore', 'aws_lambda_powertools', 'moto'):\n"
        "    sys.modules[name] = None\n"
        f"import {', '.join(modules)}\n"
    )
    paths = [str(here), *(path for path in sys.path if path)]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}\n{code}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

"""The three handlers on moto: what they log, count, raise and hand over."""

from __future__ import annotations

import ast
import inspect
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from handler_site import Context, Site, change_of, change_of_endpoint, metrics, ready_site

from guardrail.aws.last_sweep import KEY
from guardrail.aws.network import Ec2Network
from guardrail.core.trials import Write
from guardrail.errors import RetryableError
from handlers import bootstrap, endpoint_change, sweep, vpc_change, yielding
from handlers.application import application
from support.fakes import BASELINE, OPEN
from support.world import ENDPOINT_CHANGE, EVERYTHING, VPC_CHANGE, YIELDING

SHARED = Path(__file__).parent.parent.parent.parent / "shared" / "events"


FIELDS = {
    "level",
    "message",
    "vpc_id",
    "trigger",
    "event_id",
    "actor",
    "user_agent",
    "mode",
    "outcome",
    "drift",
    "states",
    "findings",
    "actions",
    "witness",
    "policy_sha256_before",
    "policy_sha256_after",
    "exposure_ms",
    "duration_ms",
    "account_id",
    "region",
}
"""What dashboards, the demo's timeline and people search for."""

DENIED = "the function's role may not modify vpce-1: no (allow it to the role)"

OF_REVERTS = {"actor", "exposure_ms", "policy_sha256_after", "policy_sha256_before", "witness"}
"""The logger leaves out fields without a value."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, table: str) -> Site:
    """Return a VPC that is ready for its endpoint."""
    return ready_site(monkeypatch, table)


def test_a_reconcile_is_one_line_with_the_documented_fields(site: Site) -> None:
    """Who, what, why and the outcome, in names that do not change."""
    vpc_change.handler(change_of(site.vpc_id), Context())
    (line,) = site.lines()
    assert set(line) >= FIELDS - OF_REVERTS - {"user_agent"}
    assert (line["level"], line["message"]) == ("INFO", "reconciled")
    assert (line["vpc_id"], line["outcome"]) == (site.vpc_id, "repaired")
    assert {frozenset(finding) for finding in line["findings"]} == {
        frozenset({"code", "endpoint_id", "service", "message"})
    }
    assert {frozenset(action) for action in line["actions"]} == {
        frozenset({"action", "target", "result", "detail"})
    }
    assert [action["action"] for action in line["actions"]] == [
        "CreateSecurityGroup",
        "AuthorizeClients",
        "CreateEndpoint",
    ]


def test_a_compliant_endpoint_event_makes_two_calls_in_all(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One Describe and one conditional write, counted where the SDK makes its calls."""
    vpc_change.handler(change_of(site.vpc_id), Context())
    (endpoint,) = site.endpoints()
    made: list[str] = []
    call = BaseClient._make_api_call  # noqa: SLF001  every call of every client

    def counted(client: Any, operation: str, request: Any) -> Any:
        made.append(operation)
        return call(client, operation, request)

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)
    for _ in range(2):
        endpoint_change.handler(change_of_endpoint(endpoint["VpcEndpointId"]), Context())
    assert made == ["DescribeVpcEndpoints", "UpdateItem"] * 2


def test_metrics_have_no_ids_and_a_compliant_vpc_has_none(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """Dimensions are reason codes, actions and results; quiet costs nothing."""
    vpc_change.handler(change_of(site.vpc_id), Context())
    counted = metrics(capsys)
    assert {name for entry in counted for name in ("Drift", "Actions") if name in entry} == {
        "Drift",
        "Actions",
    }
    assert not any(site.vpc_id in json.dumps(entry) for entry in counted)
    for entry in counted:
        (described,) = entry["_aws"]["CloudWatchMetrics"]
        assert described["Namespace"] == "SfnEndpointGuardrail"
        assert set(described["Dimensions"][0]) <= {"service", "reason", "action", "result"}
    vpc_change.handler(change_of(site.vpc_id), Context())
    assert metrics(capsys) == []


def test_a_loosened_policy_is_put_back_with_its_evidence(site: Site) -> None:
    """EndpointChange closes it; the line tells the actor, the hashes and the exposure."""
    vpc_change.handler(change_of(site.vpc_id), Context())
    (endpoint,) = site.endpoints()
    site.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint["VpcEndpointId"], PolicyDocument=OPEN)
    site.lines()
    endpoint_change.handler(change_of_endpoint(endpoint["VpcEndpointId"]), Context())
    (line,) = site.lines()
    assert set(line) >= FIELDS
    assert line["actor"].endswith("user/alice")
    assert line["exposure_ms"] > 0
    assert line["policy_sha256_before"] != line["policy_sha256_after"]
    assert line["drift"] == ["policy-broader"]
    assert {"principal", "action", "resource"} <= set(line["witness"])
    assert site.endpoints()[0]["PolicyDocument"] != OPEN


def test_private_dns_that_is_off_on_a_managed_endpoint_is_switched_on(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From Describe calls to the write: the VPC's attributes are asked for, and allow it."""
    site.ec2.modify_vpc_attribute(VpcId=site.vpc_id, EnableDnsHostnames={"Value": False})
    monkeypatch.setenv("VPC_DNS", "ignore")
    vpc_change.handler(change_of(site.vpc_id), Context())
    (endpoint,) = site.endpoints()
    assert not endpoint["PrivateDnsEnabled"]
    site.ec2.modify_vpc_attribute(VpcId=site.vpc_id, EnableDnsHostnames={"Value": True})
    site.lines()
    endpoint_change.handler(change_of_endpoint(endpoint["VpcEndpointId"]), Context())
    (line,) = site.lines()
    assert line["drift"] == ["private-dns-off"]
    assert [(a["action"], a["result"]) for a in line["actions"]] == [("SetPrivateDns", "applied")]


def test_what_no_retry_can_mend_goes_to_the_queue_at_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Access denied: no exception, no retry loop, a message with the cause and what to do."""
    _deny(monkeypatch, "UnauthorizedOperation")
    vpc_change.handler(change_of(site.vpc_id), Context())
    (letter,) = site.dead_letters()
    assert "UnauthorizedOperation" in letter["causes"][site.vpc_id]
    assert "allow the action" in letter["causes"][site.vpc_id]


def test_what_a_retry_may_mend_is_raised(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Throttled: Lambda tries again, and its own queue catches what it gives up."""
    _deny(monkeypatch, "RequestLimitExceeded")
    with pytest.raises(RetryableError, match="RequestLimitExceeded"):
        vpc_change.handler(change_of(site.vpc_id), Context(milliseconds=1_000))
    assert site.dead_letters() == []


@pytest.mark.parametrize("handler", [vpc_change.handler, sweep.handler])
def test_what_forbids_looking_goes_to_the_queue_at_once(
    site: Site, monkeypatch: pytest.MonkeyPatch, handler: Any
) -> None:
    """A denied Describe is about no one VPC: it is logged, handed over and not retried."""
    _deny(monkeypatch, "UnauthorizedOperation", call="get_paginator")
    handler(change_of(site.vpc_id), Context())
    (letter,) = site.dead_letters()
    assert "UnauthorizedOperation" in letter["causes"]["*"]
    line = site.lines()[0]
    assert (line["level"], line["message"]) == ("ERROR", "failed")


def test_a_sweep_of_nothing_is_not_said_to_be_ignored(site: Site) -> None:
    """A region without VPCs is in order."""
    for vpc in site.ec2.describe_vpcs()["Vpcs"]:
        for subnet in site.ec2.describe_subnets(
            Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
        )["Subnets"]:
            site.ec2.delete_subnet(SubnetId=subnet["SubnetId"])
        site.ec2.delete_vpc(VpcId=vpc["VpcId"])
    assert sweep.handler({}, Context()) == {"outcomes": {}}
    (line,) = site.lines()
    assert (line["message"], line["vpcs"], line["drift"]) == ("swept", 0, {})


def test_the_sweep_looks_at_every_vpc_whatever_its_event(site: Site) -> None:
    """The default VPC is skipped, the other gets its endpoint."""
    assert sweep.handler(None, Context())["outcomes"] == {"repaired": 1, "skipped": 1}
    assert len(site.endpoints()) == 1


def test_a_sweep_that_found_something_announces_it_and_one_that_did_not_costs_nothing(
    site: Site,
) -> None:
    """One event with the totals on the default bus; a clean sweep writes one line of the log."""
    rule = boto3.client("events")
    queue = boto3.client("sqs").get_queue_attributes(
        QueueUrl=site.queue, AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]
    rule.put_rule(Name="swept", EventPattern=json.dumps({"detail-type": ["Sweep Finished"]}))
    rule.put_targets(Rule="swept", Targets=[{"Id": "queue", "Arn": queue}])
    for _ in range(2):
        sweep.handler(None, Context())
    (told,) = site.dead_letters()
    assert told["source"] == "sfn-endpoint-guardrail"
    assert told["detail"]["drift"] == {"endpoint-missing": 1}
    assert told["detail"]["actions"]["CreateEndpoint:applied"] == 1


def test_the_table_holds_what_the_last_sweep_came_to(site: Site) -> None:
    """When, in which mode, and the counts: what a status of the whole organisation is made of."""
    for _ in range(2):
        sweep.handler(None, Context())
    table = boto3.client("dynamodb")
    item = table.get_item(TableName="records", Key=KEY)["Item"]
    totals = json.loads(item["totals"]["S"])
    assert (item["mode"]["S"], totals["outcomes"]) == ("enforce", {"compliant": 1, "skipped": 1})
    assert totals["outcomes"]["compliant"] == len(site.endpoints())
    assert "exemptions" not in totals
    assert datetime.fromisoformat(item["at"]["S"]) <= datetime.now(UTC)


def test_permissions_are_tried_once_and_again_by_each_sweep_while_one_is_missing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Denied, denied, mended, and then left alone; the report tells of it as long as it lasts."""
    answers = [DENIED, DENIED, "", "", ""]
    given = iter(answers)
    monkeypatch.setattr(Ec2Network, "trials", lambda _: {Write.MODIFY: lambda: next(given)})
    for _ in range(6):
        sweep.handler(None, Context())
    swept = [line for line in site.lines() if line["message"] == "swept"]
    assert [line["missing"] for line in swept] == [[DENIED], [DENIED], [], [], [], []]
    assert list(given) == answers[3:]


def test_a_sweep_without_time_to_check_repeats_what_was_missing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tried nothing, so nothing counts as mended."""
    monkeypatch.setattr(Ec2Network, "trials", lambda _: {Write.MODIFY: lambda: DENIED})
    sweep.handler(None, Context())
    monkeypatch.setattr(bootstrap, "_TIME_TO_CHECK", 1e9)
    monkeypatch.setattr(Ec2Network, "trials", lambda _: pytest.fail("tried"))
    sweep.handler(None, Context())
    assert [line["missing"] for line in site.lines() if line["message"] == "swept"] == [
        [DENIED],
        [DENIED],
    ]


@pytest.mark.parametrize("event", [None, [], "x", {}, {"detail": []}, {"source": "aws.ec2"}])
@pytest.mark.parametrize("handler", [vpc_change.handler, endpoint_change.handler])
def test_an_event_that_says_nothing_is_ignored_with_the_reason(
    site: Site, handler: Any, event: object
) -> None:
    """Logged, not raised, nothing written."""
    assert "ignored" in handler(event, Context())
    (line,) = site.lines()
    assert line["message"] == "ignored"
    assert line["reason"]
    assert site.endpoints() == []


def test_the_baseline_of_the_account_is_what_is_written(site: Site) -> None:
    """Account and partition come from the function's own ARN, without a call."""
    vpc_change.handler(change_of(site.vpc_id), Context())
    assert site.endpoints()[0]["PolicyDocument"] == BASELINE


def test_endpoint_change_is_allowed_what_the_tests_of_the_loop_assume() -> None:
    """The sets are the same."""
    assert endpoint_change.ALLOWED == ENDPOINT_CHANGE
    assert vpc_change.ALLOWED == VPC_CHANGE
    assert yielding.ALLOWED == YIELDING
    assert sweep.ALLOWED == EVERYTHING


@pytest.mark.skipif(not SHARED.is_dir(), reason="no folder of recorded events beside the project")
@pytest.mark.parametrize(
    "handler",
    [vpc_change.handler, endpoint_change.handler, yielding.handler, sweep.handler],
)
def test_recorded_events_of_other_accounts_write_nothing(site: Site, handler: Any) -> None:
    """Real records point at what is not here: looked up, told, and nothing is made of them."""
    site.ec2.modify_vpc_attribute(VpcId=site.vpc_id, EnableDnsHostnames={"Value": False})
    for path in sorted(SHARED.glob("*/*.json")):
        record = json.loads(path.read_text())
        handler({"source": "aws.ec2", "detail": record}, Context())
    assert site.endpoints() == []


def test_an_event_of_256_kb_is_read(site: Site) -> None:
    """The largest event that EventBridge delivers."""
    event = change_of(site.vpc_id)
    event["detail"]["requestParameters"]["padding"] = ["x" * 50] * 5_000
    assert vpc_change.handler(event, Context())["outcomes"] == {"repaired": 1}


def test_an_events_payload_is_never_what_is_written(site: Site) -> None:
    """A forged policy and subnet in the record change nothing of what is made."""
    event = change_of(site.vpc_id)
    event["detail"]["requestParameters"] |= {"PolicyDocument": OPEN, "privateDnsEnabled": False}
    vpc_change.handler(event, Context())
    (endpoint,) = site.endpoints()
    assert endpoint["PolicyDocument"] == BASELINE
    assert endpoint["PrivateDnsEnabled"]


@pytest.mark.parametrize("module", [vpc_change, endpoint_change, yielding, sweep])
def test_a_handler_is_parse_call_report(module: Any) -> None:
    """At most 15 lines of body: what a handler does stands elsewhere."""
    tree = ast.parse(inspect.getsource(module))
    (function,) = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    assert (function.end_lineno or 0) - function.body[0].lineno < 15
    assert not any(
        word in line
        for line in ast.unparse(function).splitlines()[2:]
        for word in ("policy", "Policy")
    )


def test_importing_a_handler_needs_no_credentials_and_no_settings() -> None:
    """Wrong settings are told by the first invocation, with the setting's name."""
    names = "handlers.vpc_change, handlers.endpoint_change, handlers.yielding, handlers.sweep"
    paths = [path for path in sys.path if path]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}\nimport {names}"],
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _deny(monkeypatch: pytest.MonkeyPatch, code: str, call: str = "create_vpc_endpoint") -> None:
    """Let every such call of EC2 fail with `code`."""
    app = application(Context().invoked_function_arn)

    def denied(*_: object, **__: object) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, call)

    monkeypatch.setattr(app.network._writing._ec2, call, denied)  # type: ignore[attr-defined]  # noqa: SLF001

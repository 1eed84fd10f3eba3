"""Which permissions the calls of other services need: those that functions make.

AWS: service authorization reference for CloudFormation, CloudTrail, DynamoDB, SNS, SQS, Security
Hub, EventBridge, EventBridge Scheduler, Route 53 and Route 53 Profiles; Scheduler asks for
`iam:PassRole` on the role of a schedule's target, listing the zones of a VPC depends on
`ec2:DescribeVpcs`. Any other call needs its action on `*`. Inferred: that one entry of PutEvents
that is not allowed refuses the whole call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from guardrail_sandbox.authorization.need import Need
from guardrail_sandbox.trail.identity import partition_of

if TYPE_CHECKING:
    from guardrail_sandbox.signature import Scope

_SCHEDULE = re.compile(r"/schedules/([^/]+)")
_SCHEDULE_ACTIONS = {
    "POST": "CreateSchedule",
    "PUT": "UpdateSchedule",
    "GET": "GetSchedule",
    "DELETE": "DeleteSchedule",
}

_ROUTE53_LISTS = {
    "hostedzonesbyvpc": ("route53:ListHostedZonesByVPC", "ec2:DescribeVpcs"),
    "hostedzonesbyname": ("route53:ListHostedZonesByName",),
}
_PROFILE_LISTS = {
    "profileassociations": "ListProfileAssociations",
    "profileresourceassociations": "ListProfileResourceAssociations",
}


@dataclass(frozen=True, slots=True)
class Sent:
    """A signed request: where it goes and what it says."""

    scope: Scope
    account_id: str
    method: str
    path: str
    query: str
    target: str
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the body; empty when it is no JSON object."""
        try:
            parsed = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}

    def arn(self, service: str, resource: str) -> str:
        """Return an ARN of the account, in the region that the request is signed for."""
        region = self.scope.region
        return f"arn:{partition_of(region)}:{service}:{region}:{self.account_id}:{resource}"


def needs(sent: Sent) -> list[Need]:
    """Return every permission that the call needs."""
    of_service = _NEEDS.get(sent.scope.service)
    found = list(of_service(sent)) if of_service else []
    return found or [Need(f"{sent.scope.service}:{sent.target.rpartition('.')[2] or sent.method}")]


def _dynamodb(sent: Sent) -> Iterator[Need]:
    body = sent.json()
    tables = [str(body["TableName"])] if "TableName" in body else list(body.get("RequestItems", {}))
    for table in tables:
        arn = table if table.startswith("arn:") else sent.arn("dynamodb", f"table/{table}")
        context = {} if len(tables) > 1 else _leading_keys(body)
        yield Need(f"dynamodb:{sent.target.rpartition('.')[2]}", arn, context)


def _leading_keys(body: dict[str, Any]) -> dict[str, str]:
    """Return the partition key of a call that names one item (all tables here call it `pk`)."""
    key = body.get("Key", {}).get("pk", {})
    return {"dynamodb:LeadingKeys": str(key["S"])} if "S" in key else {}


def _sqs(sent: Sent) -> Iterator[Need]:
    url = str(sent.json().get("QueueUrl", ""))
    if url:
        yield Need(f"sqs:{sent.target.rpartition('.')[2]}", sent.arn("sqs", url.rpartition("/")[2]))


def _scheduler(sent: Sent) -> Iterator[Need]:
    match = _SCHEDULE.fullmatch(sent.path)
    if match is None:
        return
    body, query = sent.json(), parse_qs(sent.query)
    group = body.get("GroupName") or query.get("groupName", ["default"])[0]
    action = _SCHEDULE_ACTIONS.get(sent.method, sent.method)
    resource = f"schedule/{group}/{unquote(match[1])}"
    yield Need(f"scheduler:{action}", sent.arn("scheduler", resource))
    role = body.get("Target", {}).get("RoleArn")
    if role:
        yield Need("iam:PassRole", role, {"iam:PassedToService": "scheduler.amazonaws.com"})


def _events(sent: Sent) -> Iterator[Need]:
    action = sent.target.rpartition(".")[2]
    if action in {"DescribeRule", "ListTargetsByRule"}:
        rule = sent.json().get("Name") or sent.json().get("Rule")
        yield Need(f"events:{action}", sent.arn("events", f"rule/{rule}"))
    if action != "PutEvents":
        return
    for entry in sent.json().get("Entries", []):
        bus = str(entry.get("EventBusName") or "default")
        arn = bus if bus.startswith("arn:") else sent.arn("events", f"event-bus/{bus}")
        source, detail_type = str(entry.get("Source", "")), str(entry.get("DetailType", ""))
        context = {"events:source": source, "events:detail-type": detail_type}
        yield Need("events:PutEvents", arn, context)


def _route53(sent: Sent) -> Iterator[Need]:
    if sent.method == "GET":
        yield from map(Need, _ROUTE53_LISTS.get(sent.path.rstrip("/").rpartition("/")[2], ()))


def _profiles(sent: Sent) -> Iterator[Need]:
    action = _PROFILE_LISTS.get(sent.path.split("/")[1])
    if action and sent.method == "GET":
        yield Need(f"route53profiles:{action}")


def _sns(sent: Sent) -> Iterator[Need]:
    form = parse_qs(sent.body.decode())
    topics = form.get("TopicArn", [])
    yield from (Need(f"sns:{form['Action'][0]}", topic) for topic in topics)


def _cloudformation(sent: Sent) -> Iterator[Need]:
    form = parse_qs(sent.body.decode())
    for action in form.get("Action", []):
        stack = form.get("StackName", ["*"])[0]
        named = stack.startswith(("arn:", "*"))
        arn = stack if named else sent.arn("cloudformation", f"stack/{stack}/*")
        yield Need(f"cloudformation:{action}", arn)


def _cloudtrail(sent: Sent) -> Iterator[Need]:
    body = sent.json()
    trail = str(body.get("Name") or body.get("TrailName") or "*")
    arn = trail if trail.startswith(("arn:", "*")) else sent.arn("cloudtrail", f"trail/{trail}")
    yield Need(f"cloudtrail:{sent.target.rpartition('.')[2]}", arn)


def _securityhub(sent: Sent) -> Iterator[Need]:
    if sent.path.rstrip("/") == "/findings/import":
        for finding in sent.json().get("Findings", []):
            yield Need("securityhub:BatchImportFindings", str(finding.get("ProductArn", "")))


_NEEDS: dict[str, Callable[[Sent], Iterator[Need]]] = {
    "cloudformation": _cloudformation,
    "cloudtrail": _cloudtrail,
    "dynamodb": _dynamodb,
    "securityhub": _securityhub,
    "sns": _sns,
    "sqs": _sqs,
    "events": _events,
    "scheduler": _scheduler,
    "route53": _route53,
    "route53profiles": _profiles,
}

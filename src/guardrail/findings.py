"""Security Hub findings in the AWS Security Finding Format: one for each endpoint.

A provider updates its finding by importing it again under the same id; the workflow belongs to
Security Hub's customers and is left alone, so a finding is resolved by `PASSED` and `ARCHIVED`.
Source: AWS Security Hub user guide, "BatchImportFindings for finding providers".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from guardrail.core.moments import stamp
from guardrail.messages import message_of
from guardrail.notices import Kind, Notice, Where
from guardrail.report import Report

_TITLE = "Step Functions endpoint policy grants more than the baseline"
_TYPE = "Software and Configuration Checks/AWS Security Best Practices/Network Reachability"
_MOST = 1024
"""Characters of a description. Source: AWS Security Hub user guide, "ASFF", Description."""


@dataclass(frozen=True, slots=True)
class SecurityFinding:
    """What Security Hub is to know of an endpoint now."""

    endpoint_id: str
    resolved: bool
    description: str
    at: datetime

    def asff(self, where: Where) -> dict[str, Any]:
        """Return the finding in the AWS Security Finding Format."""
        place = f"{where.region}:{where.account_id}"
        own = f"arn:{where.partition}:ec2:{place}:vpc-endpoint/{self.endpoint_id}"
        product = f"arn:{where.partition}:securityhub:{place}:product/{where.account_id}/default"
        moment = stamp(self.at).replace("+00:00", "Z")
        return {
            "SchemaVersion": "2018-10-08",
            "Id": f"sfn-endpoint-guardrail/{where.region}/{self.endpoint_id}",
            "ProductArn": product,
            "GeneratorId": "sfn-endpoint-guardrail",
            "AwsAccountId": where.account_id,
            "Types": [_TYPE],
            "CreatedAt": moment,
            "UpdatedAt": moment,
            "Severity": {"Label": "HIGH"},
            "Title": _TITLE,
            "Description": self.description[:_MOST],
            "Resources": [
                {
                    "Type": "Other",
                    "Id": own,
                    "Partition": where.partition,
                    "Region": where.region,
                }
            ],
            "Compliance": {"Status": "PASSED" if self.resolved else "FAILED"},
            "RecordState": "ARCHIVED" if self.resolved else "ACTIVE",
        }


def findings_of(
    report: Report, notices: Iterable[Notice], now: datetime
) -> Iterator[SecurityFinding]:
    """Yield what changes in Security Hub: policies that are open, put back, or in order again."""
    told: dict[str, SecurityFinding] = {}
    for notice in notices:
        text = message_of(notice).text
        if notice.kind is Kind.REVERTED:
            endpoint_id = notice.detail["endpoint_id"]
            seen = bool(notice.detail["verified"])
            told[endpoint_id] = SecurityFinding(
                endpoint_id, resolved=seen, description=text, at=now
            )
        for endpoint_id in _open_in(notice):
            told.setdefault(
                endpoint_id, SecurityFinding(endpoint_id, resolved=False, description=text, at=now)
            )
    for endpoint_id, text in report.healed.items():
        healed = SecurityFinding(endpoint_id, resolved=True, description=text, at=now)
        told.setdefault(endpoint_id, healed)
    yield from told.values()


def _open_in(notice: Notice) -> Iterator[str]:
    """Yield the endpoints whose policies the notice says are open."""
    for one in notice.detail.get("drift", ()):
        if one["endpoint_id"] and str(one["code"]).startswith("policy-"):
            yield one["endpoint_id"]

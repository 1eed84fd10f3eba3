"""Security Hub findings in the AWS Security Finding Format: one for each endpoint.

A provider updates its finding by importing it again under the same id; the workflow belongs to
Security Hub's customers and is left alone, so a finding is resolved by `PASSED` and `ARCHIVED`.
Source: AWS Security Hub user guide, "BatchImportFindings for finding providers".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
        endpoint_id = notice.detail.get("endpoint_id")
        if endpoint_id and _is_about_policy(notice):
            resolved = notice.kind is Kind.REVERTED and bool(notice.detail["verified"])
            text = message_of(notice).text
            told[endpoint_id] = SecurityFinding(endpoint_id, resolved, text, now)
    for endpoint_id, text in report.healed.items():
        healed = SecurityFinding(endpoint_id, resolved=True, description=text, at=now)
        told.setdefault(endpoint_id, healed)
    yield from told.values()


def _is_about_policy(notice: Notice) -> bool:
    if notice.kind is Kind.REVERTED:
        return True
    drift: Iterable[Mapping[str, Any]] = notice.detail.get("drift", ())
    return any(str(one["code"]).startswith("policy-") for one in drift)

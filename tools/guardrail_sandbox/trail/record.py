"""The CloudTrail record of one EC2 call, and its envelope on the event bus.

AWS: CloudTrail user guide, "CloudTrail record contents for management, data, and network
activity events"; EventBridge user guide, "AWS service events delivered through CloudTrail".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from uuid import uuid4
from xml.etree import ElementTree as ET

from botocore.loaders import create_loader
from botocore.model import OperationModel, ServiceModel

from guardrail_sandbox.trail import legacy, nested
from guardrail_sandbox.trail.answer import Answer, failure_of, parse, request_id_of
from guardrail_sandbox.trail.call import Call
from guardrail_sandbox.trail.completion import complete, set_text
from guardrail_sandbox.trail.families import Family, family_of
from guardrail_sandbox.trail.identity import (
    Identity,
    partition_of,
    timestamp,
    user_identity,
)

Record = dict[str, Any]

_KB: Final = 1024
_LARGEST_FIELD: Final = 100 * _KB
_LARGEST_ERROR: Final = 1 * _KB
_LARGEST_EVENT: Final = 256 * _KB


def utc_now() -> datetime:
    """Return the present moment, aware of its zone."""
    return datetime.now(UTC)


@cache
def ec2_model() -> ServiceModel:
    """Return botocore's model of EC2; the first call reads some 3 MB."""
    return ServiceModel(create_loader().load_service_model("ec2", "service-2"), "ec2")


def is_known(action: str) -> bool:
    """Whether EC2 has an API of this name; CloudTrail logs no others."""
    return action in ec2_model().operation_names


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes records for one account. Access keys absent from `identities` are a user's."""

    identities: Mapping[str, Identity]
    account_id: str
    clock: Callable[[], datetime] = utc_now
    default_vpc: Family = Family.NESTED

    def record(self, call: Call, answer: Answer) -> Record:
        """Return the record of a call that `is_known`, with its time set to now."""
        root = parse(answer)
        failure = failure_of(answer, root)
        request_id = request_id_of(answer, root)
        record: Record = self._who_and_where(call)
        if failure is not None:
            record["errorCode"] = failure.code[:_LARGEST_ERROR]
            record["errorMessage"] = _clipped(failure.message)
        record["requestParameters"] = _within_limit(self._request(call))
        record["responseElements"] = None
        if failure is None and root is not None:
            record["responseElements"] = _within_limit(self._response(call, root, request_id))
        return record | self._about(call, request_id)

    def _who_and_where(self, call: Call) -> Record:
        identity = self.identities.get(call.access_key) or Identity.user(
            "sandbox-user", account_id=self.account_id, partition=partition_of(call.region)
        )
        return {
            "eventVersion": "1.11",
            "userIdentity": user_identity(
                identity, access_key=call.access_key, account_id=self.account_id
            ),
            "eventTime": timestamp(self.clock()),
            "eventSource": "ec2.amazonaws.com",
            "eventName": call.action,
            "awsRegion": call.region,
            "sourceIPAddress": identity.invoked_by or call.source_ip,
            "userAgent": identity.invoked_by or call.user_agent,
        }

    def _about(self, call: Call, request_id: str) -> Record:
        return {
            "requestID": request_id,
            "eventID": str(uuid4()),
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": self.account_id,
            "eventCategory": "Management",
            "tlsDetails": {"clientProvidedHostHeader": call.host},
        }

    def _request(self, call: Call) -> dict[str, Any]:
        if self._family(call) is Family.NESTED:
            return nested.request_parameters(call.action, call.parameters)
        return legacy.request_parameters(call.parameters, _operation(call).input_shape)

    def _response(self, call: Call, root: ET.Element, request_id: str) -> dict[str, Any]:
        operation = _operation(call)
        complete(root, call, operation, self.account_id)
        set_text(root, "requestId", request_id)
        if self._family(call) is Family.NESTED:
            return nested.response_elements(call.action, root)
        return legacy.response_elements(root, operation.output_shape)

    def _family(self, call: Call) -> Family:
        return family_of(call.action, default_vpc=self.default_vpc)


def envelope(record: Record) -> dict[str, Any]:
    """Return the record as EventBridge delivers it, with an id of its own per call."""
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws." + str(record["eventSource"]).partition(".")[0],
        "account": record["recipientAccountId"],
        "time": record["eventTime"],
        "region": record["awsRegion"],
        "resources": [],
        "detail": record,
    }


def deliverable(record: Record) -> bool:
    """Whether EventBridge would get this event at all: larger than 256 KB never arrives."""
    return _size(envelope(record)) <= _LARGEST_EVENT


def _operation(call: Call) -> OperationModel:
    return ec2_model().operation_model(call.action)


def _within_limit(field: dict[str, Any]) -> dict[str, Any] | None:
    """CloudTrail omits a request or response of more than 100 KB; the layout is our guess."""
    return field if _size(field) <= _LARGEST_FIELD else None


def _clipped(message: str) -> str:
    return message.encode()[:_LARGEST_ERROR].decode(errors="ignore")


def _size(value: object) -> int:
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())

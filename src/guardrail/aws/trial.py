"""Dry runs: whether the role may write, as far as EC2 tells without anything being written.

An organisation's policies count as well as the role's own. Each dry run draws on the bucket of
endpoint writes, so there are two, and not in every sweep (guardrail/core/trials.py). Source: Amazon
EC2 API reference, "DryRun".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from guardrail.aws.failures import error_code, translated
from guardrail.core.trials import Write
from guardrail.permissions import Try

if TYPE_CHECKING:
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_ec2.type_defs import TagSpecificationTypeDef

_ALLOWED, _DENIED = "DryRunOperation", "UnauthorizedOperation"


def possible(
    ec2: EC2Client,
    *,
    endpoint_id: str | None,
    vpc_id: str | None,
    service_name: str | None,
    tags: TagSpecificationTypeDef,
) -> dict[Write, Try]:
    """Return the writes that there is something to try on; nothing is called yet."""
    tries: dict[Write, Try] = {}
    if endpoint_id:
        tries[Write.MODIFY] = lambda: _tried(
            f"modify {endpoint_id}",
            lambda: ec2.modify_vpc_endpoint(VpcEndpointId=endpoint_id, DryRun=True),
        )
    if vpc_id and service_name:
        tries[Write.CREATE] = lambda: _tried(
            f"create an endpoint in {vpc_id}",
            lambda: ec2.create_vpc_endpoint(
                VpcEndpointType="Interface",
                VpcId=vpc_id,
                ServiceName=service_name,
                TagSpecifications=[tags],
                DryRun=True,
            ),
        )
    return tries


def _tried(doing: str, call: Callable[[], object]) -> str | None:
    """Return why it is denied, "" if it is allowed, None for an answer that tells neither."""
    with translated(f"trying to {doing}"):
        try:
            call()
        except ClientError as error:
            # A dry run ends with an error in any case: a throttle tells nothing of permissions.
            if error_code(error) != _DENIED:
                return "" if error_code(error) == _ALLOWED else None
            said = error.response.get("Error", {}).get("Message", "")[:300]
            return (
                f"the function's role may not {doing}: {said} (allow it to the role, or exempt the"
                " role from the organisation's policy that denies it)"
            )
    return None

"""Dry runs: whether the role may write, as far as EC2 tells without anything being written.

An organisation's policies count as well as the role's own. Each dry run draws on the bucket of
endpoint writes, so there are two. Source: Amazon EC2 API reference, "DryRun".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from guardrail.aws.failures import error_code, translated

if TYPE_CHECKING:
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_ec2.type_defs import TagSpecificationTypeDef

_DENIED = "UnauthorizedOperation"


def denied(
    ec2: EC2Client,
    *,
    endpoint_id: str | None,
    vpc_id: str | None,
    service_name: str | None,
    tags: TagSpecificationTypeDef,
) -> Iterator[str]:
    """Yield what the role may not do; nothing is known where there is nothing to try it on."""
    if endpoint_id:
        yield from _tried(
            f"modify {endpoint_id}",
            lambda: ec2.modify_vpc_endpoint(VpcEndpointId=endpoint_id, DryRun=True),
        )
    if vpc_id and service_name:
        yield from _tried(
            f"create an endpoint in {vpc_id}",
            lambda: ec2.create_vpc_endpoint(
                VpcEndpointType="Interface",
                VpcId=vpc_id,
                ServiceName=service_name,
                TagSpecifications=[tags],
                DryRun=True,
            ),
        )


def _tried(doing: str, call: Callable[[], object]) -> Iterator[str]:
    try:
        with translated(f"trying to {doing}"):
            _called(call)
    except _DeniedError as denial:
        yield (
            f"the function's role may not {doing}: {denial} (allow it to the role, or exempt the"
            " role from the organisation's policy that denies it)"
        )


class _DeniedError(Exception):
    """What EC2 said when it refused a dry run for want of permission."""


def _called(call: Callable[[], object]) -> None:
    try:
        call()
    except ClientError as error:
        # A dry run ends with an error in any case; every other code tells nothing of permissions.
        if error_code(error) == _DENIED:
            said = error.response.get("Error", {}).get("Message", "")[:300]
            raise _DeniedError(said) from error

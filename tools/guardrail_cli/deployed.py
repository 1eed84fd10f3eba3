"""The deployed stack that commands speak to: found by its name, with the usual credentials.

Region, profile and addresses are taken from the environment as with any AWS tool
(AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from guardrail.aws.reading import service_of, tag_map
from guardrail.baseline import render_baseline
from guardrail.core.names import is_of_stack
from guardrail_cli.documents import UsageError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_ec2.type_defs import VpcEndpointTypeDef

STACK = "sfn-endpoint-guardrail"


@dataclass(frozen=True)
class Deployed:
    """A stack: its id, table and baseline. The baseline is that of this copy of the project.

    `breaker_after` is its parameter of that name.
    """

    stack_id: str
    table: str
    organization_id: str
    breaker_after: int = 10

    @property
    def account_id(self) -> str:
        """The account of the stack."""
        return self.stack_id.split(":")[4]

    @property
    def partition(self) -> str:
        """The partition of the stack."""
        return self.stack_id.split(":")[1]

    @property
    def baseline(self) -> str:
        """The baseline, rendered for the stack."""
        return render_baseline(
            account=self.account_id,
            organization_id=self.organization_id,
            partition=self.partition,
        )

    @cached_property
    def ec2(self) -> EC2Client:
        """A client of the stack's region."""
        return boto3.client("ec2", region_name=self.region)

    @cached_property
    def db(self) -> DynamoDBClient:
        """A client of the stack's region."""
        return boto3.client("dynamodb", region_name=self.region)

    @property
    def region(self) -> str:
        """The region of the stack."""
        return self.stack_id.split(":")[3]

    def endpoint(self, endpoint_id: str) -> VpcEndpointTypeDef:
        """Return a Step Functions endpoint as EC2 describes it; raises UsageError for another."""
        with reaching(f"looking for {endpoint_id} in {self.region}"):
            found = self.ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint_id])["VpcEndpoints"]
        if not found or service_of(found[0].get("ServiceName", "")) is None:
            raise UsageError(f"{endpoint_id} is no endpoint of Step Functions in {self.region}")
        return found[0]

    def managed(self, vpc_id: str) -> VpcEndpointTypeDef:
        """Return an endpoint that the stack made in a VPC; raises UsageError if there is none."""
        of_vpc: Any = [{"Name": "vpc-id", "Values": [vpc_id]}]
        with reaching(f"looking for the endpoint of {vpc_id} in {self.region}"):
            found = self.ec2.describe_vpc_endpoints(Filters=of_vpc)["VpcEndpoints"]
        for one in found:
            ours = is_of_stack(tag_map(one.get("Tags", [])), self.stack_id)
            if (
                ours
                and service_of(one.get("ServiceName", ""))
                and str(one.get("State")).lower() == "available"
            ):
                return one
        raise UsageError(f"{vpc_id} has no available endpoint that the stack made")


def deployed(stack_name: str) -> Deployed:
    """Return the stack of a name; raises UsageError when it is not there or is another's."""
    with reaching(f"looking for the stack {stack_name}"):
        (stack,) = boto3.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
    outputs = {o.get("OutputKey"): o.get("OutputValue", "") for o in stack.get("Outputs", [])}
    given = {
        p.get("ParameterKey"): p.get("ParameterValue", "") for p in stack.get("Parameters", [])
    }
    if not outputs.get("Table"):
        raise UsageError(f"the stack {stack_name} has no output Table; is it the guardrail's?")
    return Deployed(
        stack.get("StackId", ""),
        outputs["Table"],
        given.get("OrganizationId", ""),
        int(given.get("BreakerAfter") or 10),
    )


@contextmanager
def reaching(doing: str) -> Iterator[None]:
    """Raise UsageError in place of the SDK's errors: what was tried, and what AWS said."""
    try:
        yield
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        # The last is what a proxy's page of HTML comes to; the SDK has it beside its other errors.
        raise UsageError(f"{doing}: {error}") from error

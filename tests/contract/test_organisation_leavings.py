"""What stacks of an organisation made and left: what is found, deleted and left alone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from botocore.client import BaseClient
from organisation_site import (
    NAME,
    ROLE,
    ec2_of,
    made,
    new_organisation,
    refuse,
    session_of,
    stack_id,
    standing,
)

from guardrail_cli.org import takeout
from guardrail_cli.org.accounts import Accounts
from guardrail_cli.org.leftovers import Leavings
from guardrail_cli.org.organisation import AwsOrganisation
from guardrail_cli.org.takeout import Left
from support.stack_sets import Said


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be the management account of moto's own id, and wait for nothing."""
    monkeypatch.delenv("MOTO_ACCOUNT_ID")
    monkeypatch.setattr(takeout, "ROUND_SECONDS", 0.0)
    ec2_of.cache_clear()


@pytest.fixture
def members() -> list[str]:
    """Make an organisation; return its accounts."""
    return AwsOrganisation("us-east-1").accounts((new_organisation(),))


def leavings() -> Leavings:
    """Return what the set made, seen through the role."""
    return Leavings(Accounts(ROLE, "aws", "us-east-1"), NAME)


def test_what_the_stacks_made_is_found(members: list[str]) -> None:
    """In each account and region; what one has nothing of says so."""
    here, there = (members[0], "us-east-1"), (members[1], "us-east-1")
    endpoint_id, group_id = made(here, stack_id(here))
    left = {one.place: one for one in leavings().look([here, there])}
    assert left[here] == Left(*here, (endpoint_id,), group_ids=(group_id,))
    assert left[here].line() == f"{members[0]} us-east-1: {endpoint_id}, {group_id}"
    assert left[there].nothing


def test_what_the_guardrail_did_not_make_is_left_alone(members: list[str]) -> None:
    """Another stack's, another set's, or what is no endpoint of Step Functions at all."""
    here = (members[0], "us-east-1")
    for tag in (
        "arn:another",
        stack_id(here, name=f"{NAME}-pilot"),
        stack_id(("999999999999", "us-east-1")),
        stack_id((members[0], "eu-west-1")),
    ):
        made(here, tag)
    made(here, stack_id(here), service="com.amazonaws.us-east-1.sqs", group="somebody-elses")
    before = standing(here)
    assert len(before) == 10
    assert takeout.take_out([here], leavings().take, Said()) == {}
    assert standing(here) == before


def test_endpoints_are_deleted_and_then_their_groups(members: list[str]) -> None:
    """In both places; a second time there is nothing."""
    places = [(account, "us-east-1") for account in members]
    for place in places:
        made(place, stack_id(place))
    for _ in range(2):
        assert takeout.take_out(places, leavings().take, Said()) == {}
        assert [standing(place) for place in places] == [set(), set()]


def test_what_a_stack_still_manages_stays(members: list[str]) -> None:
    """It would put the endpoint back."""
    here = (members[0], "us-east-1")
    cloudformation = session_of(members[0]).client("cloudformation", region_name="us-east-1")
    stack = cloudformation.create_stack(
        StackName=f"StackSet-{NAME}-{UUID(int=1)}",
        TemplateBody='{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}',
    )["StackId"]
    made(here, stack)
    before = standing(here)
    failed = takeout.take_out([here], leavings().take, Said())
    assert "still stands" in failed[here]
    assert standing(here) == before
    cloudformation.delete_stack(StackName=stack)
    assert takeout.take_out([here], leavings().take, Said()) == {}
    assert standing(here) == set()


REFUSED = {
    "DeleteVpcEndpoints": "UnauthorizedOperation",
    "DescribeVpcEndpoints": "UnauthorizedOperation",
    "DeleteSecurityGroup": "DependencyViolation",
    "AssumeRole": "AccessDenied",
}


@pytest.mark.parametrize("operation", REFUSED)
def test_what_aws_refuses_is_a_row_with_its_cause(
    members: list[str], operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never a traceback; a group that is in use is tried for ten minutes."""
    here = (members[0], "us-east-1")
    made(here, stack_id(here))
    found = leavings()
    refuse(monkeypatch, operation, REFUSED[operation])
    monkeypatch.setattr(takeout, "STILL", 3)
    failed = takeout.take_out([here], found.take, Said())
    assert REFUSED[operation] in failed[here]


def test_an_endpoint_that_cannot_be_deleted_is_told_with_its_id(
    members: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """EC2 answers for each of them."""
    here = (members[0], "us-east-1")
    made(here, stack_id(here))
    error = {"Code": "OperationNotPermitted", "Message": "it is managed by a service"}
    call = BaseClient._make_api_call  # noqa: SLF001 - of the SDK

    def answer(client: BaseClient, asked: str, parameters: Any) -> Any:
        if asked == "DeleteVpcEndpoints":
            (one,) = parameters["VpcEndpointIds"]
            return {"Unsuccessful": [{"ResourceId": one, "Error": error}]}
        return call(client, asked, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    failed = takeout.take_out([here], leavings().take, Said())
    assert "OperationNotPermitted: it is managed by a service" in failed[here]
    assert failed[here].startswith("vpce-")

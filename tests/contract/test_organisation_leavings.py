"""What stacks of an organisation made and left: what is found, deleted and left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.client import BaseClient
from organisation_site import (
    NAME,
    ROLE,
    be_quick,
    client_of,
    deployed,
    ec2_of,
    made,
    made_by_stack,
    new_organisation,
    refuse,
    removed,
    stack_id,
    standing,
    table_of,
)

from guardrail.core.names import MANAGED_TAG
from guardrail_cli.org import takeout
from guardrail_cli.org.accounts import Accounts
from guardrail_cli.org.leftovers import Leavings
from guardrail_cli.org.organisation import AwsOrganisation
from guardrail_cli.org.takeout import Left
from support.stack_sets import Said


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be the management account of moto's own id, and wait for nothing."""
    be_quick(monkeypatch)


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
    endpoint_id, group_id = made_by_stack(here)
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
        made_by_stack(place)
    for _ in range(2):
        assert takeout.take_out(places, leavings().take, Said()) == {}
        assert [standing(place) for place in places] == [set(), set()]


def test_what_a_stack_still_manages_stays(members: list[str]) -> None:
    """It would put the endpoint back."""
    here = (members[0], "us-east-1")
    stack = deployed(here)
    made_by_stack(here, stack)
    before = standing(here)
    failed = takeout.take_out([here], leavings().take, Said())
    assert "still stands" in failed[here]
    assert standing(here) == before
    client_of(here, "cloudformation").delete_stack(StackName=stack)
    assert takeout.take_out([here], leavings().take, Said()) == {}
    assert standing(here) == set()


def test_a_copied_tag_proves_nothing(members: list[str]) -> None:
    """What a stack's table does not have is listed and stays, beside what the stack made."""
    here = (members[0], "us-east-1")
    stack = removed(here)
    endpoint_id, group_id = made_by_stack(here, stack)
    copied = made(here, stack)
    (left,) = leavings().look([here])
    assert left == Left(*here, (endpoint_id,), group_ids=(group_id,), unproven_ids=copied)
    assert f"not proven to be made by this guardrail: {', '.join(copied)}" in left.line()
    said = Said()
    assert takeout.take_out([here], leavings().take, said) == {}
    assert standing(here) == set(copied)
    assert said.lines[-1].startswith(f"left alone: {members[0]} us-east-1: not proven")


def test_a_table_of_another_stack_proves_nothing(members: list[str]) -> None:
    """Each stack's table is about what bears its tag."""
    here = (members[0], "us-east-1")
    endpoint_id, group_id = made_by_stack(here)
    tag = [{"Key": MANAGED_TAG, "Value": removed(here)}]
    ec2_of(here).create_tags(Resources=[endpoint_id, group_id], Tags=tag)
    (left,) = leavings().look([here])
    assert (left.ids, left.unproven_ids, left.doubt) == ((), (endpoint_id, group_id), "")


def test_what_is_unproven_is_deleted_if_that_is_asked_for(members: list[str]) -> None:
    """Still known as unproven."""
    here = (members[0], "us-east-1")
    copied = made(here, removed(here))
    asked = replace(leavings(), also_unproven=True)
    (left,) = asked.look([here])
    assert (left.ids, left.unproven_ids) == (copied, copied)
    assert takeout.take_out([here], asked.take, Said()) == {}
    assert standing(here) == set()


@pytest.mark.parametrize("why", ["forgotten", "table deleted", "AccessDeniedException"])
def test_without_its_table_nothing_is_proven_to_be_a_stacks(
    members: list[str], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told with the cause; of another stack in the same place the table is believed."""
    here = (members[0], "us-east-1")
    made_by_stack(here)
    stack = removed(here)
    if why == "forgotten":
        stack = stack_id(here, number=2)
    doubtful = set(made(here, stack))
    if why == "table deleted":
        client_of(here, "dynamodb").delete_table(TableName=table_of(here, stack))
    elif why == "AccessDeniedException":
        refuse(monkeypatch, "BatchGetItem", why)
        doubtful = standing(here)
    failed = takeout.take_out([here], leavings().take, Said())
    assert failed[here].startswith("not proven to be made by this guardrail")
    causes = {"forgotten": "does not exist", "table deleted": "ResourceNotFoundException"}
    assert causes.get(why, why) in failed[here]
    assert standing(here) == doubtful


REFUSED = {
    "DeleteVpcEndpoints": "UnauthorizedOperation",
    "DescribeVpcEndpoints": "UnauthorizedOperation",
    "DeleteSecurityGroup": "DependencyViolation",
    "AssumeRole": "AccessDenied",
    "DescribeStackResource": "AccessDenied",
    "BatchGetItem": "ThrottlingException",
}


@pytest.mark.parametrize("operation", REFUSED)
def test_what_aws_refuses_is_a_row_with_its_cause(
    members: list[str], operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never a traceback; a group that is in use is tried for ten minutes."""
    here = (members[0], "us-east-1")
    made_by_stack(here)
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
    made_by_stack(here)
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

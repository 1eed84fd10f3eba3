"""Counting the VPCs of an organisation: which count, and what is taken where nobody may look."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from organisation_site import ROLE, ec2_of, new_organisation

from guardrail_cli.org.accounts import Accounts
from guardrail_cli.org.counting import Count, counted
from guardrail_cli.org.model import Place
from guardrail_cli.org.organisation import AwsOrganisation
from guardrail_cli.org.screen import Terminal

REGIONS = ("us-east-1", "eu-west-1")


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> list[Place]:
    """Return two accounts in two regions, with a VPC of their own in all but the last place."""
    monkeypatch.delenv("MOTO_ACCOUNT_ID")
    unit = new_organisation()
    accounts = AwsOrganisation("us-east-1").accounts((unit,))
    found = [(account, region) for account in accounts for region in REGIONS]
    for place in found[:-1]:
        ec2_of(place).create_vpc(CidrBlock="10.0.0.0/16")
    return found


def count(places: list[Place], *, defaults: bool = False) -> Count:
    """Count them."""
    accounts = Accounts(ROLE, "aws", "us-east-1")
    return counted(places, accounts, defaults=defaults, seen=Terminal().looked)


def test_default_vpcs_count_where_they_get_endpoints(
    places: list[Place], capsys: pytest.CaptureFixture[str]
) -> None:
    """As DefaultVpcs says; one sees how far it is."""
    assert count(places) == Count(3, counted=4)
    assert count(places, defaults=True) == Count(7, counted=4)
    shown = capsys.readouterr().err.splitlines()
    assert [line.strip() for line in shown[:4]] == [f"{n}/4 looked into" for n in range(1, 5)]


def test_a_shared_vpc_counts_in_its_owners_account_alone(
    places: list[Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every participant sees it, and its owner's stack makes the endpoint."""
    owner = places[0][0]
    call = BaseClient._make_api_call  # noqa: SLF001 - of the SDK

    def answer(client: BaseClient, operation: str, parameters: Any) -> Any:
        if operation == "DescribeVpcs":
            return {"Vpcs": [{"VpcId": "vpc-1", "OwnerId": owner, "IsDefault": False}]}
        return call(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    assert count(places) == Count(2, counted=4)


def test_where_nobody_may_look_one_is_taken(
    places: list[Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A region that is off, an account without the role; the rest is counted all the same."""
    call = BaseClient._make_api_call  # noqa: SLF001 - of the SDK

    def answer(client: BaseClient, operation: str, parameters: Any) -> Any:
        off = operation == "DescribeVpcs" and client.meta.region_name == "eu-west-1"
        if off or places[0][0] in parameters.get("RoleArn", ""):
            raise ClientError({"Error": {"Code": "AuthFailure", "Message": "no"}}, operation)
        return call(client, operation, parameters)

    ec2_of(places[2]).create_vpc(CidrBlock="10.1.0.0/16")
    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    found = count(places)
    assert (found.vpcs, found.counted, found.assumed) == (2 + 1 + 1 + 1, 1, 3)
    assert "AuthFailure" in found.refusal

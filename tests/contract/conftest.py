"""moto in this process, with the stack's own parts, for the suites that need the SDK."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.loaders import create_loader
from moto import mock_aws
from moto.core.base_backend import BaseBackend
from moto.ec2.models import vpcs
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

from guardrail.core.model import Intent, Mode
from guardrail.core.names import Service
from guardrail_sandbox.ec2 import services
from support.fakes import ACCOUNT, STACK

REGIONS = ("us-east-1", "eu-west-1")


@pytest.fixture(scope="session", autouse=True)
def one_loader() -> Iterator[None]:
    """Read the SDK's service models once: moto gives every test a session of its own."""
    loader = create_loader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", lambda *_: loader)
        yield


def few_services(region: str) -> list[Any]:
    """Return the PrivateLink services that tests ask for: all 256 take seconds to be written."""
    zones = [zone.name for zone in RegionsAndZonesBackend.zones[region]]
    make = BaseBackend.default_vpc_endpoint_service_factory
    names = ("s3", "sqs", "states", "sync-states")
    return [service for name in names for service in make(region, zones, name)]


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run against moto, as account 111122223333, with credentials that mean nothing."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("MOTO_ACCOUNT_ID", ACCOUNT)
    # Nobody starts an instance here, and 1,300 images are most of what moto sets up for a test.
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    for region in REGIONS:
        monkeypatch.setitem(vpcs.DEFAULT_VPC_ENDPOINT_SERVICES, region, few_services(region))
    with mock_aws():
        yield
    services.offered.cache_clear()  # it remembers what a region has


@pytest.fixture
def table() -> str:
    """Make the stack's table; return its name."""
    boto3.client("dynamodb").create_table(
        TableName="records",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return "records"


@pytest.fixture
def intent() -> Intent:
    """Return an intent that enforces both services."""
    return Intent(mode=Mode.ENFORCE, services=tuple(Service))


@pytest.fixture
def stack() -> str:
    """Return the id of the stack."""
    return STACK

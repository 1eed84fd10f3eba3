"""SDK clients with the retries and time-outs that this product needs."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_events.client import EventBridgeClient
    from mypy_boto3_scheduler.client import EventBridgeSchedulerClient
    from mypy_boto3_sqs.client import SQSClient

    from guardrail.aws.unstubbed import CloudTrail, Listing, Route53, SecurityHub, Sns

CONFIG = Config(
    # Explicit: botocore 1.44 changed the default to three attempts within about three seconds,
    # which is less than the 3.3 s that EC2 needs to grant one more endpoint write.
    retries={"mode": "standard", "total_max_attempts": 5},
    # A call with missing permissions was reported to hang until the function timed out.
    connect_timeout=3,
    read_timeout=10,
)


def ec2() -> EC2Client:
    """Return a client of Amazon EC2."""
    return boto3.client("ec2", config=CONFIG)


def dynamodb() -> DynamoDBClient:
    """Return a client of Amazon DynamoDB."""
    return boto3.client("dynamodb", config=CONFIG)


@cache
def events() -> EventBridgeClient:
    """Return a client of Amazon EventBridge, made when the first event is announced."""
    return boto3.client("events", config=CONFIG)


@cache
def sns() -> Sns:
    """Return a client of Amazon SNS, made when the first message is sent."""
    client: Sns = boto3.client("sns", config=CONFIG)
    return client


@cache
def securityhub() -> SecurityHub:
    """Return a client of AWS Security Hub, made when the first finding is imported."""
    client: SecurityHub = boto3.client("securityhub", config=CONFIG)
    return client


def cloudtrail() -> CloudTrail:
    """Return a client of AWS CloudTrail."""
    client: CloudTrail = boto3.client("cloudtrail", config=CONFIG)
    return client


def scheduler() -> EventBridgeSchedulerClient:
    """Return a client of Amazon EventBridge Scheduler."""
    return boto3.client("scheduler", config=CONFIG)


def sqs() -> SQSClient:
    """Return a client of Amazon SQS."""
    return boto3.client("sqs", config=CONFIG)


def route53() -> Route53:
    """Return a client of Amazon Route 53."""
    client: Route53 = boto3.client("route53", config=CONFIG)
    return client


def route53resolver() -> Listing:
    """Return a client of Amazon Route 53 Resolver."""
    client: Listing = boto3.client("route53resolver", config=CONFIG)
    return client


def route53profiles() -> Listing:
    """Return a client of Amazon Route 53 Profiles."""
    client: Listing = boto3.client("route53profiles", config=CONFIG)
    return client

"""A VPC on moto beside the parts of a stack, and the events that the handlers are given."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import boto3
import pytest
from aws_lambda_powertools import Logger

from guardrail.aws.network import Ec2Network
from guardrail.aws.resolution import VpcResolution
from handlers import application as composition
from handlers import bootstrap
from handlers.application import application
from support.fakes import ACCOUNT, OPEN, STACK


@dataclass
class Context:
    """What Lambda tells a function about its invocation."""

    invoked_function_arn: str = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
    milliseconds: int = 600_000

    def get_remaining_time_in_millis(self) -> int:
        """Return what is left."""
        return self.milliseconds


@dataclass
class Site:
    """A VPC on moto, and the stack's own parts."""

    ec2: Any = field(default_factory=lambda: boto3.client("ec2"))
    vpc_id: str = ""
    queue: str = ""
    log: io.StringIO = field(default_factory=io.StringIO)

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines logged since the last look."""
        text = self.log.getvalue()
        self.log.seek(0)
        self.log.truncate()
        return [json.loads(line) for line in text.splitlines()]

    def dead_letters(self) -> list[dict[str, Any]]:
        """Return what stands in the queue."""
        found = boto3.client("sqs").receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in found.get("Messages", [])]

    def endpoints(self) -> list[dict[str, Any]]:
        """Return the endpoints of the VPC."""
        found: list[dict[str, Any]] = self.ec2.describe_vpc_endpoints()["VpcEndpoints"]
        return found


class NoProfiles:
    """Route 53 Profiles, which moto lacks, where there is none."""

    def get_paginator(self, operation_name: str) -> NoProfiles:
        """Return what pages the listing."""
        del operation_name
        return self

    def paginate(self, **_: object) -> list[dict[str, list[object]]]:
        """Return one empty page."""
        return [{"ProfileAssociations": []}]


def change_of(vpc_id: str) -> dict[str, Any]:
    """Return the event of a new subnet."""
    record = {
        "eventSource": "ec2.amazonaws.com",
        "eventName": "CreateSubnet",
        "eventID": "e-1",
        "requestParameters": {"vpcId": vpc_id},
    }
    return {"source": "aws.ec2", "detail": record}


def change_of_endpoint(endpoint_id: str) -> dict[str, Any]:
    """Return the event of an endpoint that was given an open policy five seconds ago."""
    changed = datetime.now(UTC) - timedelta(seconds=5)
    request = {"VpcEndpointId": endpoint_id, "PolicyDocument": OPEN}
    record = {
        "eventSource": "ec2.amazonaws.com",
        "eventName": "ModifyVpcEndpoint",
        "eventTime": changed.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventID": "e-2",
        "userAgent": "aws-cli/2",
        "userIdentity": {"arn": "arn:aws:iam::111122223333:user/alice"},
        "requestParameters": {"ModifyVpcEndpointRequest": request},
    }
    return {"source": "aws.ec2", "detail": record}


def metrics(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the embedded metrics on standard output."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line]


class Trail:
    """A trail that logs write management events."""

    @staticmethod
    def exists() -> None:
        """Make it."""
        boto3.client("s3").create_bucket(Bucket="trail-bucket")
        client = boto3.client("cloudtrail")
        client.create_trail(Name="trail", S3BucketName="trail-bucket")
        writes = {"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}
        client.put_event_selectors(TrailName="trail", EventSelectors=[writes])
        client.start_logging(Name="trail")


def ready_site(monkeypatch: pytest.MonkeyPatch, table: str, **settings: str) -> Site:
    """Return a VPC that is ready for its endpoint, and set what the handlers are given."""
    site = Site()
    monkeypatch.setattr(bootstrap, "logger", Logger(service=f"test-{uuid4()}", stream=site.log))
    site.queue = boto3.client("sqs").create_queue(QueueName="dead")["QueueUrl"]
    site.vpc_id = site.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    site.ec2.create_subnet(VpcId=site.vpc_id, CidrBlock="10.0.0.0/24")
    site.ec2.modify_vpc_attribute(VpcId=site.vpc_id, EnableDnsHostnames={"Value": True})
    given = {
        "MODE": "enforce",
        "SETTLE_SECONDS": "0",
        "TABLE_NAME": table,
        "STACK_ID": STACK,
        "DEAD_LETTER_QUEUE_URL": site.queue,
        "POWERTOOLS_SERVICE_NAME": "sfn-endpoint-guardrail",
        "POWERTOOLS_METRICS_NAMESPACE": "SfnEndpointGuardrail",
    }
    for name, value in (given | settings).items():
        monkeypatch.setenv(name, value)
    # A trail as it should be; moto alone would make what a dry run only tries.
    Trail.exists()
    monkeypatch.setattr(Ec2Network, "trials", lambda _: {})
    resolution = partial(VpcResolution, profiles=NoProfiles)
    monkeypatch.setattr(composition, "VpcResolution", resolution)
    application.cache_clear()  # each test has an account of its own
    return site

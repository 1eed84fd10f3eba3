"""Whom the pause before a creation leads to, whoever begins it or pushes it on."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from handler_site import Context, Site, change_of, ready_site

from handlers import endpoint_change, sweep, vpc_change
from support.fakes import ACCOUNT, BASELINE

GROUP, EXEMPTION = "pauses", "guardrail-exemption"
NAME = "com.amazonaws.us-east-1.{}".format


def arn(function: str) -> str:
    """Return the ARN of a function of the stack."""
    return f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{function}"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, table: str) -> Site:
    """Return a VPC that is ready for its endpoint, which a pause of five minutes precedes."""
    boto3.client("scheduler").create_schedule_group(Name=GROUP)
    return ready_site(
        monkeypatch,
        table,
        SETTLE_SECONDS="300",
        SETTLE_SCHEDULE_GROUP=GROUP,
        SETTLE_ROLE_ARN=f"arn:aws:iam::{ACCOUNT}:role/settle",
        SETTLE_FUNCTION_ARN=arn("VpcChange"),
        EXEMPTION_TAG=EXEMPTION,
    )


def owners(site: Site, service: str = "states", **given: Any) -> str:
    """Make an endpoint of the owner's in the VPC's subnet; return its id."""
    (subnet,) = site.ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [site.vpc_id]}])[
        "Subnets"
    ]
    request = {"SubnetIds": [subnet["SubnetId"]], "PolicyDocument": BASELINE, **given}
    made = site.ec2.create_vpc_endpoint(
        VpcId=site.vpc_id, VpcEndpointType="Interface", ServiceName=NAME(service), **request
    )
    return str(made["VpcEndpoint"]["VpcEndpointId"])


def event(name: str, request: dict[str, Any], response: object = None) -> dict[str, Any]:
    """Return the event of a call that succeeded."""
    record = {"eventSource": "ec2.amazonaws.com", "eventName": name, "eventID": "e-1"}
    record |= {"requestParameters": request, "responseElements": response}
    return {"source": "aws.ec2", "detail": record}


def pause_over(site: Site) -> None:
    """Let the pause end, as the scheduler does: it invokes whom it was given."""
    scheduler = boto3.client("scheduler")
    found = scheduler.get_schedule(GroupName=GROUP, Name=site.vpc_id)
    scheduler.delete_schedule(GroupName=GROUP, Name=site.vpc_id)
    assert found["Target"]["Arn"] == arn("VpcChange")
    vpc_change.handler(json.loads(found["Target"]["Input"]), Context(arn("VpcChange")))


def services(site: Site) -> list[str]:
    """Return the services that the VPC has endpoints of."""
    there = (e for e in site.endpoints() if e["State"] != "deleted")
    return sorted(e["ServiceName"].rpartition(".")[2] for e in there)


def test_an_owners_endpoint_that_is_gone_leaves_a_pause_for_the_function_that_creates(
    site: Site,
) -> None:
    """EndpointChange hears of the deletion, too, and may create nothing."""
    theirs = owners(site)
    site.ec2.delete_vpc_endpoints(VpcEndpointIds=[theirs])
    request = {"DeleteVpcEndpointsRequest": {"VpcEndpointId": {"tag": 1, "content": theirs}}}
    endpoint_change.handler(event("DeleteVpcEndpoints", request), Context(arn("EndpointChange")))
    pause_over(site)
    assert services(site) == ["states"]


def test_an_endpoint_without_subnets_leads_to_ours_after_a_pause(site: Site) -> None:
    """It carries no traffic; no event but EndpointChange's tells of it."""
    theirs = owners(site, SubnetIds=[], PrivateDnsEnabled=False)
    content = {"tag": 1, "content": "subnet-0123456789abcdef0"}
    change = {"VpcEndpointId": theirs, "RemoveSubnetId": content}
    request = {"ModifyVpcEndpointRequest": change}
    endpoint_change.handler(event("ModifyVpcEndpoint", request), Context(arn("EndpointChange")))
    pause_over(site)
    assert services(site) == ["states", "states"]


def test_a_pause_of_vpc_change_stays_its_own(site: Site) -> None:
    """An endpoint of the other service, made in the same apply as the VPC, pushes it on."""
    vpc_change.handler(change_of(site.vpc_id), Context(arn("VpcChange")))
    theirs = owners(site, "sync-states", PolicyDocument="")
    made = {"CreateVpcEndpointResponse": {"vpcEndpoint": {"vpcEndpointId": theirs}}}
    created = event("CreateVpcEndpoint", {"CreateVpcEndpointRequest": {"VpcId": site.vpc_id}}, made)
    endpoint_change.handler(created, Context(arn("EndpointChange")))
    pause_over(site)
    sweep.handler({}, Context(arn("Sweep")))
    assert services(site) == ["states", "sync-states"]


def test_an_exemption_that_ends_leaves_a_pause_for_the_function_that_creates(site: Site) -> None:
    """Both hear of the tag that was taken off."""
    request = {
        "resourcesSet": {"items": [{"resourceId": site.vpc_id}]},
        "tagSet": {"items": [{"key": EXEMPTION}]},
    }
    for handler, name in ((vpc_change, "VpcChange"), (endpoint_change, "EndpointChange")):
        handler.handler(event("DeleteTags", request), Context(arn(name)))
    pause_over(site)
    assert services(site) == ["states"]

"""Hosted zones beside endpoints, Route 53 Profiles, and who may ask about both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ec2_world import Ec2World, Switchboard, refused

from guardrail.aws.resolution import VpcResolution
from guardrail.errors import TerminalError
from guardrail_sandbox import moto_state
from guardrail_sandbox.authorization import AuthorizationLayer, Roles
from guardrail_sandbox.route53 import with_route53
from guardrail_sandbox.trail import Identity

NAME = "states.us-east-1.amazonaws.com"
REGION = "us-east-1"
RULE_GROUP = "arn:aws:route53resolver:us-east-1:123456789012:firewall-rule-group/rslvr-frg-1"


@pytest.fixture
def site(world: Ec2World, switchboard: Switchboard) -> Ec2World:
    """Return EC2 with Route 53 in front of it."""
    switchboard.app = with_route53(world.layer, world.clock)
    return world


def zone(site: Ec2World, vpc_id: str, name: str = NAME, **config: Any) -> str:
    """Make a zone of a VPC; return its id."""
    made: str = site.client("route53", REGION).create_hosted_zone(
        Name=name,
        CallerReference=f"{name} {vpc_id}",
        VPC={"VPCRegion": REGION, "VPCId": vpc_id},
        **config,
    )["HostedZone"]["Id"]
    return made


def associate(site: Ec2World, zone_id: str, vpc_id: str) -> None:
    """Associate a zone with one more VPC."""
    site.client("route53", REGION).associate_vpc_with_hosted_zone(
        HostedZoneId=zone_id, VPC={"VPCRegion": REGION, "VPCId": vpc_id}
    )


def names(site: Ec2World, vpc_id: str) -> list[str]:
    """Return the names of a VPC's zones."""
    found = site.client("route53", REGION).list_hosted_zones_by_vpc(VPCId=vpc_id, VPCRegion=REGION)
    return [summary["Name"] for summary in found["HostedZoneSummaries"]]


def test_a_zone_is_refused_where_an_endpoint_has_its_name(site: Ec2World) -> None:
    """When it is made and when it is associated; after the endpoint is gone, it is taken."""
    vpc_id, other = site.vpc(), site.vpc()
    endpoint_id = site.endpoint(vpc_id, PrivateDnsEnabled=True)
    zone_id = zone(site, other)
    assert refused(associate, site, zone_id, vpc_id)[0] == "ConflictingDomainExists"
    assert refused(zone, site, vpc_id)[0] == "ConflictingDomainExists"
    assert names(site, vpc_id) == [f"{NAME}."]
    site.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint_id])
    associate(site, zone_id, vpc_id)
    assert names(site, vpc_id) == [f"{NAME}."]


def test_endpoints_without_private_dns_and_other_names_do_not_conflict(site: Ec2World) -> None:
    """The name is what excludes the other."""
    vpc_id = site.vpc()
    site.endpoint(vpc_id, PrivateDnsEnabled=False)
    zone(site, vpc_id)
    zone(site, vpc_id, "example.com")
    assert sorted(names(site, vpc_id)) == ["example.com.", f"{NAME}."]


def test_two_zones_of_one_name_cannot_be_in_a_vpc(site: Ec2World) -> None:
    """Documented for both calls."""
    vpc_id, other = site.vpc(), site.vpc()
    zone(site, vpc_id)
    assert refused(associate, site, zone(site, other), vpc_id)[0] == "ConflictingDomainExists"
    assert refused(zone, site, vpc_id)[0] == "ConflictingDomainExists"


@pytest.mark.parametrize("config", [{}, {"HostedZoneConfig": {"Comment": "made by a tool"}}])
def test_a_zone_with_a_vpc_is_private_and_keeps_private_dns_off(
    site: Ec2World, config: dict[str, Any]
) -> None:
    """Whether or not the caller says that it is private; moto takes it for public."""
    vpc_id = site.vpc()
    zone_id = zone(site, vpc_id, **config)
    found = site.client("route53", REGION).get_hosted_zone(Id=zone_id)["HostedZone"]
    assert found["Config"]["PrivateZone"] is True
    code, message = refused(site.create, vpc_id, PrivateDnsEnabled=True)
    assert code == "InvalidParameter"
    assert "conflicting DNS domain" in message


def test_a_public_zone_is_nobodys_conflict(site: Ec2World) -> None:
    """It has no VPC."""
    made = site.client("route53", REGION).create_hosted_zone(Name=NAME, CallerReference="public")
    assert made["HostedZone"]["Config"]["PrivateZone"] is False
    assert site.create(site.vpc(), PrivateDnsEnabled=True)["PrivateDnsEnabled"] is True


def test_zones_come_in_pages(site: Ec2World) -> None:
    """With a token as long as there are more."""
    vpc_id, client = site.vpc(), site.client("route53", REGION)
    for number in range(3):
        zone(site, vpc_id, f"z{number}.example.com")
    asked = {"VPCId": vpc_id, "VPCRegion": REGION, "MaxItems": "2"}
    first = client.list_hosted_zones_by_vpc(**asked)
    second = client.list_hosted_zones_by_vpc(**asked, NextToken=first["NextToken"])
    assert [len(page["HostedZoneSummaries"]) for page in (first, second)] == [2, 1]
    assert "NextToken" not in second


def test_rules_without_a_name_are_listed(site: Ec2World) -> None:
    """The name is optional."""
    client, vpc_id = site.client("route53resolver", REGION), site.vpc()
    for domain in ("a.example.com", "b.example.com"):
        made = client.create_resolver_rule(
            CreatorRequestId=domain, RuleType="SYSTEM", DomainName=domain
        )
        client.associate_resolver_rule(ResolverRuleId=made["ResolverRule"]["Id"], VPCId=vpc_id)
    assert len(client.list_resolver_rules()["ResolverRules"]) == 2
    assert len(client.list_resolver_rule_associations()["ResolverRuleAssociations"]) == 2


def test_a_profile_lives_from_creation_to_deletion(site: Ec2World) -> None:
    """It is deleted when no VPC has it any more; what was in it goes with it."""
    client, vpc_id = site.client("route53profiles", REGION), site.vpc()
    profile_id = client.create_profile(Name="hub", ClientToken="once")["Profile"]["Id"]
    assert client.get_profile(ProfileId=profile_id)["Profile"]["Name"] == "hub"
    assert [p["Id"] for p in client.list_profiles()["ProfileSummaries"]] == [profile_id]
    client.associate_resource_to_profile(
        Name="firewall",
        ProfileId=profile_id,
        ResourceArn=RULE_GROUP,
        ResourceProperties='{"priority": 102}',
    )
    client.associate_profile(Name="spoke", ProfileId=profile_id, ResourceId=vpc_id)
    assert refused(client.delete_profile, ProfileId=profile_id)[0] == "ConflictException"
    client.disassociate_profile(ProfileId=profile_id, ResourceId=vpc_id)
    client.disassociate_resource_from_profile(ProfileId=profile_id, ResourceArn=RULE_GROUP)
    assert (
        client.list_profile_resource_associations(ProfileId=profile_id)[
            "ProfileResourceAssociations"
        ]
        == []
    )
    client.delete_profile(ProfileId=profile_id)
    gone = refused(client.list_profile_resource_associations, ProfileId=profile_id)
    assert gone[0] == "ResourceNotFoundException"


def test_a_vpc_has_one_profile(site: Ec2World) -> None:
    """Profiles and VPCs are found from either end."""
    client, vpc_id, other = site.client("route53profiles", REGION), site.vpc(), site.vpc()
    one, two = (
        client.create_profile(Name=name, ClientToken=name)["Profile"]["Id"] for name in "ab"
    )
    client.associate_profile(Name="a", ProfileId=one, ResourceId=vpc_id)
    client.associate_profile(Name="b", ProfileId=two, ResourceId=other)
    again = {"Name": "a", "ProfileId": two, "ResourceId": vpc_id}
    assert refused(client.associate_profile, **again)[0] == "ResourceExistsException"

    def listed(**filters: str) -> list[tuple[str, str]]:
        found = client.list_profile_associations(**filters)["ProfileAssociations"]
        return [(item["ProfileId"], item["ResourceId"]) for item in found]

    assert listed(ResourceId=vpc_id) == listed(ProfileId=one) == [(one, vpc_id)]
    assert listed() == [(one, vpc_id), (two, other)]
    elsewhere = site.client("route53profiles", "eu-west-1")
    assert elsewhere.list_profile_associations()["ProfileAssociations"] == []


def test_what_cannot_be_in_a_profile_is_refused(site: Ec2World) -> None:
    """As are operations that the local AWS does not have."""
    client = site.client("route53profiles", REGION)
    profile_id = client.create_profile(Name="hub", ClientToken="once")["Profile"]["Id"]
    asked = {"Name": "x", "ProfileId": profile_id, "ResourceArn": "arn:aws:sqs:::queue/one"}
    code, _ = refused(client.associate_resource_to_profile, **asked)
    assert code == "InvalidParameterException"
    code, _ = refused(client.list_tags_for_resource, ResourceArn="arn:aws:route53profiles:::x/y")
    assert code == "ValidationException"


def test_an_endpoint_in_a_profile_tells_its_names(site: Ec2World, switchboard: Switchboard) -> None:
    """As observed: the service, and each private name by the id of its zone; by the AWS CLI."""
    client, vpc_id = site.client("route53profiles", REGION), site.vpc()
    endpoint_id = site.endpoint(vpc_id, PrivateDnsEnabled=True)
    profile_id = client.create_profile(Name="hub", ClientToken="once")["Profile"]["Id"]
    client.associate_resource_to_profile(
        Name="states",
        ProfileId=profile_id,
        ResourceArn=f"arn:aws:ec2:us-east-1:123456789012:vpc-endpoint/{endpoint_id}",
    )
    listing = ("list-profile-resource-associations", "--profile-id", profile_id)
    (found,) = cli(switchboard.url, "route53profiles", *listing)["ProfileResourceAssociations"]
    properties = json.loads(found["ResourceProperties"])
    assert properties.pop("ServiceName") == "com.amazonaws.us-east-1.states."
    assert list(properties.values()) == [f"{NAME}."]
    assert (found["ResourceType"], found["Status"]) == ("VPC_ENDPOINT", "COMPLETE")


@pytest.mark.parametrize("lacking", ["route53", "route53resolver", "route53profiles"])
def test_a_role_that_may_not_ask_is_refused_in_each_services_own_shape(
    site: Ec2World, switchboard: Switchboard, lacking: str
) -> None:
    """The SDK understands the refusals, and the guardrail takes them for final."""
    allowed = {"route53", "route53resolver", "route53profiles", "ec2"} - {lacking}
    statement = {"Effect": "Allow", "Resource": "*", "Action": [f"{one}:*" for one in allowed]}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    account = moto_state.ACCOUNT_ID
    caller = Identity.assumed_role("fn", "fn", account_id=account, partition="aws")
    vpc_id = site.vpc()
    switchboard.app = AuthorizationLayer(
        switchboard.app,
        identities={"a": caller},
        roles=Roles(lambda _: [policy]),
        account_id=account,
    )
    port = VpcResolution(
        REGION,
        zones=lambda: site.client("route53", REGION),
        rules=lambda: site.client("route53resolver", REGION),
        profiles=lambda: site.client("route53profiles", REGION),
    )
    with pytest.raises(TerminalError, match=rf"not authorized to perform: {lacking}:List"):
        port.answered_by(vpc_id, [NAME])


def cli(url: str, *arguments: str) -> Any:
    """Run the stock AWS CLI; return what it prints, parsed."""
    command = Path(sys.executable).parent / "aws"
    if not command.exists():
        pytest.skip("the AWS CLI is not installed")
    environment = {
        "PATH": os.defpath,
        "HOME": os.devnull,
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "typed-by-hand",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_PAGER": "",
    }
    done = subprocess.run(
        [sys.executable, str(command), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)

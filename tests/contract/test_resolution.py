"""What the resolution port promises, on moto's Route 53 and the local AWS's Profiles."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from resolution_site import (
    ELSEWHERE,
    IN_PROFILE,
    NAME,
    REGION,
    SWITCHBOARD,
    VPC,
    Absent,
    NoZones,
    Site,
    Stub,
    client,
    stubbed,
)

from guardrail.aws import dns_profiles, hosted_zones, resolver_rules
from guardrail.aws.resolution import VpcResolution
from guardrail.errors import RetryableError, TerminalError
from guardrail_sandbox import moto_state
from guardrail_sandbox.clock import DrivenClock
from guardrail_sandbox.ec2.behaviour import AWS_PACE, World
from guardrail_sandbox.ec2.layer import Ec2Layer
from guardrail_sandbox.ec2.registry import behaviours
from guardrail_sandbox.route53 import with_route53


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    """Return a VPC whose resolver asks nobody yet."""
    monkeypatch.delenv("MOTO_ACCOUNT_ID")
    clock = DrivenClock()
    world = World(clock, AWS_PACE)
    ec2 = Ec2Layer(moto_state.Serialised(), behaviours(world), world)
    SWITCHBOARD.app = with_route53(ec2, clock)
    port = VpcResolution(
        REGION,
        zones=lambda: client("route53"),
        rules=lambda: client("route53resolver"),
        profiles=lambda: client("route53profiles"),
    )
    site = Site(port, "")
    site.vpc_id = site.vpc()
    return site


def test_a_plain_vpc_is_served_by_the_public_dns(site: Site) -> None:
    """Documented: nothing is associated with a new VPC."""
    assert site.answered_by() is None


def test_a_zone_of_the_name_in_this_vpc_answers(site: Site) -> None:
    """Documented: a zone counts in the VPCs that it is associated with."""
    other = site.vpc()
    zone_id = site.zone(NAME)
    assert site.answered_by() == f"private hosted zone {zone_id} ({NAME})"
    assert site.port.answered_by(other, [NAME]) is None
    assert site.answered_by(f"sync-{NAME}") is None


def test_the_zone_of_an_endpoint_in_the_vpc_is_not_somebody_else(site: Site) -> None:
    """Documented: zones that a service owns are listed, too."""
    client("ec2").create_vpc_endpoint(
        VpcId=site.vpc_id,
        ServiceName="com.amazonaws.us-east-1.states",
        VpcEndpointType="Interface",
        PrivateDnsEnabled=True,
    )
    zones = client("route53").list_hosted_zones_by_vpc(VPCId=site.vpc_id, VPCRegion=REGION)
    assert [zone["Name"] for zone in zones["HostedZoneSummaries"]] == [f"{NAME}."]
    assert site.answered_by() is None


def test_a_forwarding_rule_answers_once_it_is_associated(site: Site) -> None:
    """Documented: a rule is in force in the VPCs that it is associated with."""
    rule_id = site.unused_rule("amazonaws.com")
    assert site.answered_by() is None
    client("route53resolver").associate_resolver_rule(ResolverRuleId=rule_id, VPCId=site.vpc_id)
    assert site.answered_by() == f"forwarding rule {rule_id} (amazonaws.com)"
    site.rule("us-east-1.amazonaws.com", "SYSTEM")
    assert site.answered_by() is None


def test_resolvers_own_rules_are_not_looked_up() -> None:
    """Observed: the list has one for the internet in every VPC, for the root."""
    own = Stub(
        list_resolver_rule_associations=[
            {
                "ResolverRuleAssociations": [
                    {
                        "ResolverRuleId": "rslvr-autodefined-rr-internet-resolver",
                        "Status": "COMPLETE",
                    }
                ]
            }
        ]
    )
    # A list of rules would be one call too many: the stub has none.
    assert stubbed(rules=own).answered_by(VPC, [NAME]) is None


def test_an_association_counts_from_its_creation_to_its_end() -> None:
    """Documented: the states of an association; that one on its way counts is the decision."""
    rule = {"Id": "rslvr-rr-1", "DomainName": NAME, "RuleType": "FORWARD", "Status": "COMPLETE"}
    found = {}
    for status in ("CREATING", "COMPLETE", "DELETING", "FAILED", "OVERRIDDEN"):
        association = {"ResolverRuleId": "rslvr-rr-1", "Status": status}
        rules = Stub(
            list_resolver_rule_associations=[{"ResolverRuleAssociations": [association]}],
            list_resolver_rules=[{"ResolverRules": [rule]}],
        )
        found[status] = stubbed(rules=rules).answered_by(VPC, [NAME])
    told = f"forwarding rule rslvr-rr-1 ({NAME})"
    assert {status for status, answer in found.items() if answer == told} == {
        "CREATING",
        "COMPLETE",
    }


def test_an_endpoint_in_a_profile_answers_by_the_names_that_its_association_tells(
    site: Site,
) -> None:
    """Observed: service and private names; the endpoint may be another account's."""
    hub = site.vpc()
    endpoint = client("ec2").create_vpc_endpoint(
        VpcId=hub,
        ServiceName="com.amazonaws.us-east-1.states",
        VpcEndpointType="Interface",
        PrivateDnsEnabled=True,
    )["VpcEndpoint"]["VpcEndpointId"]
    profile_id = site.profile(f"arn:aws:ec2:us-east-1:123456789012:vpc-endpoint/{endpoint}")
    assert site.answered_by() == f"Route 53 Profile {profile_id} (endpoint {endpoint}, {NAME})"
    assert site.answered_by(f"sync-{NAME}") is None
    # The service's name is no name of the DNS.
    assert site.answered_by("com.amazonaws.us-east-1.states") is None


def test_a_zone_in_a_profile_answers_by_the_accounts_own_zones(site: Site) -> None:
    """Documented: an association has the ARN of the zone; its name is looked up by name."""
    hub = site.vpc()
    zone_id = site.zone(NAME, hub)
    site.zone(NAME, site.vpc())
    profile_id = site.profile(f"arn:aws:route53:::hostedzone/{zone_id}")
    told = f"Route 53 Profile {profile_id} (private hosted zone {zone_id}, {NAME})"
    assert site.answered_by() == told
    assert site.answered_by(f"sync-{NAME}") is None


def test_own_zones_of_one_name_may_fill_pages() -> None:
    """Documented: they come by name, and the next page begins where the last one ended."""
    pages = {
        "": {"HostedZones": [{"Id": "/hostedzone/Z1", "Name": f"{NAME}."}], "IsTruncated": True},
        "Z2": {
            "HostedZones": [
                {"Id": "/hostedzone/Z2", "Name": f"{NAME}."},
                {"Id": "/hostedzone/Z3", "Name": "example.org."},
            ],
            "IsTruncated": True,
        },
    }

    class Zones(NoZones):
        def list_hosted_zones_by_name(self, **request: str) -> dict[str, Any]:
            assert request["DNSName"].startswith(NAME)
            following = {"NextDNSName": f"{NAME}.", "NextHostedZoneId": "Z2"}
            return pages[request.get("HostedZoneId", "")] | following

    assert hosted_zones.HostedZones(Zones, REGION).named(NAME) == {"Z1", "Z2"}


def test_a_zone_of_another_account_answers_if_the_association_tells_its_name(site: Site) -> None:
    """Inferred: that names are told as for endpoints; no other call shows them to this account."""
    profile_id = site.profile(ELSEWHERE, told=f'{{"HostedZone": "{NAME}."}}')
    told = f"Route 53 Profile {profile_id} (private hosted zone Z0OFANOTHERACCOUNT, {NAME})"
    assert site.answered_by() == told


def test_a_zone_without_a_name_to_be_learnt_answers_nothing() -> None:
    """Unknown is not answered, whatever stands in the properties."""
    for told in (None, "", "{}", "[]", "not JSON", '{"priority": 102}', f'["{NAME}"]'):
        resource = {"ResourceArn": ELSEWHERE, "Status": "COMPLETE", "ResourceProperties": told}
        profiles = Stub(
            list_profile_associations=[{"ProfileAssociations": [IN_PROFILE]}],
            list_profile_resource_associations=[{"ProfileResourceAssociations": [resource]}],
        )
        assert stubbed(profiles=profiles).answered_by(VPC, [NAME]) is None


def test_a_rule_in_a_profile_answers_and_one_that_is_not_shared_does_not(site: Site) -> None:
    """Documented: ListResolverRules returns the account's rules; an unknown one is absent."""
    arn = "arn:aws:route53resolver:us-east-1:123456789012:resolver-rule"
    rule_id = site.unused_rule("amazonaws.com")
    profile_id = site.profile(f"{arn}/rslvr-rr-unknown", f"{arn}/{rule_id}")
    told = f"Route 53 Profile {profile_id} (forwarding rule {rule_id}, amazonaws.com)"
    assert site.answered_by() == told
    site.rule("amazonaws.com", "SYSTEM")
    assert site.answered_by() is None


def test_what_does_not_fit_on_a_page_is_looked_at(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documented: a page holds at most a hundred, here one; the last that is listed answers."""
    monkeypatch.setattr(hosted_zones, "PAGE", {"PageSize": 1})
    monkeypatch.setattr(resolver_rules, "PAGE", {"PageSize": 1})
    monkeypatch.setattr(dns_profiles, "PAGE", {"PageSize": 1})
    hub = site.vpc()
    zone_id = site.zone(NAME, hub)
    site.profile("arn:aws:route53:::hostedzone/Z1", f"arn:aws:route53:::hostedzone/{zone_id}")
    assert str(site.answered_by()).startswith("Route 53 Profile ")
    rule_ids = [site.rule("example.com"), site.rule("amazonaws.com"), site.rule(NAME)]
    assert site.answered_by() == f"forwarding rule {rule_ids[-1]} ({NAME})"
    zone_ids = [site.zone("example.com"), site.zone(f"sync-{NAME}")]
    told = f"private hosted zone {zone_ids[-1]} (sync-{NAME})"
    assert site.answered_by(f"sync-{NAME}") == told


def test_a_profile_that_is_deleted_meanwhile_answers_nothing() -> None:
    """Documented: ResourceNotFoundException."""
    profiles = Stub(
        list_profile_associations=[{"ProfileAssociations": [IN_PROFILE]}],
        list_profile_resource_associations=ClientError(
            {"Error": {"Code": "ResourceNotFoundException", "Message": "no"}}, "List"
        ),
    )
    assert stubbed(profiles=profiles).answered_by(VPC, [NAME]) is None


def test_a_role_that_may_not_ask_is_told_so() -> None:
    """An endpoint made because nobody could be asked would be the wrong answer."""
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "List")
    port = stubbed(profiles=Stub(list_profile_associations=denied))
    with pytest.raises(TerminalError, match=f"looking for what answers for {NAME} in {VPC}"):
        port.answered_by(VPC, [NAME])


@pytest.mark.parametrize("service", ["rules", "profiles"])
def test_a_service_that_the_region_lacks_answers_nothing_and_an_outage_is_no_answer(
    service: str,
) -> None:
    """Both look the same but for the region; the lack is found once for each environment."""
    absent = Absent()
    port = stubbed("eu-nowhere-1", **{service: absent})
    assert port.answered_by(VPC, [NAME]) is None
    assert port.answered_by(VPC, [NAME]) is None
    assert absent.asked == 1
    port = stubbed(**{service: Absent()})
    with pytest.raises(RetryableError, match="could not be reached"):
        port.answered_by(VPC, [NAME])


def test_no_client_is_made_before_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most invocations ask nothing and pay nothing."""
    made: list[str] = []

    def make(service: str, **_: object) -> Any:
        made.append(service)
        raise RetryableError(service)

    monkeypatch.setattr(boto3, "client", make)
    port = VpcResolution(REGION)
    assert made == []
    with pytest.raises(RetryableError):
        port.answered_by(VPC, [NAME])
    assert made == ["route53"]

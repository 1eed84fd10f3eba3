"""What reconciling relies on, stated about the network port: on the fake, moto and the local AWS.

Plain moto refuses little, so statements about refusals are run on the fake and the local AWS.

Each statement says how sure it is about AWS itself: documented, observed in public recordings,
or inferred.
"""

from __future__ import annotations

import json
from inspect import signature

import pytest
from network_site import NAME, Site, fake_site, local_site, moto_site

from guardrail.core.actions import (
    AddSubnets,
    AttachSecurityGroup,
    AuthorizeClients,
    DeleteEndpoint,
    DeleteSecurityGroup,
    EnableVpcDns,
    RemoveSubnets,
    RestoreTags,
    SetPrivateDns,
    WritePolicy,
)
from guardrail.core.model import Intent
from guardrail.core.names import MANAGED_TAG, Service
from guardrail.errors import RetryableError
from guardrail.ports import Located, Result
from support.fakes import BASELINE, OPEN


@pytest.fixture(params=["fake", "moto", "local"])
def site(
    request: pytest.FixtureRequest, intent: Intent, stack: str, monkeypatch: pytest.MonkeyPatch
) -> Site:
    """Return the same site on each implementation of the port."""
    if request.param == "local":
        return local_site(intent, stack, monkeypatch)
    return fake_site() if request.param == "fake" else moto_site(intent, stack)


@pytest.fixture(params=["fake", "local"])
def strict(
    request: pytest.FixtureRequest, intent: Intent, stack: str, monkeypatch: pytest.MonkeyPatch
) -> Site:
    """Return the same site on each implementation that refuses what EC2 refuses."""
    return fake_site() if request.param == "fake" else local_site(intent, stack, monkeypatch)


@pytest.fixture
def local(intent: Intent, stack: str, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Return the site on moto behind every behaviour of EC2."""
    return local_site(intent, stack, monkeypatch)


def test_a_vpc_is_observed_with_its_subnets_and_blocks(site: Site) -> None:
    """Documented: DescribeVpcs, DescribeSubnets."""
    vpc = site.look()
    assert vpc.vpc_id == site.vpc_id
    assert vpc.cidrs == ("10.0.0.0/16",)
    assert [s.zone for s in sorted(vpc.subnets, key=lambda s: s.zone)] == [
        "us-east-1a",
        "us-east-1b",
        "us-east-1c",
    ]
    assert vpc.dns is not None


def test_what_does_not_exist_is_not_observed(site: Site) -> None:
    """Documented: filters return what matches, unknown ids are no error there."""
    assert list(site.port.observe(["vpc-0123456789abcdef0"])) == []
    unknown = {"vpce-0123456789abcdef0", "subnet-0123456789abcdef0", "sg-0123456789abcdef0"}
    assert site.port.locate(unknown) == Located(frozenset(), frozenset(unknown))


def test_the_services_are_discovered_by_name_and_zone(site: Site) -> None:
    """Documented: DescribeVpcEndpointServices; the name is not built but found."""
    offer = site.port.offers()[Service.STATES]
    assert offer.name == NAME
    assert {"us-east-1a", "us-east-1b"} <= offer.zones
    assert Service.SYNC_STATES in site.port.offers()


def test_an_endpoint_is_created_with_all_it_needs(site: Site) -> None:
    """Documented: CreateVpcEndpoint takes policy, subnets, groups and private DNS at once."""
    endpoint_id = site.create()
    endpoint = site.endpoint()
    assert endpoint.endpoint_id == endpoint_id
    assert json.loads(endpoint.policy) == json.loads(BASELINE)
    assert len(endpoint.subnet_ids) == 3
    assert endpoint.tags[MANAGED_TAG]
    assert not endpoint.private_dns
    assert site.look().absent == ()
    assert site.port.locate([endpoint_id]).vpc_ids == {site.vpc_id}


def test_ids_without_a_vpc_lead_to_theirs(site: Site) -> None:
    """Documented: DescribeSubnets and DescribeSecurityGroups; one unknown id fails a call for all.

    What is known is told although something beside it is not.
    """
    subnet = site.look().subnets[0].subnet_id
    for known in (subnet, site.group(), site.create()):
        located = site.port.locate([known, f"{known.partition('-')[0]}-0fffffffffffffff0"])
        assert located.vpc_ids == {site.vpc_id}
        assert len(located.unknown) == 1
    assert site.port.vpcs_with_endpoints() == {site.vpc_id}


def test_every_vpc_is_observed_when_none_is_named(site: Site) -> None:
    """Documented: without a filter everything is described."""
    assert site.vpc_id in [vpc.vpc_id for vpc in site.port.observe()]


def test_a_policy_is_replaced(site: Site) -> None:
    """Documented: ModifyVpcEndpoint replaces the document."""
    endpoint_id = site.create()
    site.look()
    applied = site.port.apply(WritePolicy(endpoint_id, OPEN, BASELINE))
    assert applied.result is Result.APPLIED
    assert json.loads(site.endpoint().policy) == json.loads(OPEN)


def test_subnets_are_added(site: Site) -> None:
    """Documented: ModifyVpcEndpoint adds subnets to those in use."""
    endpoint_id = site.create(zones=1)
    third = sorted(s.subnet_id for s in site.look().subnets)
    rest = tuple(s for s in third if s not in site.endpoint().subnet_ids)
    site.port.apply(AddSubnets(endpoint_id, rest))
    assert site.endpoint().subnet_ids == frozenset(third)


def test_subnets_are_taken_out(site: Site) -> None:
    """Documented: ModifyVpcEndpoint removes subnets from those in use."""
    endpoint_id = site.create()
    first = sorted(site.endpoint().subnet_ids)[0]
    site.port.apply(RemoveSubnets(endpoint_id, (first,)))
    assert first not in site.endpoint().subnet_ids
    assert len(site.endpoint().subnet_ids) == 2


def test_private_dns_is_switched_off_and_on(strict: Site) -> None:
    """Documented: ModifyVpcEndpoint takes PrivateDnsEnabled either way."""
    endpoint_id = strict.create()
    for attribute in ("enableDnsSupport", "enableDnsHostnames"):
        strict.port.apply(EnableVpcDns(strict.vpc_id, attribute))
    strict.look()
    for enabled in (True, False):
        strict.port.apply(SetPrivateDns(endpoint_id, enabled=enabled))
        assert strict.endpoint().private_dns is enabled


def test_a_lost_tag_is_set_again(site: Site) -> None:
    """Documented: CreateTags sets one tag and leaves the others."""
    group_id = site.group()
    site.port.apply(RestoreTags(group_id))
    assert site.look().groups[0].tagged


def test_an_endpoint_and_then_its_group_are_deleted(site: Site) -> None:
    """Documented: DeleteVpcEndpoints; DeleteSecurityGroup once nothing uses the group."""
    group_id = site.group()
    site.port.apply(DeleteSecurityGroup(group_id))
    assert site.look().groups == ()
    endpoint_id = site.create()
    site.look()
    site.port.apply(DeleteEndpoint(site.vpc_id, ((Service.STATES, endpoint_id),)))
    assert site.look().endpoints == ()
    gone = DeleteEndpoint(site.vpc_id, ((Service.STATES, endpoint_id),))
    assert site.port.apply(gone).result in {Result.APPLIED, Result.GONE}


def test_a_group_in_use_stays(local: Site) -> None:
    """Documented: DependencyViolation, an outcome: the endpoint's interfaces use it until gone."""
    endpoint_id = local.create()
    local.look()
    group_id = next(iter(local.endpoint().group_ids))
    local.port.apply(DeleteEndpoint(local.vpc_id, ((Service.STATES, endpoint_id),)))
    assert local.port.apply(DeleteSecurityGroup(group_id)).result is Result.IN_USE
    assert local.look().absent[0].deleting


def test_the_interfaces_of_an_endpoint_are_told_from_others(local: Site) -> None:
    """Documented: an interface in each subnet; DescribeVpcEndpoints names them."""
    endpoint_id = local.create()
    endpoint = local.endpoint()
    found = local.port.interfaces(local.vpc_id)
    assert {i.interface_id for i in found} == endpoint.interface_ids
    assert {i.subnet_id for i in found} == endpoint.subnet_ids
    local.port.apply(DeleteEndpoint(local.vpc_id, ((Service.STATES, endpoint_id),)))
    (gone,) = local.look().absent
    assert gone.interface_ids == endpoint.interface_ids


def test_a_group_of_the_same_name_is_the_same_group(site: Site) -> None:
    """Documented: EC2 refuses a second group of a name in a VPC, which settles races."""
    assert site.group() == site.group()
    assert len(site.look().groups) == 1


def test_clients_are_let_in_once_however_often_asked(site: Site) -> None:
    """Documented: a rule that exists already is refused for the whole call."""
    group_id = site.group()
    site.port.apply(AuthorizeClients(group_id, ("10.0.0.0/16",)))
    site.port.apply(AuthorizeClients(group_id, ("10.0.0.0/16", "2001:db8::/56", "10.9.0.0/16")))
    assert site.look().groups[0].clients == {"10.0.0.0/16", "10.9.0.0/16", "2001:db8::/56"}


def test_a_group_is_attached_besides_others(site: Site) -> None:
    """Documented: ModifyVpcEndpoint adds groups."""
    endpoint_id = site.create()
    before = site.endpoint().group_ids
    site.port.apply(AttachSecurityGroup(endpoint_id, site.group()))
    assert site.endpoint().group_ids >= before


def test_dns_attributes_are_enabled_one_by_one(site: Site) -> None:
    """Documented: ModifyVpcAttribute takes one attribute per call."""
    for attribute in ("enableDnsSupport", "enableDnsHostnames"):
        site.port.apply(EnableVpcDns(site.vpc_id, attribute))
    dns = site.look().dns
    assert dns is not None
    assert dns.both


def test_a_deleted_endpoint_is_absent_and_can_still_be_located(site: Site) -> None:
    """Observed: EC2 goes on describing a deleted endpoint for a while, as `deleted`."""
    endpoint_id = site.create()
    site.delete(endpoint_id)
    vpc = site.look()
    assert vpc.endpoints == ()
    assert [gone.endpoint_id for gone in vpc.absent] == [endpoint_id]
    assert site.port.locate([endpoint_id]).vpc_ids == {site.vpc_id}


def test_the_same_creation_again_makes_no_second_endpoint(strict: Site) -> None:
    """Documented: a client token used again with the same parameters makes nothing new."""
    assert strict.create() == strict.create()
    assert len(strict.look().endpoints) == 1


def test_private_dns_without_the_attributes_is_refused(strict: Site) -> None:
    """Documented: it needs DNS support and DNS hostnames; the error can be tried again."""
    endpoint_id = strict.create()
    strict.look()
    strict.port.apply(EnableVpcDns(strict.vpc_id, "enableDnsSupport"))
    strict.without_hostnames()
    with pytest.raises(RetryableError, match="requires both enableDnsSupport"):
        strict.port.apply(SetPrivateDns(endpoint_id))
    strict.port.apply(EnableVpcDns(strict.vpc_id, "enableDnsHostnames"))
    strict.port.apply(SetPrivateDns(endpoint_id))
    assert strict.endpoint().private_dns


def test_a_second_subnet_of_a_zone_is_refused(strict: Site) -> None:
    """Documented: DuplicateSubnetsInSameZone; the error can be tried again."""
    endpoint_id = strict.create()
    second = strict.add_subnet()
    strict.look()
    with pytest.raises(RetryableError, match="DuplicateSubnetsInSameZone"):
        strict.port.apply(AddSubnets(endpoint_id, (second,)))
    assert second not in strict.endpoint().subnet_ids


def test_every_statement_says_how_sure_it_is() -> None:
    """The first word of its docstring: documented, observed, inferred."""
    said = {
        name: str(found.__doc__).partition(":")[0]
        for name, found in globals().items()
        if name.startswith("test_")
        and {"site", "strict", "local"} & set(signature(found).parameters)
    }
    assert len(said) > 10
    assert set(said.values()) <= {"Documented", "Observed", "Inferred"}

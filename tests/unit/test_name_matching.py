"""Which zone or rule answers for a service's name, and which only looks as if it did."""

from __future__ import annotations

import pytest

from guardrail.core.resolution import Source, Way, answer, covers

NAME = "states.us-east-1.amazonaws.com"
OTHER = "states.us-east-1.api.aws"


def zone(domain: str = NAME, profile_id: str = "") -> Source:
    """Return a private hosted zone."""
    return Source("private hosted zone Z1", domain, Way.ZONE, profile_id)


def forward(domain: str, profile_id: str = "") -> Source:
    """Return a forwarding rule."""
    return Source("forwarding rule rslvr-rr-1", domain, Way.FORWARD, profile_id)


def system(domain: str, profile_id: str = "") -> Source:
    """Return a rule that leaves a domain to the resolver."""
    return Source("system rule rslvr-rr-2", domain, Way.SYSTEM, profile_id)


def test_without_sources_the_public_dns_answers() -> None:
    """Nothing is named then."""
    assert answer([NAME], []) is None


@pytest.mark.parametrize("written", [NAME, f"{NAME}.", NAME.upper()])
def test_a_zone_of_the_name_answers(written: str) -> None:
    """However it is written, on either side."""
    told = f"private hosted zone Z1 ({NAME})"
    assert answer([NAME], [zone(written)]) == told
    assert answer([written], [zone()]) == told


@pytest.mark.parametrize(
    "domain", ["us-east-1.amazonaws.com", "amazonaws.com", f"x.{NAME}", f"sync-{NAME}", "com", "."]
)
def test_a_zone_of_another_name_does_not_answer(domain: str) -> None:
    """Not even a parent's: without a record it says that there is no such name."""
    assert answer([NAME], [zone(domain)]) is None


@pytest.mark.parametrize(
    "domain", [NAME, "us-east-1.amazonaws.com.", "AmazonAWS.com", "amazonaws.com"]
)
def test_a_forwarding_rule_answers_for_its_domain_and_below(domain: str) -> None:
    """The report names the rule's domain."""
    told = f"forwarding rule rslvr-rr-1 ({domain.lower().rstrip('.')})"
    assert answer([NAME], [forward(domain)]) == told


@pytest.mark.parametrize(
    "domain", [f"x.{NAME}", f"sync-{NAME}", "ates.us-east-1.amazonaws.com", "aws.com", "api.aws"]
)
def test_a_rule_of_another_domain_does_not_answer(domain: str) -> None:
    """Labels are compared whole."""
    assert answer([NAME], [forward(domain)]) is None


@pytest.mark.parametrize(
    ("domain", "name"),
    [(".", NAME), ("", NAME), ("com", NAME), ("com.cn", "states.cn-north-1.amazonaws.com.cn")],
)
def test_a_rule_for_the_whole_internet_says_nothing_about_the_service(
    domain: str, name: str
) -> None:
    """Whoever forwards everything did not think of this endpoint."""
    assert answer([name], [forward(domain)]) is None
    assert answer([name], [forward(domain), zone(name)]) == f"private hosted zone Z1 ({name})"


def test_a_system_rule_takes_its_domain_back() -> None:
    """The most specific rule decides, in whichever order they come."""
    broad, narrow = forward("amazonaws.com"), system("us-east-1.amazonaws.com")
    assert answer([NAME], [broad, narrow]) is None
    assert answer([NAME], [narrow, broad]) is None
    again = answer([NAME], [broad, narrow, forward(NAME)])
    assert again == f"forwarding rule rslvr-rr-1 ({NAME})"


def test_a_zone_answers_below_a_system_rule_and_inside_a_broader_forwarding_rule() -> None:
    """The resolver that the one keeps the name for has the zone; the other is less specific."""
    for rule in (system("amazonaws.com"), system(NAME), forward("amazonaws.com")):
        assert answer([NAME], [rule, zone()]) == f"private hosted zone Z1 ({NAME})"


def test_a_rule_comes_before_a_zone_of_the_same_domain() -> None:
    """Documented: the Resolver rule takes precedence."""
    told = f"forwarding rule rslvr-rr-1 ({NAME})"
    assert answer([NAME], [zone(), forward(NAME)]) == told


def test_what_a_profile_brings_is_said_with_the_profile() -> None:
    """The owner of a VPC may not know the zone, but the Profile."""
    told = f"Route 53 Profile rp-1 (private hosted zone Z1, {NAME})"
    assert answer([NAME], [zone(profile_id="rp-1")]) == told
    told = "Route 53 Profile rp-1 (forwarding rule rslvr-rr-1, amazonaws.com)"
    assert answer([NAME], [forward("amazonaws.com", "rp-1")]) == told


def test_of_the_same_domain_the_vpcs_own_comes_before_the_profiles() -> None:
    """Documented, as is that the more specific one wins whoever brings it."""
    own = f"private hosted zone Z1 ({NAME})"
    assert answer([NAME], [zone(profile_id="rp-1"), zone()]) == own
    assert answer([NAME], [forward(NAME, "rp-1"), zone()]) == own
    assert answer([NAME], [forward("amazonaws.com", "rp-1"), system("amazonaws.com")]) is None
    narrow = forward("us-east-1.amazonaws.com", "rp-1")
    told = "Route 53 Profile rp-1 (forwarding rule rslvr-rr-1, us-east-1.amazonaws.com)"
    assert answer([NAME], [system("amazonaws.com"), narrow]) == told


def test_one_of_several_names_is_enough() -> None:
    """A service has a name in each domain of AWS."""
    assert answer([NAME, OTHER], [zone(OTHER)]) == f"private hosted zone Z1 ({OTHER})"
    assert answer([OTHER], [zone(NAME)]) is None
    assert answer([], [zone(NAME)]) is None


def test_the_root_covers_every_name_and_a_name_covers_itself() -> None:
    """And nothing covers what only ends with the same letters."""
    assert covers(".", NAME)
    assert covers(NAME, f"{NAME.upper()}.")
    assert not covers("azonaws.com", NAME)

"""What the network port does where EC2 fails, which the fakes do not."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from network_site import IMPATIENT, NAME, Site, moto_site

from guardrail.aws.network import Ec2Network
from guardrail.core.actions import (
    CreateEndpoint,
    RemoveSubnets,
    SetPrivateDns,
    WritePolicy,
)
from guardrail.core.model import Intent
from guardrail.core.names import Service
from guardrail.errors import RefusedError, RetryableError, TerminalError
from guardrail.ports import Result
from support.fakes import ACCOUNT, BASELINE, OPEN


class TestOnMoto:
    """What only the real adapter has."""

    def test_other_services_endpoints_are_not_seen_and_never_modified(
        self, intent: Intent, stack: str
    ) -> None:
        """IAM cannot restrict ModifyVpcEndpoint to a service, so the adapter does."""
        site = moto_site(intent, stack)
        ec2 = boto3.client("ec2")
        other = ec2.create_vpc_endpoint(
            VpcId=site.vpc_id,
            ServiceName="com.amazonaws.us-east-1.sqs",
            VpcEndpointType="Interface",
        )["VpcEndpoint"]["VpcEndpointId"]
        assert site.look().endpoints == ()
        with pytest.raises(RefusedError, match="not seen to be an endpoint of Step Functions"):
            site.port.apply(WritePolicy(other, BASELINE, OPEN))

    def test_an_endpoint_that_is_gone_by_now_is_an_outcome(
        self, intent: Intent, stack: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """NotFound at the write is no error."""
        site = moto_site(intent, stack)
        endpoint_id = site.create()
        site.look()
        error: Any = {"Error": {"Code": "InvalidVpcEndpointId.NotFound", "Message": "gone"}}

        def gone(*_: object, **__: object) -> None:
            raise ClientError(error, "ModifyVpcEndpoint")

        monkeypatch.setattr(site.port._writing._ec2, "modify_vpc_endpoint", gone)  # type: ignore[attr-defined]  # noqa: SLF001
        assert site.port.apply(SetPrivateDns(endpoint_id)).result is Result.GONE

    def test_dns_attributes_are_asked_only_where_they_matter(self, stack: str) -> None:
        """Two calls per VPC are spared when an endpoint with private DNS stands."""
        site = moto_site(Intent(services=(Service.STATES,)), stack)
        group_id = site.group()
        subnets = tuple(s.subnet_id for s in site.look().subnets)
        site.port.apply(
            CreateEndpoint(
                site.vpc_id,
                Service.STATES,
                NAME,
                BASELINE,
                subnets,
                group_id,
                private_dns=True,
                generation=0,
            )
        )
        assert site.look().dns is None

    def test_more_vpcs_than_a_filter_takes_are_observed(self, intent: Intent, stack: str) -> None:
        """Filters take 200 values; the rest is asked in further calls."""
        site = moto_site(intent, stack)
        unknown = [f"vpc-{number:017x}" for number in range(450)]
        assert [v.vpc_id for v in site.port.observe([*unknown, site.vpc_id])] == [site.vpc_id]

    def test_private_dns_that_is_off_on_a_managed_endpoint_is_asked_about(self, stack: str) -> None:
        """The tag is reason enough to ask; whether it is managed the records tell later."""
        site = moto_site(Intent(services=(Service.STATES,)), stack)
        site.create()
        assert site.look().dns is not None

    def test_a_vpc_of_another_account_is_not_asked_for_its_attributes(
        self, intent: Intent, stack: str
    ) -> None:
        """A participant's role cannot ask about the owner's VPC; its denial would stop a sweep."""
        site = moto_site(intent, stack)
        port = Ec2Network(
            boto3.client("ec2"),
            intent,
            account_id="999999999999",
            stack_id=stack,
            patience=IMPATIENT,
        )
        (vpc,) = port.observe([site.vpc_id])
        assert (vpc.owner_id, vpc.dns) == (ACCOUNT, None)

    def test_a_vpc_that_goes_while_it_is_observed_is_not_there(
        self, intent: Intent, stack: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One deletion at the wrong moment does not stop the sweep of the others."""
        site = moto_site(intent, stack)
        _answer(monkeypatch, site, "describe_vpc_attribute", "InvalidVpcID.NotFound")
        assert list(site.port.observe([site.vpc_id])) == []

    @pytest.mark.parametrize(
        ("code", "kind"),
        [("UnauthorizedOperation", TerminalError), ("RequestLimitExceeded", RetryableError)],
    )
    def test_one_vpcs_attributes_that_cannot_be_read_hide_neither_it_nor_the_others(
        self,
        intent: Intent,
        stack: str,
        monkeypatch: pytest.MonkeyPatch,
        code: str,
        kind: type[Exception],
    ) -> None:
        """A policy may deny it, and EC2 may throttle it: that is told of this VPC alone."""
        site = moto_site(intent, stack)
        _answer(monkeypatch, site, "describe_vpc_attribute", code)
        (vpc,) = (v for v in site.port.observe() if v.vpc_id == site.vpc_id)
        assert (type(vpc.unread), vpc.dns, len(vpc.subnets)) == (kind, None, 3)
        assert site.vpc_id in str(vpc.unread)

    def test_a_group_that_another_invocation_made_may_be_invisible_yet(
        self, intent: Intent, stack: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """EC2 refuses the name before it describes the group: retryable, never a crash."""
        site = moto_site(intent, stack)
        _answer(monkeypatch, site, "create_security_group", "InvalidGroup.Duplicate")
        with pytest.raises(RetryableError, match="does not describe it yet"):
            site.group()

    def test_a_subnet_that_is_gone_keeps_no_other_in_the_endpoint(
        self, intent: Intent, stack: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Alone it is what was wanted; among several, the others are still to be taken out."""
        site = moto_site(intent, stack)
        endpoint_id = site.create()
        one, two, _ = sorted(site.endpoint().subnet_ids)
        _answer(monkeypatch, site, "modify_vpc_endpoint", "InvalidSubnetID.NotFound")
        assert site.port.apply(RemoveSubnets(endpoint_id, (one,))).result is Result.GONE
        with pytest.raises(RetryableError):
            site.port.apply(RemoveSubnets(endpoint_id, (one, two)))

    def test_a_service_with_two_names_is_created_by_the_plain_one_and_seen_by_both(
        self, intent: Intent, stack: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A region that offers FIPS endpoints besides hides neither kind from enforcement."""
        site = moto_site(intent, stack)
        names = (NAME, f"{NAME}-fips")
        details = [_detail(name) for name in names]
        monkeypatch.setattr(site.port, "_service_pages", lambda: iter([details]))
        assert site.port.offers()[Service.STATES].name == NAME
        for name in names:
            boto3.client("ec2").create_vpc_endpoint(
                VpcId=site.vpc_id, ServiceName=name, VpcEndpointType="Interface"
            )
        seen = site.look()
        assert [e.service for e in seen.endpoints] == [Service.STATES] * 2
        assert sorted(e.aside for e in seen.endpoints) == [False, True]
        assert len(seen.endpoints_of(Service.STATES)) == 1, "the other answers for its own name"


def _detail(name: str) -> dict[str, Any]:
    kinds = [{"ServiceType": "Interface"}]
    return {"ServiceName": name, "Owner": "amazon", "ServiceType": kinds}


def _answer(monkeypatch: pytest.MonkeyPatch, site: Site, call: str, code: str) -> None:
    """Let a call of the adapter's client fail with `code`."""

    def fail(*_: object, **__: object) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, call)

    monkeypatch.setattr(site.port._ec2, call, fail)  # type: ignore[attr-defined]  # noqa: SLF001

"""The network port on Amazon EC2: batched reads, one call per write.

Before an endpoint is modified its service is checked: IAM cannot (ModifyVpcEndpoint has no
condition key for the service), so this module is what keeps other services' endpoints safe.
Source: service authorization reference, "Actions, resources, and condition keys for Amazon EC2".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from guardrail.aws import reading
from guardrail.aws.failures import GONE, error_code, translated
from guardrail.aws.writing import Writing
from guardrail.core.model import (
    Action,
    Endpoint,
    Intent,
    ObservedVpc,
    SecurityGroup,
    Service,
    ServiceOffer,
    Subnet,
)
from guardrail.core.plan import needs_dns
from guardrail.core.provision import group_name
from guardrail.ports import Applied
from guardrail.reconcile import is_of_stack

if TYPE_CHECKING:
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_ec2.type_defs import (
        FilterTypeDef,
        PaginatorConfigTypeDef,
        ServiceDetailTypeDef,
        VpcEndpointTypeDef,
        VpcTypeDef,
    )

_FILTER_VALUES = 200
"""Values per filter. Source: Amazon EC2 API reference, "List and filter using the API"."""

_PAGE: PaginatorConfigTypeDef = {"PageSize": 1000}
"""Unpaginated describes draw on a smaller bucket.

Source: Amazon EC2 developer guide, "Request throttling for the Amazon EC2 API".
"""


class Ec2Network:
    """The VPCs and endpoints of the client's region; see `guardrail.ports.Network`."""

    def __init__(
        self, client: EC2Client, intent: Intent, *, account_id: str, stack_id: str
    ) -> None:
        self._ec2 = client
        self._intent = intent
        self._account_id = account_id
        self._stack_id = stack_id
        self._found: Sequence[ServiceOffer] | None = None
        self._writing = Writing(client, stack_id)

    def vpcs(self) -> Sequence[str]:
        """See `Network.vpcs`."""
        return [vpc.get("VpcId", "") for vpc in self._describe_vpcs([])]

    def offers(self) -> Mapping[Service, ServiceOffer]:
        """See `Network.offers`; where a service has two names, the one without `-fips`."""
        by_preference = sorted(self._all_offers(), key=lambda offer: not reading.is_fips(offer))
        return {offer.service: offer for offer in by_preference}

    def observe(self, vpc_ids: Collection[str]) -> Sequence[ObservedVpc]:
        """See `Network.observe`; the number of calls grows with pages, not with VPCs."""
        with translated(f"describing {_named(vpc_ids)}"):
            return [vpc for chunk in _chunks(vpc_ids) for vpc in self._observe(chunk)]

    def locate(self, ids: Collection[str]) -> frozenset[str]:
        """See `Network.locate`; a deleted endpoint is still described for a while."""
        endpoint_ids = sorted(i for i in ids if i.startswith("vpce-"))
        if not endpoint_ids:
            return frozenset()
        with translated(f"looking up {_named(endpoint_ids)}"):
            return frozenset(self._locate(endpoint_ids))

    def apply(self, action: Action) -> Applied:
        """See `Network.apply`."""
        return self._writing.apply(action)

    def _all_offers(self) -> Sequence[ServiceOffer]:
        """Return every name of every service; asked once, since they change rarely."""
        if self._found is None:
            with translated("describing the region's PrivateLink services"):
                pages = self._service_pages()
                found = [reading.offer(detail) for page in pages for detail in page]
            self._found = [offer for offer in found if offer]
        return self._found

    def _observe(self, vpc_ids: list[str]) -> Iterator[ObservedVpc]:
        of_vpcs: FilterTypeDef = {"Name": "vpc-id", "Values": vpc_ids}
        subnets = self._subnets(of_vpcs)
        endpoints, absent = self._endpoints(of_vpcs)
        groups = self._groups(of_vpcs)
        for found in self._describe_vpcs([of_vpcs]):
            vpc = reading.observed_vpc(found)
            whole = replace(
                vpc,
                subnets=tuple(subnets[vpc.vpc_id]),
                endpoints=tuple(endpoints[vpc.vpc_id]),
                groups=tuple(groups[vpc.vpc_id]),
                absent=frozenset(absent[vpc.vpc_id]),
            )
            try:
                yield self._with_dns(whole)
            except ClientError as error:
                # Deleted since it was described: then there is nothing to observe.
                if error_code(error) not in GONE:
                    raise

    def _describe_vpcs(self, filters: list[FilterTypeDef]) -> Iterator[VpcTypeDef]:
        with translated("describing VPCs"):
            for page in self._ec2.get_paginator("describe_vpcs").paginate(
                Filters=filters, PaginationConfig=_PAGE
            ):
                yield from page["Vpcs"]

    def _subnets(self, of_vpcs: FilterTypeDef) -> Mapping[str, list[Subnet]]:
        subnets: dict[str, list[Subnet]] = defaultdict(list)
        for page in self._ec2.get_paginator("describe_subnets").paginate(
            Filters=[of_vpcs], PaginationConfig=_PAGE
        ):
            for found in page["Subnets"]:
                if usable := reading.subnet(found):
                    subnets[found.get("VpcId", "")].append(usable)
        return subnets

    def _endpoints(
        self, of_vpcs: FilterTypeDef
    ) -> tuple[Mapping[str, list[Endpoint]], Mapping[str, list[str]]]:
        services = {offer.name: offer.service for offer in self._all_offers()}
        alive: dict[str, list[Endpoint]] = defaultdict(list)
        absent: dict[str, list[str]] = defaultdict(list)
        for found in self._describe_endpoints([of_vpcs]):
            service = services.get(found.get("ServiceName", ""))
            if service is None or found.get("RequesterManaged"):
                continue
            vpc_id = found.get("VpcId", "")
            if reading.is_alive(found):
                seen = reading.endpoint(found, service)
                self._writing.may_modify(seen.endpoint_id)
                alive[vpc_id].append(seen)
            else:
                absent[vpc_id].append(found.get("VpcEndpointId", ""))
        return alive, absent

    def _describe_endpoints(self, filters: list[FilterTypeDef]) -> Iterator[VpcEndpointTypeDef]:
        paginator = self._ec2.get_paginator("describe_vpc_endpoints")
        for page in paginator.paginate(Filters=filters, PaginationConfig=_PAGE):
            yield from page["VpcEndpoints"]

    def _groups(self, of_vpcs: FilterTypeDef) -> Mapping[str, list[SecurityGroup]]:
        names = [group_name(service) for service in Service]
        named: FilterTypeDef = {"Name": "group-name", "Values": names}
        groups: dict[str, list[SecurityGroup]] = defaultdict(list)
        paginator = self._ec2.get_paginator("describe_security_groups")
        for page in paginator.paginate(Filters=[of_vpcs, named], PaginationConfig=_PAGE):
            for found in page["SecurityGroups"]:
                # A group of somebody else that bears our name is none of ours.
                if not is_of_stack(reading.tag_map(found.get("Tags", [])), self._stack_id):
                    continue
                groups[found.get("VpcId", "")].append(reading.security_group(found))
        return groups

    def _with_dns(self, vpc: ObservedVpc) -> ObservedVpc:
        """Add the DNS attributes where a decision depends on them: two calls per VPC."""
        if not self._asks_dns(vpc):
            return vpc
        support = self._ec2.describe_vpc_attribute(
            VpcId=vpc.vpc_id, Attribute="enableDnsSupport"
        ).get("EnableDnsSupport", {})
        hostnames = self._ec2.describe_vpc_attribute(
            VpcId=vpc.vpc_id, Attribute="enableDnsHostnames"
        ).get("EnableDnsHostnames", {})
        attributes = reading.dns_attributes(
            support=support.get("Value"), hostnames=hostnames.get("Value")
        )
        return replace(vpc, dns=attributes)

    def _asks_dns(self, vpc: ObservedVpc) -> bool:
        """Whether to ask: never of a VPC that is shared with us, whose attributes are not ours.

        Which endpoints are managed is known only later, so those that the tag says are count.
        """
        tagged = (is_of_stack(e.tags, self._stack_id) for e in vpc.endpoints)
        hinted = tuple(
            replace(e, managed=ours) for e, ours in zip(vpc.endpoints, tagged, strict=True)
        )
        own = vpc.owner_id == self._account_id
        return own and needs_dns(replace(vpc, endpoints=hinted), self._intent)

    def _service_pages(self) -> Iterator[list[ServiceDetailTypeDef]]:
        paginator = self._ec2.get_paginator("describe_vpc_endpoint_services")
        for page in paginator.paginate(PaginationConfig=_PAGE):
            yield page["ServiceDetails"]

    def _locate(self, endpoint_ids: list[str]) -> Iterator[str]:
        try:
            described = self._ec2.describe_vpc_endpoints(VpcEndpointIds=endpoint_ids)
            found = described["VpcEndpoints"]
        except ClientError as error:
            if error_code(error) not in GONE:
                raise
            # One unknown id fails the call for all of them, so look through the region's.
            everything = self._describe_endpoints([])
            found = [e for e in everything if e.get("VpcEndpointId") in endpoint_ids]
        yield from (e.get("VpcId", "") for e in found)


def _chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    ordered = sorted(ids)
    for start in range(0, len(ordered), _FILTER_VALUES):
        yield ordered[start : start + _FILTER_VALUES]


def _named(ids: Collection[str]) -> str:
    shown = sorted(ids)[:3]
    more = f" and {len(ids) - len(shown)} more" if len(ids) > len(shown) else ""
    return f"{', '.join(shown)}{more}"

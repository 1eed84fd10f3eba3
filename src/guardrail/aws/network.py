"""The network port on Amazon EC2: batched reads, one call per write.

Before an endpoint is modified its service is checked: IAM cannot (ModifyVpcEndpoint has no
condition key for the service), so this module is what keeps other services' endpoints safe.
Source: service authorization reference, "Actions, resources, and condition keys for Amazon EC2".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from guardrail.aws import reading, trial
from guardrail.aws.failures import GONE, error_code, translated
from guardrail.aws.locating import locate
from guardrail.aws.patience import Patience
from guardrail.aws.writing import Writing
from guardrail.core.actions import Action
from guardrail.core.model import (
    AbsentEndpoint,
    DnsAttributes,
    Endpoint,
    Intent,
    Interface,
    ObservedVpc,
    SecurityGroup,
    ServiceOffer,
    Subnet,
)
from guardrail.core.names import Service, group_name, is_of_stack
from guardrail.core.plan import needs_dns
from guardrail.core.trials import Write
from guardrail.errors import GuardrailError
from guardrail.permissions import Try
from guardrail.ports import Applied, Glimpse, Located

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
        self,
        client: EC2Client,
        intent: Intent,
        *,
        account_id: str,
        stack_id: str,
        patience: Patience,
    ) -> None:
        self._ec2 = client
        self._intent = intent
        self._account_id = account_id
        self._stack_id = stack_id
        self._found: Sequence[ServiceOffer] | None = None
        self._own_vpc: str | None = None
        self._writing = Writing(client, stack_id, patience)

    def offers(self) -> Mapping[Service, ServiceOffer]:
        """See `Network.offers`; where a service has two names, the one without `-fips`."""
        by_preference = sorted(self._all_offers(), key=lambda offer: not reading.is_fips(offer))
        return {offer.service: offer for offer in by_preference}

    def observe(self, vpc_ids: Collection[str] | None = None) -> Sequence[ObservedVpc]:
        """See `Network.observe`; the number of calls grows with pages, not with VPCs."""
        if vpc_ids is None:
            with translated("describing every VPC"):
                return list(self._observe([]))
        with translated(f"describing {_named(vpc_ids)}"):
            filters: list[FilterTypeDef] = [
                {"Name": "vpc-id", "Values": chunk} for chunk in _chunks(vpc_ids)
            ]
            return [vpc for one in filters for vpc in self._observe([one])]

    def interfaces(self, vpc_id: str) -> Sequence[Interface]:
        """See `Network.interfaces`."""
        paginator = self._ec2.get_paginator("describe_network_interfaces")
        of_vpc: FilterTypeDef = {"Name": "vpc-id", "Values": [vpc_id]}
        with translated(f"describing the network interfaces of {vpc_id}"):
            pages = paginator.paginate(Filters=[of_vpc], PaginationConfig=_PAGE)
            return [reading.interface(i) for page in pages for i in page["NetworkInterfaces"]]

    def dns(self, vpc_id: str) -> DnsAttributes | None:
        """See `Network.dns`."""
        with translated(f"describing the DNS attributes of {vpc_id}"):
            try:
                return self._dns(vpc_id)
            except ClientError as error:
                if error_code(error) not in GONE:
                    raise
                return None

    def locate(self, ids: Collection[str]) -> Located:
        """See `Network.locate`; a deleted endpoint is still described for a while."""
        with translated(f"looking up {_named(ids)}"):
            return locate(self._ec2, ids)

    def glance(self, endpoint_ids: Collection[str]) -> Sequence[Glimpse] | None:
        """See `Network.glance`; the name's last label tells the service, as with offers."""
        with translated(f"looking at {_named(endpoint_ids)}"):
            try:
                answer = self._ec2.describe_vpc_endpoints(VpcEndpointIds=sorted(endpoint_ids))
            except ClientError as error:
                if error_code(error) not in GONE:
                    raise
                return None
        found = answer["VpcEndpoints"]
        if len(found) < len(endpoint_ids) or not all(map(reading.is_alive, found)):
            return None
        return [glimpse for one in found if (glimpse := self._glimpse(one))]

    def settled_policy(self, endpoint_id: str, fits: Callable[[str], bool]) -> str | None:
        """See `Network.settled_policy`."""
        with translated(f"verifying the policy of {endpoint_id}"):
            return self._writing.settled_policy(endpoint_id, fits)

    def trials(self) -> dict[Write, Try]:
        """Return the writes that can be tried, without writing, on what was seen last."""
        offer = next(iter(self.offers().values()), None)
        return trial.possible(
            self._ec2,
            endpoint_id=self._writing.known_endpoint,
            vpc_id=self._own_vpc,
            service_name=offer.name if offer else None,
            tags=self._writing.tags("vpc-endpoint"),
        )

    def vpcs_with_endpoints(self) -> frozenset[str]:
        """See `Network.vpcs_with_endpoints`."""
        with translated("describing the region's endpoints"):
            return frozenset(e.get("VpcId", "") for e in self._step_functions_endpoints([]))

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

    def _observe(self, filters: list[FilterTypeDef]) -> Iterator[ObservedVpc]:
        subnets = self._subnets(filters)
        endpoints, absent = self._endpoints(filters)
        groups = self._groups(filters)
        for found in self._describe_vpcs(filters):
            vpc = reading.observed_vpc(found)
            self._own_vpc = vpc.vpc_id if vpc.owner_id == self._account_id else self._own_vpc
            whole = replace(
                vpc,
                subnets=tuple(subnets[vpc.vpc_id]),
                endpoints=tuple(endpoints[vpc.vpc_id]),
                groups=tuple(groups[vpc.vpc_id]),
                absent=tuple(absent[vpc.vpc_id]),
            )
            if known := self._known(whole):
                yield known

    def _known(self, vpc: ObservedVpc) -> ObservedVpc | None:
        """Return the VPC with its DNS attributes; None if it was deleted since it was described.

        A refusal is about this VPC alone: it hides neither the others nor this one's policies.
        """
        try:
            with translated(f"reading the DNS attributes of {vpc.vpc_id}"):
                return self._with_dns(vpc)
        except GuardrailError as why:
            cause = why.__cause__
            gone = isinstance(cause, ClientError) and error_code(cause) in GONE
            return None if gone else replace(vpc, unread=why)

    def _describe_vpcs(self, filters: list[FilterTypeDef]) -> Iterator[VpcTypeDef]:
        with translated("describing VPCs"):
            for page in self._ec2.get_paginator("describe_vpcs").paginate(
                Filters=filters, PaginationConfig=_PAGE
            ):
                yield from page["Vpcs"]

    def _subnets(self, filters: list[FilterTypeDef]) -> Mapping[str, list[Subnet]]:
        subnets: dict[str, list[Subnet]] = defaultdict(list)
        for page in self._ec2.get_paginator("describe_subnets").paginate(
            Filters=filters, PaginationConfig=_PAGE
        ):
            for found in page["Subnets"]:
                if usable := reading.subnet(found):
                    subnets[found.get("VpcId", "")].append(usable)
        return subnets

    def _endpoints(
        self, filters: list[FilterTypeDef]
    ) -> tuple[Mapping[str, list[Endpoint]], Mapping[str, list[AbsentEndpoint]]]:
        services = {offer.name: offer.service for offer in self._all_offers()}
        alive: dict[str, list[Endpoint]] = defaultdict(list)
        absent: dict[str, list[AbsentEndpoint]] = defaultdict(list)
        for found in self._step_functions_endpoints(filters):
            service, vpc_id = services[found.get("ServiceName", "")], found.get("VpcId", "")
            self._writing.may_modify(found.get("VpcEndpointId", ""))
            if reading.is_alive(found):
                aside = found.get("ServiceName") != self.offers()[service].name
                alive[vpc_id].append(replace(reading.endpoint(found, service), aside=aside))
            else:
                absent[vpc_id].append(reading.absent_endpoint(found, service))
        return alive, absent

    def _step_functions_endpoints(
        self, filters: list[FilterTypeDef]
    ) -> Iterator[VpcEndpointTypeDef]:
        """Yield this region's Step Functions endpoints that are no other service's own."""
        names = {offer.name for offer in self._all_offers()}
        paginator = self._ec2.get_paginator("describe_vpc_endpoints")
        for page in paginator.paginate(Filters=filters, PaginationConfig=_PAGE):
            for found in page["VpcEndpoints"]:
                if found.get("ServiceName") in names and self._is_here(found):
                    yield found

    def _is_here(self, found: VpcEndpointTypeDef) -> bool:
        """Whether the endpoint reaches this region's service, and is no other service's own."""
        here = {None, "", self._ec2.meta.region_name}
        return found.get("ServiceRegion") in here and not found.get("RequesterManaged")

    def _glimpse(self, found: VpcEndpointTypeDef) -> Glimpse | None:
        service = reading.service_of(found.get("ServiceName", ""))
        if service is None or not self._is_here(found):
            return None
        return Glimpse(found.get("VpcId", ""), reading.endpoint(found, service))

    def _groups(self, filters: list[FilterTypeDef]) -> Mapping[str, list[SecurityGroup]]:
        names = [group_name(service) for service in Service]
        named: FilterTypeDef = {"Name": "group-name", "Values": names}
        groups: dict[str, list[SecurityGroup]] = defaultdict(list)
        paginator = self._ec2.get_paginator("describe_security_groups")
        for page in paginator.paginate(Filters=[*filters, named], PaginationConfig=_PAGE):
            for found in page["SecurityGroups"]:
                group = reading.security_group(found, self._stack_id)
                groups[found.get("VpcId", "")].append(group)
        return groups

    def _with_dns(self, vpc: ObservedVpc) -> ObservedVpc:
        """Add the DNS attributes where a decision depends on them: two calls per VPC."""
        return replace(vpc, dns=self._dns(vpc.vpc_id)) if self._asks_dns(vpc) else vpc

    def _dns(self, vpc_id: str) -> DnsAttributes:
        support = self._ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute="enableDnsSupport").get(
            "EnableDnsSupport", {}
        )
        hostnames = self._ec2.describe_vpc_attribute(
            VpcId=vpc_id, Attribute="enableDnsHostnames"
        ).get("EnableDnsHostnames", {})
        return reading.dns_attributes(
            support=support.get("Value"), hostnames=hostnames.get("Value")
        )

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


def _chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    ordered = sorted(ids)
    for start in range(0, len(ordered), _FILTER_VALUES):
        yield ordered[start : start + _FILTER_VALUES]


def _named(ids: Collection[str]) -> str:
    shown = sorted(ids)[:3]
    more = f" and {len(ids) - len(shown)} more" if len(ids) > len(shown) else ""
    return f"{', '.join(shown)}{more}"

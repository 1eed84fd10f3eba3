"""Route 53 Profiles: which one a VPC has, and what is in it.

What a Profile's association with an endpoint tells was seen in public: the service's name, and by
the id of a zone each private name, as `{"ServiceName": "com.amazonaws.us-east-2.ssmmessages.",
"Z017...": "ssmmessages.us-east-2.amazonaws.com."}`. So nothing has to be asked about an endpoint,
which is mostly another account's. What it tells of a hosted zone was not seen.
Sources: AWS provider of Terraform, issues 42489, 42558, 43494 and 44051; Amazon Route 53 API
reference, ListProfileAssociations and ListProfileResourceAssociations.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from botocore.exceptions import ClientError

from guardrail.aws.failures import error_code
from guardrail.aws.unstubbed import LIVE, PAGE, Listing, Page


@dataclass(frozen=True, slots=True)
class Resource:
    """Something in a Profile: `kind` as in its ARN, such as hostedzone or resolver-rule.

    `names` are those that the association tells.
    """

    profile_id: str
    kind: str
    resource_id: str
    names: tuple[str, ...]


class DnsProfiles:
    """The Profiles that the VPCs of one region have; `make` makes the client."""

    def __init__(self, make: Callable[[], Listing]) -> None:
        self._client = cache(make)

    def of_vpc(self, vpc_id: str) -> list[Resource]:
        """Return what a VPC gets from its Profile."""
        paginator = self._client().get_paginator("list_profile_associations")
        return [
            resource
            for page in paginator.paginate(ResourceId=vpc_id, PaginationConfig=PAGE)
            for association in page["ProfileAssociations"]
            if association["Status"] in LIVE
            for resource in self._in(association["ProfileId"])
        ]

    def _in(self, profile_id: str) -> list[Resource]:
        try:
            return list(self._resources(profile_id))
        except ClientError as error:
            # Deleted since the VPC's association was listed.
            if error_code(error) != "ResourceNotFoundException":
                raise
            return []

    def _resources(self, profile_id: str) -> Iterator[Resource]:
        paginator = self._client().get_paginator("list_profile_resource_associations")
        for page in paginator.paginate(ProfileId=profile_id, PaginationConfig=PAGE):
            for found in page["ProfileResourceAssociations"]:
                if found["Status"] in LIVE:
                    # arn:<partition>:<service>:<region>:<account>:<kind>/<id>
                    kind, _, resource_id = found["ResourceArn"].split(":", 5)[5].partition("/")
                    yield Resource(profile_id, kind, resource_id, _told(found))


def _told(association: Page) -> tuple[str, ...]:
    try:
        properties = json.loads(association.get("ResourceProperties") or "{}")
    except ValueError:
        return ()
    told = properties.items() if isinstance(properties, dict) else ()
    # Of a firewall's rule group it is a number, its priority.
    return tuple(v for k, v in told if isinstance(v, str) and k != "ServiceName")

"""The Profiles of one region, and what they are associated with; see `profiles`."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from guardrail_sandbox import moto_state
from guardrail_sandbox.route53.endpoint_zones import zones_of

_TYPES = {
    "hostedzone": "PRIVATE_HOSTED_ZONE",
    "resolver-rule": "RESOLVER_RULE",
    "vpc-endpoint": "VPC_ENDPOINT",
    "firewall-rule-group": "FIREWALL_RULE_GROUP",
    "resolver-query-log-config": "RESOLVER_QUERY_LOG_CONFIG",
}
_MOST = 100

Item = dict[str, Any]


class RefusedError(Exception):
    """Profiles say no: error code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: what stands in its path, its query and its body."""

    region: str
    ids: tuple[str, ...]
    query: Mapping[str, str]
    body: Item
    now: float


@dataclass(slots=True)
class Region:
    """The Profiles of one region, and what they are associated with."""

    profiles: dict[str, Item] = field(default_factory=dict)
    vpcs: list[Item] = field(default_factory=list)
    resources: list[Item] = field(default_factory=list)

    def create(self, asked: Asked) -> Item:
        """CreateProfile."""
        profile_id = _new_id("rp")
        arn = f"arn:{moto_state.partition_of(asked.region)}:route53profiles:{asked.region}"
        self.profiles[profile_id] = {
            **_made(asked, profile_id, "Created Profile"),
            "Arn": f"{arn}:{moto_state.ACCOUNT_ID}:profile/{profile_id}",
            "ClientToken": asked.body.get("ClientToken", ""),
            "ShareStatus": "NOT_SHARED",
        }
        return {"Profile": self.profiles[profile_id]}

    def get(self, asked: Asked) -> Item:
        """GetProfile."""
        return {"Profile": self._profile(asked.ids[0])}

    def delete(self, asked: Asked) -> Item:
        """DeleteProfile."""
        profile = self._profile(asked.ids[0])
        if any(found["ProfileId"] == asked.ids[0] for found in self.vpcs):
            raise RefusedError("ConflictException", f"{asked.ids[0]} is associated with VPCs")
        self.resources = [r for r in self.resources if r["ProfileId"] != asked.ids[0]]
        return {"Profile": {**self.profiles.pop(profile["Id"]), "Status": "DELETED"}}

    def list_profiles(self, asked: Asked) -> Item:
        """ListProfiles."""
        shown = ("Arn", "Id", "Name", "ShareStatus")
        found = [{key: p[key] for key in shown} for p in self.profiles.values()]
        return _page(asked, "ProfileSummaries", found)

    def associate(self, asked: Asked) -> Item:
        """AssociateProfile."""
        profile_id, vpc_id = self._profile(asked.body["ProfileId"])["Id"], asked.body["ResourceId"]
        if any(found["ResourceId"] == vpc_id for found in self.vpcs):
            raise RefusedError("ResourceExistsException", f"{vpc_id} already has a Profile")
        made = _made(asked, _new_id("rpassoc"), "Created Profile Association")
        self.vpcs.append({**made, "ProfileId": profile_id, "ResourceId": vpc_id})
        return {"ProfileAssociation": {**self.vpcs[-1], "Status": "CREATING"}}

    def disassociate(self, asked: Asked) -> Item:
        """DisassociateProfile."""
        found = _taken(self.vpcs, ProfileId=asked.ids[0], ResourceId=asked.ids[1])
        return {"ProfileAssociation": found}

    def list_associations(self, asked: Asked) -> Item:
        """ListProfileAssociations."""
        query = asked.query
        found = _matching(
            self.vpcs, ProfileId=query.get("profileId"), ResourceId=query.get("resourceId")
        )
        return _page(asked, "ProfileAssociations", found)

    def add(self, asked: Asked) -> Item:
        """AssociateResourceToProfile."""
        profile_id, arn = self._profile(asked.body["ProfileId"])["Id"], asked.body["ResourceArn"]
        kind, _, resource_id = arn.split(":", 5)[5].partition("/")
        if kind not in _TYPES:
            raise RefusedError("InvalidParameterException", f"{arn} cannot be in a Profile")
        made = _made(asked, _new_id("rpr"), "Completed creation of the association")
        made |= {"ProfileId": profile_id, "ResourceArn": arn, "ResourceType": _TYPES[kind]}
        told = asked.body.get("ResourceProperties") or _told(asked.region, resource_id)
        self.resources.append(made | ({"ResourceProperties": told} if told else {}))
        return {"ProfileResourceAssociation": {**self.resources[-1], "Status": "CREATING"}}

    def remove(self, asked: Asked) -> Item:
        """DisassociateResourceFromProfile."""
        found = _taken(self.resources, ProfileId=asked.ids[0], ResourceArn=asked.ids[1])
        return {"ProfileResourceAssociation": found}

    def list_resources(self, asked: Asked) -> Item:
        """ListProfileResourceAssociations."""
        profile_id, kind = self._profile(asked.ids[0])["Id"], asked.query.get("resourceType")
        found = _matching(self.resources, ProfileId=profile_id, ResourceType=kind)
        return _page(asked, "ProfileResourceAssociations", found)

    def _profile(self, profile_id: str) -> Item:
        if profile_id not in self.profiles:
            raise RefusedError("ResourceNotFoundException", f"there is no Profile {profile_id}")
        return self.profiles[profile_id]


def _new_id(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:16]}"


def _made(asked: Asked, made_id: str, message: str) -> Item:
    return {
        "Id": made_id,
        "Name": asked.body.get("Name", ""),
        "OwnerId": moto_state.ACCOUNT_ID,
        "Status": "COMPLETE",
        "StatusMessage": message,
        "CreationTime": asked.now,
        "ModificationTime": asked.now,
    }


def _told(region: str, resource_id: str) -> str:
    found = zones_of(region, resource_id)
    if found is None:
        return ""
    service, zones = found
    names = {zone_id: f"{name}." for name, zone_id in zones.items()}
    return json.dumps({"ServiceName": f"{service}.", **names})


def _matching(items: list[Item], **wanted: str | None) -> list[Item]:
    given = {key: value for key, value in wanted.items() if value}
    return [item for item in items if all(item[key] == value for key, value in given.items())]


def _taken(items: list[Item], **wanted: str) -> Item:
    found = _matching(items, **wanted)
    if not found:
        raise RefusedError("ResourceNotFoundException", "there is no such association")
    items.remove(found[0])
    return {**found[0], "Status": "DELETING"}


def _page(asked: Asked, name: str, items: list[Item]) -> Item:
    start = int(asked.query.get("nextToken", "0"))
    end = start + min(int(asked.query.get("maxResults", _MOST)), _MOST)
    more = {"NextToken": str(end)} if end < len(items) else {}
    return {name: items[start:end], **more}

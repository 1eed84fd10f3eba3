"""From a CloudTrail record to a trigger: where to look, and who acted. Never what to do.

Records come in two serialisations, omit members over 100 KB, arrive late, twice or out of
order, and several carry no VPC id at all. So ids are gathered from wherever they stand under
the known names, and every shape of input is survived.
Source: AWS CloudTrail user guide, "Record contents"; the wrapper's name may be abbreviated
and one-element lists may be objects (seen in published records).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from guardrail.core.wish import Wish, WishKind

_ID = re.compile(r"(?:vpc|vpce|subnet|sg)-[0-9a-f]{8,17}")
_ID_KEYS = frozenset(
    {"vpcid", "vpcendpointid", "subnetid", "groupid", "securitygroupid", "resourceid"}
    | {"vpcids", "vpcendpointids", "subnetids", "groupids", "securitygroupids"}
)
_TAG_KEYS = frozenset({"tagset", "tagspecification", "tagspecificationset"})
_MAX_NODES = 20_000
_MAX_TEXT = 512
_MAX_POLICY = 100_000
"""Characters kept of a policy, of which EC2 takes about 20,000."""

_MAX_EVENT_ID = 64
"""Characters kept of an event id, a GUID of 36: it is part of a key in the table."""

_MAKES_VPC = frozenset({"CreateVpc", "CreateDefaultVpc"})
_WRITES_ENDPOINT = frozenset({"CreateVpcEndpoint", "ModifyVpcEndpoint"})

_TAGS = frozenset({"CreateTags", "DeleteTags"})
_TEARS_DOWN = frozenset({"DeleteVpc", "DeleteSubnet"})
_WANTS_NAME = frozenset({"CreateVpcEndpoint", "ModifyVpcEndpoint"})
_CONFLICT = re.compile(r"conflicting DNS domain for (?P<domain>\S+)")
"""EC2's message about an endpoint that wants a name which another has; the code says too little.

Seen in public reports about Terraform's AWS provider.
"""

FULL_ACCESS = json.dumps(
    {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}
)
"""What an endpoint has when no policy is given. Source: AWS PrivateLink guide, "Endpoint policies".
"""

SETTLED = "VPC Settled"
"""The detail-type of the guardrail's own message that a VPC has been quiet long enough."""

LOOK_AGAIN = "VPC Look Again"
"""The detail-type of the guardrail's own message that something it began is to be gone on with."""

SOURCE = "sfn-endpoint-guardrail"


@dataclass(frozen=True, slots=True)
class Trigger:
    """Why the guardrail looks now: the ids an event names, and who acted when.

    `vpc_ids` is None for "every VPC". `settled` says that creation need not wait. `wish` is set
    when the call failed because something of the guardrail's may have been in the way. `narrow`
    says that the call named nothing but what it wrote: no subnet, no group. `policy` is the one
    that the call gave an endpoint; None when it gave none, or the record does not tell. So are
    `tag_keys`, those of the tags that the call set or took off.
    """

    name: str
    vpc_ids: frozenset[str] | None = None
    other_ids: frozenset[str] = frozenset()
    actor: str | None = None
    user_agent: str | None = None
    event_id: str | None = None
    event_time: datetime | None = None
    settled: bool = True
    wish: Wish | None = None
    narrow: bool = False
    policy: str | None = None
    tag_keys: frozenset[str] | None = None

    @property
    def is_sweep(self) -> bool:
        """Whether it was no event that led here."""
        return self.vpc_ids is None

    @property
    def written_endpoints(self) -> frozenset[str]:
        """The endpoints that the event wrote."""
        wrote = self.name in _WRITES_ENDPOINT and self.wish is None
        return frozenset(i for i in self.other_ids if i.startswith("vpce-") and wrote)

    @property
    def mixes_vpcs(self) -> bool:
        """Whether the ids that it names may be of several VPCs, as only tags are set on many."""
        return self.name in _TAGS and bool(self.other_ids)

    def may_tag(self, key: str | None) -> bool:
        """Whether the event is no call about tags, or one that may have changed the tag `key`."""
        if self.name not in _TAGS:
            return True
        return key is not None and (self.tag_keys is None or key in self.tag_keys)

    @property
    def deleted_ids(self) -> frozenset[str]:
        """The endpoints that the event deleted, as far as its call was accepted for them."""
        return self.other_ids if self.name == "DeleteVpcEndpoints" else frozenset()

    @property
    def created_ids(self) -> frozenset[str]:
        """The VPC or endpoint that the event made; it is new whatever an inventory says."""
        return self.new_ids if self.name.startswith("Create") else frozenset()

    @property
    def new_ids(self) -> frozenset[str]:
        """The ids of what the event made or wrote; an old VPC that it only touches stays old."""
        if self.wish:
            return frozenset()
        if self.name in _MAKES_VPC:
            return self.vpc_ids or frozenset()
        return self.other_ids if self.name in _WRITES_ENDPOINT else frozenset()


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that says nothing to act on, with the reason for the log."""

    reason: str


SWEEP = Trigger("sweep")


def read_trigger(event: object) -> Trigger | Ignored:
    """Return what `event` (an EventBridge event) points at, or why it is ignored.

    Never raises, whatever the event is: rule patterns are not a promise about its shape.
    """
    if not isinstance(event, Mapping) or not isinstance(event.get("detail"), Mapping):
        return Ignored("not an EventBridge event with a detail object")
    if event.get("source") == SOURCE:
        return _read_message(event)
    if event.get("source") != "aws.ec2":
        return Ignored("not an event of aws.ec2")
    return _read_record(event["detail"])


def _read_message(event: Mapping[str, Any]) -> Trigger | Ignored:
    vpc_ids = frozenset(_ids(event["detail"]))
    kind = event.get("detail-type")
    # A tuple, not a set: what is no text may be unhashable, and this never raises.
    if kind not in (SETTLED, LOOK_AGAIN) or not vpc_ids:
        return Ignored(f"not a message '{SETTLED}' or '{LOOK_AGAIN}' that names a VPC")
    return Trigger(str(kind), vpc_ids)


def _read_record(record: Mapping[str, Any]) -> Trigger | Ignored:
    name = record.get("eventName")
    if not isinstance(name, str) or record.get("eventSource") != "ec2.amazonaws.com":
        return Ignored("not a CloudTrail record of ec2.amazonaws.com with an eventName")
    ids = frozenset(_ids([record.get("requestParameters"), record.get("responseElements")]))
    wish = _wish(record, name, ids)
    if record.get("errorCode") is not None and wish is None:
        return Ignored("the call failed, so it changed nothing")
    if not ids:
        return Ignored("the record names no VPC or endpoint; the next sweep looks at all of them")
    vpc_ids = frozenset(i for i in ids if i.startswith("vpc-"))
    return Trigger(
        name=_text(name) or "",
        vpc_ids=vpc_ids,
        other_ids=ids - vpc_ids,
        actor=_actor(record.get("userIdentity")),
        user_agent=_text(record.get("userAgent")),
        event_id=_text(record.get("eventID"), most=_MAX_EVENT_ID),
        event_time=_time(record.get("eventTime")),
        settled=False,
        wish=wish,
        narrow=_is_narrow(record.get("requestParameters")),
        policy=_policy(name, record.get("requestParameters")),
        tag_keys=_tag_keys(record.get("requestParameters")) if name in _TAGS else None,
    )


def _wish(record: Mapping[str, Any], name: str, ids: frozenset[str]) -> Wish | None:
    """Return what the owner tried in vain, if something of the guardrail's may be why."""
    code, message = str(record.get("errorCode")), str(record.get("errorMessage"))
    conflict = _CONFLICT.search(message)
    if name in _TEARS_DOWN and code.endswith("DependencyViolation"):
        kind, names = WishKind.TEARDOWN, frozenset(i for i in ids if i.startswith("subnet-"))
    elif name in _WANTS_NAME and code.endswith("InvalidParameter") and conflict:
        kind, names = WishKind.OWN_ENDPOINT, frozenset({conflict["domain"].strip(".,'\"")})
    else:
        return None
    return Wish(
        kind,
        names,
        actor=_actor(record.get("userIdentity")),
        event_id=_text(record.get("eventID"), most=_MAX_EVENT_ID),
        at=_time(record.get("eventTime")),
        about=frozenset(i for i in ids if i.startswith("vpce-")),
    )


def _is_narrow(parameters: object) -> bool:
    """Whether the call named no subnet and no group, under whatever name; omitted, it may have."""
    if not isinstance(parameters, Mapping):
        return False
    return not any(i.startswith(("subnet-", "sg-")) for i in _ids(parameters, named=True))


def _policy(name: str, parameters: object) -> str | None:
    """Return the policy that the call gave an endpoint; AWS's own default if it asked for that."""
    if name not in _WRITES_ENDPOINT or not isinstance(parameters, Mapping):
        return None
    # The wrapper's name may be abbreviated, so whatever stands at the top is looked into.
    told = {str(k).lower(): v for part in _wrapped(parameters) for k, v in part.items()}
    if (policy := _text(told.get("policydocument"), most=_MAX_POLICY)) is not None:
        return policy
    resets = str(told.get("resetpolicy")).lower() == "true"
    return FULL_ACCESS if resets or name == "CreateVpcEndpoint" else None


def _tag_keys(parameters: object) -> frozenset[str] | None:
    """Return the keys of the tags that the call names; None if it names none, which means all."""
    tags = parameters.get("tagSet") if isinstance(parameters, Mapping) else None
    items = tags.get("items") if isinstance(tags, Mapping) else tags
    listed = items if isinstance(items, list) else [items]
    keys = [tag.get("key") for tag in listed if isinstance(tag, Mapping)]
    named = frozenset(key for key in keys if isinstance(key, str))
    # One that is not understood may be any.
    return named if named and len(keys) == len(listed) and None not in keys else None


def _wrapped(parameters: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield parameters
    yield from (value for value in parameters.values() if isinstance(value, Mapping))


def _ids(root: object, *, named: bool = False) -> Iterator[str]:
    """Yield the ids that stand under the known names, however deep; tags are not looked at.

    With `named` they may stand under any name.
    """
    pending: list[tuple[object, bool]] = [(root, named)]
    for _ in range(_MAX_NODES):
        if not pending:
            return
        node, named = pending.pop()
        if isinstance(node, str):
            if named and _ID.fullmatch(node):
                yield node
        elif isinstance(node, Mapping):
            pending.extend(
                (value, named or str(key).lower() in _ID_KEYS)
                for key, value in node.items()
                if str(key).lower() not in _TAG_KEYS
            )
        elif isinstance(node, list):
            pending.extend((value, named) for value in node)


def _actor(identity: object) -> str | None:
    if not isinstance(identity, Mapping):
        return None
    names = (identity.get(key) for key in ("arn", "principalId", "invokedBy", "type"))
    return next((text for text in map(_text, names) if text), None)


def _text(value: object, most: int = _MAX_TEXT) -> str | None:
    """Return at most `most` characters that UTF-8 can hold; JSON may carry half a character."""
    if not isinstance(value, str):
        return None
    return value[:most].encode("utf-8", "replace").decode("utf-8")


def _time(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

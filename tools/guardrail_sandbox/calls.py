"""What a recorded EC2 call was about, in a few words; reads both layouts of CloudTrail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from guardrail_sandbox.untyped import Json

_PREFIXES = (("Endpoint", "vpce"), ("Subnet", "subnet"), ("SecurityGroup", "sg"), ("Vpc", "vpc"))

Request = dict[str, Any]


def resource_of(record: dict[str, Any]) -> str:
    """Return the id of what the call made or changed; empty when there is none to see."""
    name = str(record.get("eventName"))
    prefix = next((p for word, p in _PREFIXES if word in name), "[a-z]+")
    wanted = re.compile(rf"{prefix}-[0-9a-f]{{8,17}}")
    # A creation answers with the id; its request names other resources.
    made = ("responseElements", "requestParameters")
    for part in made if name.startswith("Create") else reversed(made):
        for text in _texts(record.get(part)):
            if wanted.fullmatch(text):
                return text
    return ""


def summary_of(record: dict[str, Any]) -> str:
    """Return what matters of the request in parentheses; empty for calls without a summary."""
    describe = _SUMMARIES.get(str(record.get("eventName")))
    parts = describe(_request(record)) if describe else []
    return f"({', '.join(part for part in parts if part)})" if any(parts) else ""


def _request(record: dict[str, Any]) -> Request:
    """Return the parameters without the wrapper that newer APIs have around them."""
    found = record.get("requestParameters")
    if not isinstance(found, dict):
        return {}
    if len(found) == 1 and isinstance(inner := next(iter(found.values())), dict):
        return inner if next(iter(found)).endswith("Request") else found
    return found


def _creation(request: Request) -> list[str]:
    return [
        str(request.get("ServiceName", "")).rpartition(".")[2],
        "policy" if request.get("PolicyDocument") else "no policy given",
        _counted(request.get("SubnetId"), "subnet"),
        *(f"security group {text}" for text in _texts(request.get("SecurityGroupId"))),
        _switch("private DNS", request.get("PrivateDnsEnabled")),
    ]


def _modification(request: Request) -> list[str]:
    return [
        "policy" if request.get("PolicyDocument") else "",
        "policy reset" if request.get("ResetPolicy") is True else "",
        _counted(request.get("AddSubnetId"), "subnet", "added"),
        _counted(request.get("RemoveSubnetId"), "subnet", "removed"),
        _counted(request.get("AddSecurityGroupId"), "security group", "added"),
        _counted(request.get("RemoveSecurityGroupId"), "security group", "removed"),
        _switch("private DNS", request.get("PrivateDnsEnabled")),
    ]


def _attribute(request: Request) -> list[str]:
    names = {"enableDnsHostnames": "DNS hostnames", "enableDnsSupport": "DNS support"}
    return [_switch(name, (request.get(key) or {}).get("value")) for key, name in names.items()]


def _ingress(request: Request) -> list[str]:
    return [text for text in _texts(request.get("ipPermissions")) if "/" in text]


_SUMMARIES: dict[str, Callable[[Request], list[str]]] = {
    "CreateVpc": lambda request: [str(request.get("cidrBlock", ""))],
    "CreateSubnet": lambda request: [str(request.get("availabilityZone", ""))],
    "CreateSecurityGroup": lambda request: [str(request.get("groupName", ""))],
    "ModifyVpcAttribute": _attribute,
    "AuthorizeSecurityGroupIngress": _ingress,
    "CreateVpcEndpoint": _creation,
    "ModifyVpcEndpoint": _modification,
}


def _counted(value: Json, noun: str, verb: str = "") -> str:
    count = sum(1 for _ in _texts(value))
    plural = "" if count == 1 else "s"
    return f"{count} {noun}{plural} {verb}".rstrip() if count else ""


def _switch(name: str, value: Json) -> str:
    return "" if value is None else f"{name} {'on' if value else 'off'}"


def _texts(node: Json) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from _texts(value)
    elif isinstance(node, list):
        for item in node:
            yield from _texts(item)

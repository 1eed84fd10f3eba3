"""What AWS's answers hold and moto's lack, filled in for the record (never for the caller).

Only what follows from the call, the account and published records is filled in. What cannot
be known here (ids of revoked rules, for one) is left out and listed in
docs/reference/sandbox-trail.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final
from xml.etree import ElementTree as ET

from botocore.model import OperationModel

from guardrail_sandbox.trail.call import Call, Tree, numbered
from guardrail_sandbox.trail.identity import partition_of
from guardrail_sandbox.trail.nested import local_name

_Step = Callable[[ET.Element, Call, str], None]


def complete(root: ET.Element, call: Call, operation: OperationModel, account_id: str) -> None:
    """Change the parsed answer of a successful call into what AWS would have answered."""
    if _answers_with_flag(operation):
        _default(root, "return", "true")
    step = _STEPS.get(call.action)
    if step is not None:
        step(root, call, account_id)


def set_text(parent: ET.Element, name: str, text: str) -> None:
    """Set the text of the child `name`, adding it when it is missing."""
    child = _child(parent, name)
    if child is None:
        child = ET.SubElement(parent, name)
    child.text = text


def _answers_with_flag(operation: OperationModel) -> bool:
    """EC2 answers `return` where the model has no output, and to CreateSecurityGroup."""
    output = operation.output_shape
    return output is None or "Return" in output.members or operation.name == "CreateSecurityGroup"


def _vpc(root: ET.Element, _call: Call, _account_id: str) -> None:
    vpc = _child(root, "vpc")
    if vpc is not None:
        set_text(vpc, "state", "pending")


def _subnet(root: ET.Element, _call: Call, _account_id: str) -> None:
    subnet = _child(root, "subnet")
    if subnet is not None:
        _default(subnet, "enableDns64", "false")


def _security_group(root: ET.Element, call: Call, _account_id: str) -> None:
    tags = _requested_tags(call.parameters)
    if not tags or _child(root, "tagSet") is not None:
        return
    tag_set = ET.SubElement(root, "tagSet")
    for key, value in tags:
        item = ET.SubElement(tag_set, "item")
        set_text(item, "key", key)
        set_text(item, "value", value)


def _security_group_rules(root: ET.Element, call: Call, account_id: str) -> None:
    rules = _child(root, "securityGroupRuleSet")
    for item in rules if rules is not None else ():
        _default(item, "groupOwnerId", account_id)
        place = f"arn:{partition_of(call.region)}:ec2:{call.region}:{account_id}"
        rule_id = _text(item, "securityGroupRuleId")
        _default(item, "securityGroupRuleArn", f"{place}:security-group-rule/{rule_id}")
        _drop_empty(item, "tagSet")
        if _text(item, "ipProtocol") == "-1":
            _default(item, "fromPort", "-1")
            _default(item, "toPort", "-1")


def _endpoint(root: ET.Element, call: Call, _account_id: str) -> None:
    endpoint = _child(root, "vpcEndpoint")
    if endpoint is None:
        return
    _default(endpoint, "requesterManaged", "false")
    _drop_empty(endpoint, "tagSet")
    policy = _child(endpoint, "policyDocument")
    if policy is not None and policy.text:
        policy.text = _restated(policy.text)
    if _text(endpoint, "vpcEndpointType") == "Interface":
        _interface(endpoint, call.parameters)


def _interface(endpoint: ET.Element, parameters: Tree) -> None:
    address_type = parameters.get("IpAddressType", "ipv4")
    options = parameters.get("DnsOptions")
    given = options.get("DnsRecordIpType", address_type) if isinstance(options, dict) else None
    set_text(endpoint, "state", "pending")
    _default(endpoint, "ipAddressType", str(address_type))
    if _child(endpoint, "dnsOptions") is None:
        set_text(
            ET.SubElement(endpoint, "dnsOptions"), "dnsRecordIpType", str(given or address_type)
        )


def _restated(policy: str) -> str:
    """Return the policy in AWS's own layout: two spaces, sorted keys, `, ` before a new line."""
    try:
        document = json.loads(policy)
    except ValueError:
        return policy
    return json.dumps(document, indent=2, sort_keys=True, separators=(", ", ": "))


def _requested_tags(parameters: Tree) -> list[tuple[str, str]]:
    specification = parameters.get("TagSpecification")
    tags: list[tuple[str, str]] = []
    for _, entry in _elements(specification):
        for _, tag in _elements(entry.get("Tag")):
            tags.append((str(tag.get("Key", "")), str(tag.get("Value", ""))))
    return tags


def _elements(value: Tree | str | None) -> list[tuple[int, Tree]]:
    listed = numbered(value) if isinstance(value, dict) else None
    return [(number, item) for number, item in listed or () if isinstance(item, dict)]


def _child(parent: ET.Element, name: str) -> ET.Element | None:
    return next((child for child in parent if local_name(child) == name), None)


def _text(parent: ET.Element, name: str) -> str:
    child = _child(parent, name)
    return (child.text or "") if child is not None else ""


def _default(parent: ET.Element, name: str, text: str) -> None:
    if _child(parent, name) is None:
        set_text(parent, name, text)


def _drop_empty(parent: ET.Element, name: str) -> None:
    child = _child(parent, name)
    if child is not None and not len(child):
        parent.remove(child)


_STEPS: Final[dict[str, _Step]] = {
    "CreateVpc": _vpc,
    "CreateDefaultVpc": _vpc,
    "CreateSubnet": _subnet,
    "CreateDefaultSubnet": _subnet,
    "CreateSecurityGroup": _security_group,
    "AuthorizeSecurityGroupIngress": _security_group_rules,
    "AuthorizeSecurityGroupEgress": _security_group_rules,
    "CreateVpcEndpoint": _endpoint,
}

"""Describe calls answer MaxResults items at most, and a NextToken for the rest.

Source: EC2 API reference, "Pagination" and the reference of each call.
Confidence: documented
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from xml.etree import ElementTree as ET

from guardrail_sandbox.ec2.behaviour import After, Before, Behaviour
from guardrail_sandbox.ec2.call import Call, RefusedError, Reply

_SETS = {
    "DescribeNetworkInterfaces": "networkInterfaceSet",
    "DescribeRouteTables": "routeTableSet",
    "DescribeSecurityGroupRules": "securityGroupRuleSet",
    "DescribeSecurityGroups": "securityGroupInfo",
    "DescribeSubnets": "subnetSet",
    "DescribeVpcEndpoints": "vpcEndpointSet",
    "DescribeVpcs": "vpcSet",
}
_MOST = 1000


class Pagination(Behaviour):
    """See the module."""

    name = "pagination"

    def before(self) -> Mapping[str, Before]:
        """Take the request for a page from moto, which would not understand it."""
        return dict.fromkeys(_SETS, _note)

    def after(self) -> Mapping[str, After]:
        """Cut the page."""
        return {action: partial(_cut, items=items) for action, items in _SETS.items()}


def _note(call: Call) -> None:
    size, start = call.form.get("MaxResults", ""), call.form.get("NextToken", "0")
    if not start.isdecimal():
        raise RefusedError("InvalidNextToken", f"The token '{start}' is invalid.")
    if size or start != "0":
        call.notes[Pagination.name] = (int(start), min(int(size or _MOST), _MOST))
        call.drop("MaxResults", "NextToken")


def _cut(call: Call, reply: Reply, items: str) -> Reply:
    page = call.notes.get(Pagination.name)
    if not isinstance(page, tuple):
        return reply
    start, size = page
    # An upper bound of the number of items: most answers are one page, and stay as they are.
    if start == 0 and reply.body.count(b"<item>") <= size:
        return reply
    root = ET.fromstring(reply.body)  # noqa: S314  moto's own answer
    # moto writes the namespace of whatever version of the API it has.
    namespace = root.tag[1:].partition("}")[0]
    found = root.find(f"{{{namespace}}}{items}")
    if found is None:
        return reply
    listed = list(found)
    for item in (*listed[:start], *listed[start + size :]):
        found.remove(item)
    if start + size < len(listed):
        ET.SubElement(root, f"{{{namespace}}}nextToken").text = str(start + size)
    return reply.with_body(ET.tostring(root, "utf-8", default_namespace=namespace))

"""The legacy layout: camelCase members at the top, lists as `{"items": [...]}`.

Names and types come from the EC2 model, because they are those of the API's SOAP days: types
are declared (an owner id stays a string), an empty list is `{}`, the flag `return` is
`_return`. Where records use other names than the model does, the tables below say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from xml.etree import ElementTree as ET

from botocore.model import ListShape, Shape, StructureShape

from guardrail_sandbox.trail.call import Tree, numbered
from guardrail_sandbox.trail.nested import local_name

# Request lists whose name in records is not made by `_list_name`.
_LIST_NAMES: Final = {
    "ResourceId": "resourcesSet",
    # The model spells it differently for DeleteTags than for CreateTags.
    "Tag": "tagSet",
    "InstanceId": "instancesSet",
    "SecurityGroupId": "groupSet",
    "SecurityGroup": "groupSet",
    "SecurityGroupRuleId": "securityGroupRuleIds",
    "BlockDeviceMapping": "blockDeviceMapping",
}
# The names that elements of scalar lists have, where it is not the name on the wire.
_ELEMENT_NAMES: Final = {"SecurityGroupId": "groupId", "SecurityGroup": "groupName"}
# Lists that records show even when the caller did not send them, by shape.
_ALWAYS_THERE: Final = {
    "IpPermission": ("groups", "ipRanges", "ipv6Ranges", "prefixListIds"),
    "AuthorizeSecurityGroupIngressRequest": ("ipPermissions",),
    "AuthorizeSecurityGroupEgressRequest": ("ipPermissions",),
    "RevokeSecurityGroupIngressRequest": ("ipPermissions",),
    "RevokeSecurityGroupEgressRequest": ("ipPermissions",),
}


def request_parameters(parameters: Tree, shape: StructureShape | None) -> dict[str, Any]:
    """Return `requestParameters` of a legacy record. Records leave `DryRun` out."""
    tree = {name: value for name, value in parameters.items() if name != "DryRun"}
    return _structure(tree, shape)


def response_elements(root: ET.Element, shape: StructureShape | None) -> dict[str, Any]:
    """Return `responseElements` of a legacy record from the answer's XML."""
    members = _xml_structure(root, shape)
    flag = {"_return": members.pop("return")} if "return" in members else {}
    return {"requestId": members.pop("requestId", ""), **flag, **members}


def _structure(tree: Tree, shape: StructureShape | None) -> dict[str, Any]:
    members = {_wire_name(name, member): member for name, member in _members(shape).items()}
    result: dict[str, Any] = {}
    for wire, value in tree.items():
        name, item = _request_member(wire, value, members.get(wire), shape)
        result[name] = item
    for name in _ALWAYS_THERE.get(shape.name, ()) if shape else ():
        result.setdefault(name, {})
    return result


def _members(shape: StructureShape | None) -> Mapping[str, Shape]:
    return shape.members if shape is not None else {}


def _wire_name(name: str, member: Shape) -> str:
    """Return the form field of a member, as the ec2 protocol spells it."""
    given = member.serialization
    return str(given.get("queryName") or _upper_first(str(given.get("name", name))))


def _request_member(
    wire: str, value: Tree | str, member: Shape | None, parent: StructureShape | None
) -> tuple[str, Any]:
    elements = numbered(value) if isinstance(value, dict) else None
    if isinstance(value, str):
        return _lower_first(wire), _typed(value, member)
    if elements is None:
        return _lower_first(wire), _structure(value, _as_structure(member))
    items = [_request_element(wire, item, member) for _, item in elements]
    if parent is not None and parent.name == "TagSpecification":
        # The one list that records show bare: tags of a tag specification.
        return "tags", items
    return _list_name(wire, member), {"items": items}


def _request_element(wire: str, item: Tree | str, member: Shape | None) -> Any:  # noqa: ANN401
    shape = member.member if isinstance(member, ListShape) else None
    if isinstance(item, str):
        return {_ELEMENT_NAMES.get(wire, _lower_first(wire)): _typed(item, shape)}
    return _structure(item, _as_structure(shape))


def _list_name(wire: str, member: Shape | None) -> str:
    """Return a list's name: as in SOAP if the model keeps that name, else `<element>Set`."""
    if wire in _LIST_NAMES:
        return _LIST_NAMES[wire]
    given = str(member.serialization.get("name", "")) if member is not None else ""
    is_element_name = given[:1].isupper()
    return f"{_lower_first(wire)}Set" if is_element_name else _lower_first(wire)


def _xml_structure(element: ET.Element, shape: StructureShape | None) -> dict[str, Any]:
    members = {
        str(member.serialization.get("name", name)): member
        for name, member in _members(shape).items()
    }
    return {
        local_name(child): _xml_value(child, members.get(local_name(child))) for child in element
    }


def _xml_value(element: ET.Element, shape: Shape | None) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(shape, ListShape) or (shape is None and _looks_like_list(element)):
        item = shape.member if isinstance(shape, ListShape) else None
        items = [_xml_value(child, item) for child in element]
        return {"items": items} if items else {}
    if len(element) or isinstance(shape, StructureShape):
        return _xml_structure(element, _as_structure(shape))
    return _typed(element.text or "", shape)


def _looks_like_list(element: ET.Element) -> bool:
    names = {local_name(child) for child in element}
    return names == {"item"} or (not names and local_name(element).endswith("Set"))


def _typed(text: str, shape: Shape | None) -> Any:  # noqa: ANN401 - any JSON scalar
    """Return `text` as the type that the model declares; what does not fit stays text."""
    kind = shape.type_name if shape is not None else "string"
    try:
        match kind:
            case "integer" | "long":
                return int(text)
            case "float" | "double":
                return float(text)
            case "timestamp":
                # Legacy records hold times as milliseconds since 1970.
                return round(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        return text
    is_flag = (kind == "boolean" or shape is None) and text in {"true", "false"}
    return text == "true" if is_flag else text


def _as_structure(shape: Shape | None) -> StructureShape | None:
    return shape if isinstance(shape, StructureShape) else None


def _lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]


def _upper_first(name: str) -> str:
    return name[:1].upper() + name[1:]

"""The nested layout: PascalCase requests under `<Event>Request`, converted from XML.

Published records show the marks of a generic XML-to-JSON conversion, and this module
follows them: a list of one is an object and a list of several an array, an element carries
its number in `tag` and its text in `content`, an empty set is `""`, and text that reads as a
number or as true or false becomes one, whatever the member means.
"""

from __future__ import annotations

import re
from typing import Any, Final
from xml.etree import ElementTree as ET

from guardrail_sandbox.trail.call import Tree, numbered
from guardrail_sandbox.trail.families import request_wrapper

# Only what a whole number would be written as: a leading zero keeps an account id a string.
_WHOLE: Final = re.compile(r"-?(?:0|[1-9]\d{0,17})", re.ASCII)
_NAMESPACE: Final = "http://ec2.amazonaws.com/doc/2016-11-15/"


def request_parameters(action: str, parameters: Tree) -> dict[str, Any]:
    """Return `requestParameters` of a nested record; no parameters read `""`."""
    return {request_wrapper(action): _structure(parameters) or ""}


def response_elements(action: str, root: ET.Element) -> dict[str, Any]:
    """Return `responseElements` of a nested record from the answer's XML."""
    answer = _element(root)
    members = answer if isinstance(answer, dict) else {}
    return {f"{action}Response": {"xmlns": _NAMESPACE, **members}}


def local_name(element: ET.Element) -> str:
    """Return the element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def retyped(text: str) -> str | int | bool:
    """Return text as the conversion leaves it: true, false and whole numbers change type."""
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    return int(text) if _WHOLE.fullmatch(text) and text != "-0" else text


def _structure(tree: Tree) -> dict[str, Any]:
    return {name: _member(value) for name, value in tree.items()}


def _member(value: Tree | str) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return retyped(value)
    elements = numbered(value)
    if elements is None:
        return _structure(value)
    items = [_tagged(number, item) for number, item in elements]
    return items[0] if len(items) == 1 else items


def _tagged(number: int, item: Tree | str) -> dict[str, Any]:
    if isinstance(item, str):
        return {"tag": number, "content": retyped(item)}
    return {**_structure(item), "tag": number}


def _element(element: ET.Element) -> Any:  # noqa: ANN401 - any JSON value
    if not len(element):
        return retyped((element.text or "").strip())
    members: dict[str, list[Any]] = {}
    for child in element:
        members.setdefault(local_name(child), []).append(_element(child))
    return {name: values[0] if len(values) == 1 else values for name, values in members.items()}

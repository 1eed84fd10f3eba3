"""In which order the resources of a template come: those that others refer to first.

AWS: CloudFormation user guide, "DependsOn attribute" and the references of Ref, Fn::GetAtt and
Fn::Sub.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from guardrail_sandbox.untyped import Json

_IN_TEXT = re.compile(r"\$\{([^!.}]+)[.}]")


def in_order(resources: Mapping[str, Any]) -> list[str]:
    """Return the names of the resources, each after all that it refers to."""
    needs = {name: references(one) & resources.keys() for name, one in resources.items()}
    return list(TopologicalSorter(needs).static_order())


def references(resource: Json) -> set[str]:
    """Return the names that a resource refers to, parameters among them."""
    depends = resource.get("DependsOn", [])
    return {*_named(resource), *([depends] if isinstance(depends, str) else depends)}


def _named(value: Json) -> Iterator[str]:
    match value:
        case {"Ref": str(name)}:
            yield name
        case {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case {"Fn::GetAtt": str(path)}:
            yield path.partition(".")[0]
        case {"Fn::Sub": [str(text), dict(more)]}:
            yield from _IN_TEXT.findall(text)
            yield from _named(more)
        case {"Fn::Sub": str(text)}:
            yield from _IN_TEXT.findall(text)
        case dict():
            for inner in value.values():
                yield from _named(inner)
        case list():
            for inner in value:
                yield from _named(inner)

"""The project's template, as written and expanded, and the few intrinsics its tests must answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from guardrail_sandbox.expand import expand, load

ROOT = Path(__file__).parent.parent.parent
FUNCTIONS = ("VpcChange", "EndpointChange", "Yielding", "Sweep")


@dataclass(frozen=True)
class Template:
    """`source` is template.yaml, short intrinsics spelled out; `resources` are those deployed."""

    source: Mapping[str, Any]
    resources: Mapping[str, Mapping[str, Any]]

    def of_type(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield logical id and properties of every resource of one type."""
        for logical_id, resource in self.resources.items():
            if resource["Type"] == kind:
                yield logical_id, resource.get("Properties", {})

    def properties(self, logical_id: str) -> Mapping[str, Any]:
        """Return the properties of one resource."""
        return self.resources[logical_id]["Properties"]

    def holds(self, condition: str | None, parameters: Mapping[str, str]) -> bool:
        """Answer a condition of the template for these parameters, defaults for the rest."""
        if condition is None:
            return True
        values = {k: str(p.get("Default", "")) for k, p in self.source["Parameters"].items()}
        return self._truth(self.source["Conditions"][condition], {**values, **parameters})

    def statements(self, role: str, **parameters: str) -> list[Mapping[str, Any]]:
        """Return what a role is granted, inline and by the policies that name it."""
        inline = [p["PolicyDocument"] for p in self.properties(role).get("Policies", [])]
        attached = [
            resource["Properties"]["PolicyDocument"]
            for resource in self.resources.values()
            if resource["Type"] == "AWS::IAM::Policy"
            and {"Ref": role} in resource["Properties"]["Roles"]
            and self.holds(resource.get("Condition"), parameters)
        ]
        return [s for document in inline + attached for s in document["Statement"]]

    def actions(self, role: str, **parameters: str) -> set[str]:
        """Return the names of the actions that a role is granted."""
        return {a for s in self.statements(role, **parameters) for a in listed(s["Action"])}

    def _truth(self, node: Mapping[str, Any], values: Mapping[str, str]) -> bool:
        match node:
            case {"Condition": name}:
                return self._truth(self.source["Conditions"][name], values)
            case {"Fn::Not": [inner]}:
                return not self._truth(inner, values)
            case {"Fn::And": list(inner)}:
                return all(self._truth(part, values) for part in inner)
            case {"Fn::Or": list(inner)}:
                return any(self._truth(part, values) for part in inner)
            case {"Fn::Equals": [{"Ref": name}, text]}:
                return values[name] == text
        raise NotImplementedError(f"teach the tests to answer {node}")


@cache
def template() -> Template:
    """Return the template, expanded as the sandbox does before it deploys it."""
    source = load(ROOT / "template.yaml")
    expanded = expand(source, {}, region="eu-west-1", stack_name="guardrail")
    plain = json.loads(json.dumps(source))
    return Template(plain, {**expanded.template["Resources"], **expanded.supplements})


def listed(value: Any) -> list[Any]:
    """Return a scalar as a list of one."""
    return value if isinstance(value, list) else [value]


def texts(node: Any) -> Iterator[str]:
    """Yield every text in a document, however deep."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, Mapping):
        for value in node.values():
            yield from texts(value)
    elif isinstance(node, list):
        for item in node:
            yield from texts(item)

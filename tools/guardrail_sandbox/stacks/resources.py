"""The resources of one stack as moto keeps them: a map that makes what it is asked for.

That map would make again what is deleted as soon as somebody looks, so here names go from both of
its halves.
"""

# ruff: noqa: SLF001  moto has no other way

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from moto.cloudformation import parsing
from moto.ec2.models.core import TaggedEC2Resource

from guardrail_sandbox import moto_state
from guardrail_sandbox.stacks.kinds import KINDS, Properties

if TYPE_CHECKING:
    from guardrail_sandbox.untyped import Json, Moto

_OF_STACK = ("template", "template_dict", "parameters", "output_map", "description")
RETAINED = frozenset({"Retain", "RetainExceptOnCreate"})
"""Policies under which a resource outlives its stack, once that was made."""

Snapshot = tuple[dict[str, Any], dict[str, Any]]


def has_network(*templates: Mapping[str, Any]) -> bool:
    """Tell whether one of the templates has a resource of the four types."""
    return any(
        resource.get("Type") in KINDS
        for template in templates
        for resource in template.get("Resources", {}).values()
    )


class Resources:
    """What a stack has, by the names of its template."""

    def __init__(self, stack: Moto) -> None:
        self._stack = stack
        self.map: Moto = stack.resource_map

    def __contains__(self, name: str) -> bool:
        return name in self.map._parsed_resources

    def __getitem__(self, name: str) -> Moto:
        return self.map._parsed_resources[name]

    @property
    def region(self) -> str:
        """The stack's region."""
        return str(self.map["AWS::Region"])

    @property
    def stack_id(self) -> str:
        """The stack's id."""
        return str(self._stack.stack_id)

    def templates(self) -> dict[str, Json]:
        """Return what the template says of each resource."""
        return dict(self.map._resource_json_map)

    def load(self, template: str, parameters: Mapping[str, Any] | None) -> set[str]:
        """Take a template; return the names of the resources that it describes otherwise."""
        stack, parsed = self._stack, self._stack.parse_template(template)
        modified = set(self.map.build_resource_diff(parsed, parameters)["Modify"])
        stack.template, stack.template_dict = template, parsed
        stack.description = parsed.get("Description")
        self.map._template = parsed
        if parameters:
            stack.parameters = self.map.input_parameters = parameters
        self.map.load_mapping()
        self.map.load_parameters()
        self.map.load_conditions()
        self.map._resource_json_map = dict(parsed["Resources"])
        stack.output_map = stack._create_output_map()
        return modified

    def is_wanted(self, name: str) -> bool:
        """Tell whether the condition of a resource, if it has one, holds."""
        condition = self.templates()[name].get("Condition")
        return condition is None or bool(self.map.lazy_condition_map[condition])

    def create(self, name: str) -> Moto:
        """Make a resource, with the tags of the stack; None for types that moto lacks."""
        made = self._parsed(parsing.parse_and_create_resource, name)
        if made is not None:
            self.map._parsed_resources[name] = made
        if isinstance(made, TaggedEC2Resource):
            tags = {
                **self.map.tags,
                "aws:cloudformation:stack-name": self._stack.name,
                "aws:cloudformation:stack-id": self.stack_id,
                "aws:cloudformation:logical-id": name,
            }
            backend = moto_state.ec2(self.region)
            backend.create_tags([made.physical_resource_id], tags)
        return made

    def update(self, name: str) -> None:
        """Change a resource as moto does, which may put another in its place."""
        self.map._parsed_resources[name] = self._parsed(parsing.parse_and_update_resource, name)

    def properties(self, name: str) -> Properties:
        """Return the properties of a resource with all references resolved."""
        parsed = parsing.parse_resource_and_generate_name(name, self.templates()[name], self.map)
        properties: Properties = parsed[1]["Properties"]
        return properties

    def drop(self, name: str) -> None:
        """Forget a resource."""
        self.map._resource_json_map.pop(name, None)
        self.map._parsed_resources.pop(name, None)

    def drop_unmade(self) -> None:
        """Forget what was never made, and the outputs that would ask for it."""
        for name in self.templates():
            if name not in self:
                self.drop(name)
        self._stack.output_map._output_json_map = None

    def spell_out_retention(self) -> None:
        """Retain what outlives its stack; moto knows one of the two policies that say so."""
        for template in self.map._resource_json_map.values():
            if template.get("DeletionPolicy") in RETAINED:
                template["DeletionPolicy"] = "Retain"

    def snapshot(self) -> Snapshot:
        """Return everything that `restore` brings back."""
        of_map = {
            name: copy.copy(value) if isinstance(value, dict) else value
            for name, value in self.map.__dict__.items()
        }
        return of_map, {name: getattr(self._stack, name) for name in _OF_STACK}

    def restore(self, snapshot: Snapshot) -> None:
        """Be what the stack was then; resources themselves are not touched."""
        of_map, of_stack = snapshot
        self.map.__dict__.update(of_map)
        self._stack.__dict__.update(of_stack)

    def _parsed(self, parse: Callable[..., Moto], name: str) -> Moto:
        account = self._stack.account_id
        template = self.templates()[name]
        return parse(name, template, self.map, account_id=account, region_name=self.region)

"""Makes, changes and deletes single resources of stacks, and remembers what they were made of."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from guardrail_sandbox import moto_state
from guardrail_sandbox.stacks.kinds import KINDS, Properties, retag
from guardrail_sandbox.stacks.order import references
from guardrail_sandbox.stacks.teardown import Doomed

if TYPE_CHECKING:
    from guardrail_sandbox.stacks.resources import Resources
    from guardrail_sandbox.untyped import Client, Json, Moto


class Workshop:
    """`client` returns the EC2 client of CloudFormation in a region."""

    def __init__(self, client: Callable[[str], Client]) -> None:
        self._client = client
        self._properties: dict[str, Properties] = {}
        self._ids: dict[tuple[str, str], str] = {}

    def make(
        self, kind: str, name: str, properties: Properties, *, region: str, of: tuple[str, str]
    ) -> Moto:
        """Make a resource `of` a stack's id and a name in its template; return moto's object.

        What EC2 refuses after the first call leaves a resource that `made` knows.
        """
        self._ids.pop(of, None)
        ec2 = self._client(region)
        made = KINDS[kind].make(ec2, name, properties)
        self._ids[of], self._properties[made] = made, properties
        KINDS[kind].complete(ec2, made, properties)
        return _stored(region, made)

    def made(self, stack_id: str, name: str) -> str:
        """Return the id of the resource that was made last for a name; empty for none."""
        return self._ids.get((stack_id, name), "")

    def properties(self, physical_id: str) -> Properties:
        """Return what the template said last of a resource."""
        return self._properties.get(physical_id, {})

    def change(self, kind: str, physical_id: str, *, properties: Properties, region: str) -> None:
        """Give a resource other properties, by as few calls as the difference needs."""
        before, ec2 = self.properties(physical_id), self._client(region)
        self._properties[physical_id] = properties
        retag(ec2, physical_id, before, properties)
        changes = KINDS[kind].changes(before, properties)
        changes.pop("Tags", None)
        if changes:
            KINDS[kind].update(ec2, physical_id, changes)

    def doomed(
        self, name: str, template: Json, resource: Moto | str, resources: Resources
    ) -> Doomed:
        """Return the deletion of a resource: moto's object, or the id of one of the four types."""
        kind, needs = template["Type"], frozenset(references(template))
        if kind not in KINDS:
            delete = partial(resources.map._delete_resource, resource, template)  # noqa: SLF001  moto has no other way
            physical_id = str(getattr(resource, "physical_resource_id", "") or "")
            return Doomed(name, kind, physical_id, needs, delete, gone=lambda: True)
        physical_id = resource if isinstance(resource, str) else resource.id
        ec2 = self._client(resources.region)
        return Doomed(
            name,
            kind,
            physical_id,
            needs,
            delete=partial(KINDS[kind].delete, ec2, physical_id),
            gone=partial(KINDS[kind].gone, ec2, physical_id),
        )


def _stored(region: str, resource_id: str) -> Moto:
    ec2 = moto_state.ec2(region)
    for kept in (ec2.vpcs, ec2.vpc_end_points):
        if resource_id in kept:
            return kept[resource_id]
    for kept in (*ec2.subnets.values(), *ec2.groups.values()):
        with suppress(KeyError):
            return kept[resource_id]
    raise KeyError(resource_id)

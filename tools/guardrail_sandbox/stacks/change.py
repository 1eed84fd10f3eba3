"""A stack is created or updated, and rolled back when EC2 refuses a part of it.

An update makes and changes first and deletes last, so that it can go back: changed resources get
their former properties, new ones are deleted. AWS: CloudFormation user guide, "Stack failure
options" and "Update behaviors of stack resources".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from guardrail_sandbox.stacks.kinds import KINDS, Properties
from guardrail_sandbox.stacks.order import in_order
from guardrail_sandbox.stacks.resources import RETAINED, Resources, Snapshot
from guardrail_sandbox.stacks.telling import Teller, failed_to, reason_of

if TYPE_CHECKING:
    from guardrail_sandbox.stacks.teardown import Doomed
    from guardrail_sandbox.stacks.workshop import Workshop
    from guardrail_sandbox.untyped import Json

_ANOTHER = "Requested update requires the creation of a new physical resource; hence creating one."


class TearDown(Protocol):
    """Deletes in its own time; then `then` is called with the names that could not be deleted."""

    def __call__(
        self,
        doomed: Iterable[Doomed],
        *,
        then: Callable[[list[str]], None],
        on_gone: Callable[[str], None] | None = None,
    ) -> None:
        """Begin."""


class Change:
    """One creation or update of a stack."""

    def __init__(
        self, resources: Resources, workshop: Workshop, teller: Teller, tear_down: TearDown
    ) -> None:
        self._resources = resources
        self._workshop = workshop
        self._teller = teller
        self._tear_down = tear_down
        self._undo: list[Callable[[], None]] = []
        self._new: list[Doomed] = []
        self._left: list[Doomed] = []
        self._failed = ""

    def create(self, template: str, parameters: Mapping[str, Any] | None) -> None:
        """Make every resource, or none: a stack that was rolled back keeps its name alone."""
        self._resources.load(template, parameters)
        try:
            self._carry_out(set())
        except ClientError:
            self._teller.status(
                "ROLLBACK_IN_PROGRESS", f"{self._failed}Rollback requested by user."
            )
            self._resources.drop_unmade()
            end = partial(self._end_of, "ROLLBACK")
            self._tear_down(self._new, then=end, on_gone=self._resources.drop)
        else:
            self._teller.status("CREATE_COMPLETE")

    def update(self, template: str, parameters: Mapping[str, Any] | None) -> None:
        """Bring the resources to another template, or leave them as they were."""
        former, before = self._resources.snapshot(), self._resources.templates()
        try:
            modified = self._resources.load(template, parameters)
        except BaseException:
            self._resources.restore(former)
            raise
        self._teller.status("UPDATE_IN_PROGRESS", "User Initiated")
        try:
            self._carry_out(modified)
        except ClientError:
            self._teller.status("UPDATE_ROLLBACK_IN_PROGRESS", self._failed)
            self._go_back(former)
        else:
            self._remove(before)
            self._teller.status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
            # What cannot be deleted is left to the owner: the update is complete anyway.
            self._tear_down(self._left, then=lambda _: self._teller.status("UPDATE_COMPLETE"))

    def _carry_out(self, modified: set[str]) -> None:
        templates = self._resources.templates()
        for name in in_order(templates):
            kind = templates[name]["Type"]
            if name not in self._resources:
                self._add(name, kind)
            elif kind in KINDS:
                self._change(name, kind)
            elif name in modified:
                self._resources.update(name)

    def _add(self, name: str, kind: str) -> None:
        if self._resources.is_wanted(name):
            self._teller.resource(name, kind, "", "CREATE_IN_PROGRESS")
            self._make(name, kind, "CREATE")

    def _change(self, name: str, kind: str) -> None:
        resource, wanted = self._resources[name], self._resources.properties(name)
        before = self._workshop.properties(resource.id)
        if wanted == before:
            return
        another = KINDS[kind].needs_another(before, wanted)
        reason = _ANOTHER if another else None
        self._teller.resource(name, kind, resource.id, "UPDATE_IN_PROGRESS", reason=reason)
        if another:
            self._leave(name, self._resources.templates()[name], "UpdateReplacePolicy")
            self._make(name, kind, "UPDATE")
        else:
            self._give(name, kind, before, wanted)

    def _make(self, name: str, kind: str, verb: str) -> None:
        resources, workshop = self._resources, self._workshop
        template = resources.templates()[name]
        try:
            made = resources.create(name)
        except ClientError as refused:
            begun = workshop.made(resources.stack_id, name)
            if begun:
                self._new.append(workshop.doomed(name, template, begun, resources))
            self._fail(name, kind, begun, verb, refused)
            raise
        if made is not None:
            doomed = workshop.doomed(name, template, made, resources)
            self._new.append(doomed)
            self._teller.resource(name, kind, doomed.physical_id, f"{verb}_COMPLETE")

    def _give(self, name: str, kind: str, before: Properties, wanted: Properties) -> None:
        found = self._resources[name].id
        change = partial(self._workshop.change, kind, found, region=self._resources.region)
        # A refusal may come after the first of several calls, so what failed goes back, too.
        self._undo.append(partial(change, properties=before))
        try:
            change(properties=wanted)
        except ClientError as refused:
            self._fail(name, kind, found, "UPDATE", refused)
            raise
        self._teller.resource(name, kind, found, "UPDATE_COMPLETE")

    def _fail(self, name: str, kind: str, found: str, verb: str, refused: ClientError) -> None:
        self._failed = failed_to(verb.lower(), [name])
        reason = reason_of(refused)
        self._teller.resource(name, kind, found, f"{verb}_FAILED", reason=reason)

    def _remove(self, before: Mapping[str, Json]) -> None:
        for name in before.keys() - self._resources.templates().keys():
            if name in self._resources:
                self._leave(name, before[name], "DeletionPolicy")
                self._resources.drop(name)

    def _leave(self, name: str, template: Json, policy: str) -> None:
        """Have a resource deleted in the end, unless its template retains it."""
        if template.get(policy) not in RETAINED:
            resource = self._resources[name]
            self._left.append(self._workshop.doomed(name, template, resource, self._resources))

    def _go_back(self, former: Snapshot) -> None:
        self._resources.restore(former)
        try:
            for undo in reversed(self._undo):
                undo()
        except ClientError as refused:
            self._teller.status("UPDATE_ROLLBACK_FAILED", reason_of(refused))
            return
        self._teller.status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        end = partial(self._teller.status, "UPDATE_ROLLBACK_COMPLETE")
        self._tear_down(self._new, then=lambda _: end())

    def _end_of(self, verb: str, failed: list[str]) -> None:
        if failed:
            self._teller.status(f"{verb}_FAILED", failed_to("delete", failed))
        else:
            self._teller.status(f"{verb}_COMPLETE")

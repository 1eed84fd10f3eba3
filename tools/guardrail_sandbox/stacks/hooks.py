"""Takes moto's place where stacks with networks are created, updated and deleted.

Deletions take their time. On a driven clock, and after some seconds in real time, the request is
answered meanwhile, and the stack's status tells how far it is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import CloudFormationBackend, Stack
from moto.ec2.models.security_groups import SecurityGroup
from moto.ec2.models.subnets import Subnet
from moto.ec2.models.vpcs import VPC, VPCEndPoint

from guardrail_sandbox import moto_state
from guardrail_sandbox.clock import DrivenClock
from guardrail_sandbox.stacks.change import Change
from guardrail_sandbox.stacks.order import in_order
from guardrail_sandbox.stacks.resources import RETAINED, Resources, has_network
from guardrail_sandbox.stacks.teardown import Doomed, Teardown
from guardrail_sandbox.stacks.telling import Teller, failed_to
from guardrail_sandbox.stacks.workshop import Workshop

if TYPE_CHECKING:
    from guardrail_sandbox.clock import Clock
    from guardrail_sandbox.untyped import Client, Json, Moto

_CLASSES: Mapping[str, type] = {
    "AWS::EC2::VPC": VPC,
    "AWS::EC2::Subnet": Subnet,
    "AWS::EC2::SecurityGroup": SecurityGroup,
    "AWS::EC2::VPCEndpoint": VPCEndPoint,
}
_PAUSE_SECONDS = 30.0
_SHORT_PAUSE_SECONDS = 0.3
"""In real time nobody wants to wait."""
_IN_REQUEST_SECONDS = 20.0
Later = Callable[[float, Callable[[], None]], None]


class NetworkStacks:
    """Does the work until `remove` is called; `later` does something after some seconds."""

    def __init__(self, client: Callable[[str], Client], clock: Clock, later: Later) -> None:
        self._workshop = Workshop(client)
        self._clock = clock
        self._later = later
        self._driven = isinstance(clock, DrivenClock)
        self._replaced: list[tuple[type, str, Any]] = []

    def install(self) -> None:
        """Let stacks be made by calls of the client (of a region)."""
        for kind, cls in _CLASSES.items():
            create = classmethod(_creation(self._workshop, kind))
            self._replace(cls, "create_from_cloudformation_json", create)
        self._wrap(Stack, "create_resources", self._create_stack)
        self._wrap(Stack, "update", self._update_stack)
        self._replace(Stack, "stack_resources", property(_made))
        self._wrap(CloudFormationBackend, "execute_change_set", self._execute_change_set)
        self._wrap(CloudFormationBackend, "delete_stack", self._delete_stack)

    def remove(self) -> None:
        """Give moto its own way back."""
        for cls, method, original in reversed(self._replaced):
            if original is None:
                delattr(cls, method)
            else:
                setattr(cls, method, original)
        self._replaced.clear()

    def _wrap(self, cls: type, method: str, instead: Callable[..., object]) -> None:
        """Call `instead` with moto's own method first."""
        original = cls.__dict__[method]

        def replacement(*arguments: object, **named: object) -> object:
            return instead(original, *arguments, **named)

        self._replace(cls, method, replacement)

    def _replace(self, cls: type, method: str, replacement: object) -> None:
        self._replaced.append((cls, method, cls.__dict__.get(method)))
        setattr(cls, method, replacement)

    def _create_stack(self, original: Callable[..., None], stack: Moto) -> None:
        if not has_network(stack.template_dict):
            return original(stack)
        return self._change(stack).create(stack.template, None)

    def _update_stack(
        self,
        original: Callable[..., None],
        stack: Moto,
        template: str,
        role_arn: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        if not has_network(stack.template_dict, stack.parse_template(template)):
            return original(stack, template, role_arn, parameters, tags)
        return self._update(stack, template, parameters)

    def _execute_change_set(
        self,
        original: Callable[..., None],
        backend: Moto,
        change_set_name: str,
        stack_name: str | None = None,
    ) -> None:
        change_set = backend.describe_change_set(change_set_name)
        stack = backend.stacks[change_set.stack_id]
        if not has_network(stack.template_dict, change_set.template_dict):
            return original(backend, change_set_name, stack_name)
        change_set.execution_status = "EXECUTE_COMPLETE"
        if change_set.change_set_type != "CREATE":
            return self._update(stack, change_set.template, change_set.parameters)
        self._teller(stack).status("CREATE_IN_PROGRESS", "User Initiated")
        return self._change(stack).create(change_set.template, change_set.parameters)

    def _delete_stack(
        self, original: Callable[..., None], backend: Moto, name_or_stack_id: str
    ) -> None:
        found = [s for s in backend.stacks.values() if name_or_stack_id in {s.name, s.stack_id}]
        if not found or not has_network(found[0].template_dict):
            return _delete_without_network(original, backend, name_or_stack_id, found)
        (stack,) = found
        if stack.status == "DELETE_IN_PROGRESS":
            return None
        resources, exports = Resources(stack), [export.name for export in stack.exports]
        doomed = self._all_of(resources)
        self._teller(stack).status("DELETE_IN_PROGRESS", "User Initiated")
        resources.drop_unmade()
        end = partial(self._end_deletion, backend, stack, exports)
        return self._tear_down(stack, doomed, then=end, on_gone=resources.drop)

    def _update(self, stack: Moto, template: str, parameters: Mapping[str, Any] | None) -> None:
        if stack.status.endswith("IN_PROGRESS"):
            message = f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated."
            raise ValidationError(message=message)
        self._change(stack).update(template, parameters)

    def _change(self, stack: Moto) -> Change:
        tear_down = partial(self._tear_down, stack)
        return Change(Resources(stack), self._workshop, self._teller(stack), tear_down)

    def _teller(self, stack: Moto) -> Teller:
        return Teller(stack, self._clock.now)

    def _all_of(self, resources: Resources) -> list[Doomed]:
        templates = resources.templates()
        return [
            self._workshop.doomed(name, templates[name], resources[name], resources)
            for name in in_order(templates)
            if name in resources and templates[name].get("DeletionPolicy") not in RETAINED
        ]

    def _end_deletion(
        self, backend: Moto, stack: Moto, exports: list[str], failed: list[str]
    ) -> None:
        if failed:
            self._teller(stack).status("DELETE_FAILED", failed_to("delete", failed))
            return
        self._teller(stack).status("DELETE_COMPLETE")
        backend.deleted_stacks[stack.stack_id] = backend.stacks.pop(stack.stack_id)
        for name in exports:
            backend.exports.pop(name, None)

    def _tear_down(
        self,
        stack: Moto,
        doomed: Iterable[Doomed],
        *,
        then: Callable[[list[str]], None],
        on_gone: Callable[[str], None] | None = None,
    ) -> None:
        teardown = Teardown(
            doomed,
            teller=self._teller(stack),
            monotonic=self._clock.monotonic,
            on_gone=on_gone or (lambda _: None),
        )
        in_request = 0.0 if self._driven else _IN_REQUEST_SECONDS
        self._pursue(teardown, then, until=self._clock.monotonic() + in_request)

    def _pursue(
        self, teardown: Teardown, then: Callable[[list[str]], None], until: float = 0.0
    ) -> None:
        """Go on until everything is gone: here until then, later on another thread."""
        released = threading.Condition(moto_state.LOCK)
        pause = _PAUSE_SECONDS if self._driven else _SHORT_PAUSE_SECONDS
        with released:
            while not teardown.step():
                now = self._clock.monotonic()
                if now >= until:
                    return self._later(pause, lambda: self._pursue(teardown, then))
                # Others use moto meanwhile.
                self._clock.wait(released, now + pause)
            return then(teardown.failed)


def _made(stack: Moto) -> list[Moto]:
    """Return a stack's resources; moto has None for those whose condition does not hold."""
    return [one for one in stack.resource_map.values() if one is not None]


def _delete_without_network(
    original: Callable[..., None], backend: Moto, name_or_stack_id: str, stacks: list[Moto]
) -> None:
    """Delete as moto does, and let the stack tell of what it retained, and of nothing else."""
    for stack in stacks:
        Resources(stack).spell_out_retention()
    original(backend, name_or_stack_id)
    for stack in stacks:
        Resources(stack).drop_unmade()


def _creation(workshop: Workshop, kind: str) -> Callable[..., Moto]:
    """Return what moto calls, as a class method, to make a resource of a template."""

    def create(
        _cls: type,
        name: str,
        resource: dict[str, Json],
        _account: str,
        region: str,
        **about: str,
    ) -> Moto:
        of = about["StackId"], about["LogicalId"]
        return workshop.make(kind, name, resource["Properties"], region=region, of=of)

    return create

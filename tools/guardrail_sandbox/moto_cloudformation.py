"""CloudFormation's network resources, made by EC2 calls instead of behind EC2's back.

moto makes a stack's resources in its own state: no event tells of them, updates and deletions are
left out, and EC2's rules are passed by. Here VPCs, subnets, security groups and interface
endpoints of a stack are created, changed and deleted by calls through all layers, made by
CloudFormation for the user. Other types of EC2 are made as moto does.

AWS: CloudFormation template reference, AWS::EC2::VPC, Subnet, SecurityGroup and VPCEndpoint
(whose PrivateDnsEnabled is false unless given).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from moto.ec2.models.security_groups import SecurityGroup
from moto.ec2.models.subnets import Subnet
from moto.ec2.models.vpcs import VPC, VPCEndPoint

from guardrail_sandbox import moto_state
from guardrail_sandbox.network_stack import KINDS, Kind

if TYPE_CHECKING:
    from guardrail_sandbox.clock import Clock
    from guardrail_sandbox.untyped import Client, Moto

_CLASSES: Mapping[str, type] = {
    "AWS::EC2::VPC": VPC,
    "AWS::EC2::Subnet": Subnet,
    "AWS::EC2::SecurityGroup": SecurityGroup,
    "AWS::EC2::VPCEndpoint": VPCEndPoint,
}
_METHODS = tuple(f"{verb}_from_cloudformation_json" for verb in ("create", "update", "delete"))
_LOOK_SECONDS = 0.1
_PATIENCE_SECONDS = 60.0


class NetworkStacks:
    """Takes moto's place for the four types, until `remove` is called."""

    def __init__(self, client: Callable[[str], Client], clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._given: dict[str, dict[str, Any]] = {}
        self._replaced: list[tuple[type, str, Any]] = []

    def install(self) -> None:
        """Let stacks be made by calls of the client (of a region)."""
        for name, kind in KINDS.items():
            for method, hook in zip(_METHODS, self._hooks(kind), strict=True):
                cls = _CLASSES[name]
                self._replaced.append((cls, method, cls.__dict__.get(method)))
                setattr(cls, method, classmethod(hook))

    def remove(self) -> None:
        """Give moto its own way back."""
        for cls, method, original in self._replaced:
            if original is None:
                delattr(cls, method)
            else:
                setattr(cls, method, original)
        self._replaced.clear()

    def _hooks(self, kind: Kind) -> tuple[Callable[..., Any], ...]:
        def create(
            _cls: type, name: str, resource: dict[str, Any], _account: str, region: str, **_: object
        ) -> Moto:
            made = kind.create(self._client(region), name, resource["Properties"])
            self._given[made] = resource["Properties"]
            return _stored(region, made)

        def update(
            _cls: type,
            original_resource: Moto,
            new_resource_name: str,
            cloudformation_json: dict[str, Any],
            account_id: str,
            region_name: str,
        ) -> Moto:
            del new_resource_name, account_id
            found, now = original_resource.id, cloudformation_json["Properties"]
            before = self._given.get(found, {})
            changed = {name: value for name, value in now.items() if before.get(name) != value}
            kind.update(self._client(region_name), found, changed)
            self._given[found] = now
            return original_resource

        def delete(
            _cls: type, name: str, _resource: dict[str, Any], _account: str, region: str
        ) -> None:
            client = self._client(region)
            kind.delete(client, name)
            self._wait(lambda: kind.gone(client, name))

        return create, update, delete

    def _wait(self, gone: Callable[[], bool]) -> None:
        """Wait for a deletion as CloudFormation does, and let others use moto meanwhile."""
        released = threading.Condition(moto_state.LOCK)
        until = self._clock.monotonic() + _PATIENCE_SECONDS
        with released:
            while not gone() and self._clock.monotonic() < until:
                self._clock.wait(released, self._clock.monotonic() + _LOOK_SECONDS)


def _stored(region: str, resource_id: str) -> Moto:
    ec2 = moto_state.ec2(region)
    for kept in (ec2.vpcs, ec2.vpc_end_points):
        if resource_id in kept:
            return kept[resource_id]
    for kept in (*ec2.subnets.values(), *ec2.groups.values()):
        with suppress(KeyError):
            return kept[resource_id]
    raise KeyError(resource_id)

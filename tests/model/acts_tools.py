"""What owners' tools do over minutes: tear a VPC down, insist on an own endpoint, look around."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from guardrail_sandbox.moto_endpoints import private_zones
from model.acts_endpoints import create_endpoint
from model.owner import STATES, Blocked, Owner, act
from model.region import ACCOUNT

_WAITS = (10.0, 10.0, 20.0, 20.0)
_LATER = 60.0
SUBNET_LIMIT, VPC_LIMIT = 20 * 60, 5 * 60
"""How long Terraform goes on trying to delete. It tries more often than is played here.

Source: Terraform AWS provider, aws_subnet and aws_vpc (timeouts of delete).
"""
INSISTING = 15 * 60


@act("sweep")
def sweep(owner: Owner, which: int, how: int) -> bool:
    """Let somebody start the sweep by hand."""
    del which, how
    owner.sweep()
    return True


@act("insist")
def insist(owner: Owner, which: int, how: int) -> bool:
    """Make an own endpoint with private DNS, again and again until EC2 takes it."""
    vpc, subnets = owner.subnets(which)
    if vpc is None or not all(vpc.dns) or not subnets:
        return False
    places = [subnets[0].subnet_id]

    def created() -> bool:
        if vpc.vpc_id not in owner.look().vpcs or places[0] not in owner.look().subnets:
            return True
        return create_endpoint(
            owner, vpc.vpc_id, STATES, places, private_dns=True, policy=how % 2 == 0
        )

    begun = owner.timeline.seconds
    _retry(
        owner,
        created,
        INSISTING,
        lambda: None,
        otherwise=lambda: _blocked_by_name(owner, vpc.vpc_id, begun),
    )
    return True


@act("destroy")
def destroy(owner: Owner, which: int, how: int) -> bool:
    """Tear a VPC down as Terraform does; with an odd `how` only what belongs to the owner."""
    vpc = owner.vpc(which)
    if vpc is None or vpc.default or vpc.owner_id != ACCOUNT or vpc.vpc_id in owner.tearing_down:
        return False
    owner.tearing_down.add(vpc.vpc_id)
    owner.notes(f"terraform destroy of {vpc.vpc_id}")
    _empty(owner, vpc.vpc_id, leave_interfaces=how % 4 == 3)
    _delete_subnets(owner, vpc.vpc_id)
    return True


def _empty(owner: Owner, vpc_id: str, *, leave_interfaces: bool) -> None:
    """Delete the owner's endpoints and interfaces, which his tool knows of."""
    world = owner.look()
    own = [
        e.endpoint_id
        for e in world.endpoints_of(vpc_id)
        if owner.is_own(e.endpoint_id) and not e.of_aws
    ]
    if own:
        owner.call("delete_vpc_endpoints", VpcEndpointIds=own)
    for interface in world.interfaces.values():
        inside = world.subnets[interface.subnet_id].vpc_id == vpc_id
        if inside and not interface.of_aws and not leave_interfaces:
            owner.call("delete_network_interface", NetworkInterfaceId=interface.interface_id)


def _delete_subnets(owner: Owner, vpc_id: str) -> None:
    def deleted() -> bool:
        for subnet in owner.look().subnets_of(vpc_id):
            owner.call("delete_subnet", SubnetId=subnet.subnet_id)
        return not owner.look().subnets_of(vpc_id)

    begun = owner.timeline.seconds

    def done() -> None:
        owner.tearing_down.discard(vpc_id)
        if vpc_id in owner.look().vpcs:
            owner.notes(f"terraform destroy of {vpc_id} gives up")
            _blocked_by_things(owner, vpc_id, begun)

    def then() -> None:
        _retry(owner, lambda: _deleted(owner, vpc_id), VPC_LIMIT, done, otherwise=done)

    _retry(owner, deleted, SUBNET_LIMIT, then, otherwise=done)


def _deleted(owner: Owner, vpc_id: str) -> bool:
    return vpc_id not in owner.look().vpcs or owner.call("delete_vpc", VpcId=vpc_id) is not None


def _blocked_by_things(owner: Owner, vpc_id: str, begun: float) -> None:
    """Note that a VPC could not be deleted, if nothing but the guardrail's endpoints is in it."""
    world = owner.look()
    endpoints = [e for e in world.endpoints.values() if e.vpc_id == vpc_id]
    inside = [i for i in world.interfaces.values() if world.vpc_of(i.interface_id) == vpc_id]
    of_others = any(owner.is_own(e.endpoint_id) or e.of_aws for e in endpoints)
    if not of_others and all(i.of_aws for i in inside):
        owner.blocked.append(Blocked("teardown", vpc_id, begun))


def _blocked_by_name(owner: Owner, vpc_id: str, begun: float) -> None:
    """Note that an own endpoint could not be made, if the guardrail's has the service's name."""
    vpc = owner.look().vpcs.get(vpc_id)
    named = [
        e
        for e in owner.look().endpoints_of(vpc_id)
        if e.service == STATES and e.private_dns and not owner.is_own(e.endpoint_id)
    ]
    if vpc is not None and all(vpc.dns) and named and not private_zones(vpc_id):
        owner.blocked.append(Blocked("conflict", vpc_id, begun))


def _retry(
    owner: Owner,
    attempt: Callable[[], bool],
    limit: float,
    then: Callable[[], None],
    otherwise: Callable[[], None] = lambda: None,
) -> None:
    """Try until it works or the time is over; the rest of the world goes on in between."""
    end = owner.timeline.seconds + limit
    waits = _growing()

    def once() -> None:
        if attempt():
            then()
        elif (wait := next(waits)) + owner.timeline.seconds > end:
            otherwise()
        else:
            owner.timeline.after(wait, once)

    once()


def _growing() -> Iterator[float]:
    yield from _WAITS
    while True:
        yield _LATER

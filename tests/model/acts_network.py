"""What owners do to their networks: VPCs, subnets, blocks, DNS, addresses, tags, sharing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from moto.route53.models import route53_backends

from model.owner import Owner, act, pick
from model.product import EXEMPTION_TAG, SUBNET_TAG
from model.region import ACCOUNT, NAME

ZONES = tuple(f"{NAME}{letter}" for letter in "abcde")
"""The last one is not offered by either service."""
OTHER_ACCOUNT = "999988887777"
SERVICE_DOMAIN = f"states.{NAME}.amazonaws.com"


@act("wait")
def wait(owner: Owner, which: int, how: int) -> bool:
    """Do nothing."""
    del owner, which, how
    return True


@act("network")
def network(owner: Owner, which: int, how: int) -> bool:
    """Make a VPC as a tool does: subnets in one to three zones, and mostly DNS hostnames."""
    vpc_id = _new_vpc(owner)
    owner.timeline.run(2)
    if how % 4 != 3:
        owner.call("modify_vpc_attribute", VpcId=vpc_id, EnableDnsHostnames={"Value": True})
    for number in range(1 + which % 3):
        owner.timeline.run(2)
        zone = ZONES[(how + number) % len(ZONES)]
        _subnet(owner, vpc_id, zone, tiny=False, tagged=number % 2 == 0)
    return True


@act("vpc")
def vpc(owner: Owner, which: int, how: int) -> bool:
    """Make a VPC without anything."""
    del which, how
    _new_vpc(owner)
    return True


@act("subnet")
def subnet(owner: Owner, which: int, how: int) -> bool:
    """Add a subnet, with 251 or 11 addresses."""
    found = owner.vpc(which)
    if found is None:
        return False
    _subnet(owner, found.vpc_id, ZONES[how % len(ZONES)], tiny=how >= len(ZONES))
    return True


@act("tag-subnet")
def tag_subnet(owner: Owner, which: int, how: int) -> bool:
    """Mark a subnet as one that may hold endpoints, or unmark it; it matters if so asked for."""
    chosen = pick(owner.subnets(which)[1], how)
    if chosen is None:
        return False
    key, value = SUBNET_TAG
    if SUBNET_TAG in chosen.tags:
        owner.call("delete_tags", Resources=[chosen.subnet_id], Tags=[{"Key": key}])
    else:
        tags = [{"Key": key, "Value": value}]
        owner.call("create_tags", Resources=[chosen.subnet_id], Tags=tags)
    return True


@act("drop-subnet")
def drop_subnet(owner: Owner, which: int, how: int) -> bool:
    """Delete a subnet, in one call that may fail."""
    chosen = pick(owner.subnets(which)[1], how)
    if chosen is None:
        return False
    owner.call("delete_subnet", SubnetId=chosen.subnet_id)
    return True


@act("drop-vpc")
def drop_vpc(owner: Owner, which: int, how: int) -> bool:
    """Delete a VPC, in one call that mostly fails."""
    del how
    found = owner.vpc(which)
    if found is None or found.default:
        return False
    owner.call("delete_vpc", VpcId=found.vpc_id)
    return True


@act("dns-on")
def dns_on(owner: Owner, which: int, how: int) -> bool:
    """Turn a DNS attribute on."""
    return _set_dns(owner, which, how, on=True)


@act("dns-off")
def dns_off(owner: Owner, which: int, how: int) -> bool:
    """Turn a DNS attribute off."""
    return _set_dns(owner, which, how, on=False)


@act("block")
def block(owner: Owner, which: int, how: int) -> bool:
    """Associate another CIDR block, of IPv4 or IPv6."""
    found = owner.vpc(which)
    if found is None:
        return False
    if how % 3 == 2:
        owner.call("associate_vpc_cidr_block", VpcId=found.vpc_id, AmazonProvidedIpv6CidrBlock=True)
    else:
        owner.call(
            "associate_vpc_cidr_block", VpcId=found.vpc_id, CidrBlock=f"10.{200 + how}.0.0/16"
        )
    return True


@act("unblock")
def unblock(owner: Owner, which: int, how: int) -> bool:
    """Take a further block away."""
    found = owner.vpc(which)
    if found is None:
        return False
    stored = owner.region.backend.vpcs[found.vpc_id].get_cidr_block_association_set()
    further = [
        b["association_id"] for b in stored if b["cidr_block"] != _primary(owner, found.vpc_id)
    ]
    chosen = pick(further, how)
    if chosen is None:
        return False
    owner.call("disassociate_vpc_cidr_block", AssociationId=chosen)
    return True


@act("fill")
def fill(owner: Owner, which: int, how: int) -> bool:
    """Use up a small subnet's addresses with one interface that has many; at most one is left."""
    small = [s for s in owner.subnets(which)[1] if 2 < s.free < 12]
    chosen = pick(small, how)
    if chosen is None:
        return False
    secondary = chosen.free - 1 - how % 2
    owner.call(
        "create_network_interface",
        SubnetId=chosen.subnet_id,
        SecondaryPrivateIpAddressCount=secondary,
    )
    return True


@act("interface")
def interface(owner: Owner, which: int, how: int) -> bool:
    """Put an interface, such as an instance's, into a subnet."""
    chosen = pick([s for s in owner.subnets(which)[1] if s.free > 1], how)
    if chosen is None:
        return False
    owner.call("create_network_interface", SubnetId=chosen.subnet_id)
    return True


@act("drop-interface")
def drop_interface(owner: Owner, which: int, how: int) -> bool:
    """Delete an interface again."""
    del how
    own = [i.interface_id for i in owner.look().interfaces.values() if not i.of_aws]
    chosen = pick(own, which)
    if chosen is None:
        return False
    owner.call("delete_network_interface", NetworkInterfaceId=chosen)
    return True


@act("exempt")
def exempt(owner: Owner, which: int, how: int) -> bool:
    """Exempt a VPC: for days, for hours more, with a date that has passed, or without a reason."""
    found = owner.vpc(which)
    if found is None:
        return False
    today = owner.timeline.clock.now().date()
    days = (30, 0, -1, 30)[how % 4]
    reason = "" if how % 4 == 3 else "; reason=migration"
    value = f"until={today + timedelta(days=days)}{reason}"
    owner.call(
        "create_tags", Resources=[found.vpc_id], Tags=[{"Key": EXEMPTION_TAG, "Value": value}]
    )
    return True


@act("unexempt")
def unexempt(owner: Owner, which: int, how: int) -> bool:
    """Take an exemption away."""
    del how
    tagged = [v for v in owner.look().vpcs.values() if EXEMPTION_TAG in dict(v.tags)]
    chosen = pick(tagged, which)
    if chosen is None:
        return False
    owner.call("delete_tags", Resources=[chosen.vpc_id], Tags=[{"Key": EXEMPTION_TAG}])
    return True


@act("default-vpc")
def default_vpc(owner: Owner, which: int, how: int) -> bool:
    """Ask for a default VPC; there can be one only."""
    del which, how
    owner.call("create_default_vpc")
    return True


@act("share")
def share(owner: Owner, which: int, how: int) -> bool:
    """Let an empty VPC with a subnet turn out to be another account's, shared with this one."""
    del which
    vpc_id = _new_vpc(owner)
    _subnet(owner, vpc_id, ZONES[how % len(ZONES)], tiny=False)
    if vpc_id not in owner.look().vpcs:
        return False
    owner.region.layer.share_vpc(vpc_id, OTHER_ACCOUNT)
    owner.region.changed()
    owner.notes(f"{vpc_id} belongs to account {OTHER_ACCOUNT}")
    return True


@act("zone")
def zone(owner: Owner, which: int, how: int) -> bool:
    """Associate a private hosted zone of the service's name: the VPC is served centrally.

    Route 53 refuses that where an endpoint has the name. Source: Route 53 developer guide,
    "Considerations when working with a private hosted zone" (ConflictingDomainExists).
    """
    del how
    found = owner.vpc(which)
    if found is None or _is_named(owner, found.vpc_id):
        return False
    route53: Any = route53_backends[ACCOUNT]["aws"]
    name = f"{SERVICE_DOMAIN}."
    route53.create_hosted_zone(
        name, private_zone=True, vpcid=found.vpc_id, vpcregion=NAME, comment=None
    )
    owner.region.changed()
    owner.notes(f"a private hosted zone {name} is associated with {found.vpc_id}")
    return True


def _new_vpc(owner: Owner) -> str:
    number = len(owner.look().vpcs)
    answer = owner.call("create_vpc", CidrBlock=f"10.{number % 200}.0.0/16")
    return str((answer or {})["Vpc"]["VpcId"])


def _subnet(owner: Owner, vpc_id: str, where: str, *, tiny: bool, tagged: bool = False) -> None:
    """Add a subnet in the next free part of the VPC's first block, unless the VPC has gone."""
    if vpc_id not in owner.look().vpcs:
        return
    tags = [{"Key": SUBNET_TAG[0], "Value": SUBNET_TAG[1]}] if tagged else []
    taken = {
        s.cidr_block
        for z in owner.region.backend.subnets.values()
        for s in z.values()
        if s.vpc_id == vpc_id
    }
    stem = ".".join(_primary(owner, vpc_id).split(".")[:2])
    length = 28 if tiny else 24
    number = next(n for n in range(256) if not any(c.startswith(f"{stem}.{n}.") for c in taken))
    owner.call(
        "create_subnet",
        VpcId=vpc_id,
        CidrBlock=f"{stem}.{number}.0/{length}",
        AvailabilityZone=where,
        **({"TagSpecifications": [{"ResourceType": "subnet", "Tags": tags}]} if tags else {}),
    )


def _is_named(owner: Owner, vpc_id: str) -> bool:
    named = (e for e in owner.look().endpoints_of(vpc_id) if e.private_dns)
    return any(e.service == SERVICE_DOMAIN.partition(".")[0] for e in named)


def _set_dns(owner: Owner, which: int, how: int, *, on: bool) -> bool:
    found = owner.vpc(which)
    if found is None:
        return False
    name = ("EnableDnsHostnames", "EnableDnsSupport")[how % 2]
    owner.call("modify_vpc_attribute", VpcId=found.vpc_id, **{name: {"Value": on}})
    return True


def _primary(owner: Owner, vpc_id: str) -> str:
    return str(owner.region.backend.vpcs[vpc_id].cidr_block)

"""Which of EC2's two record layouts an API has.

Legacy: camelCase members at the top of `requestParameters` and `responseElements`, lists as
`{"items": [...]}`. Nested: everything under one wrapper, converted from XML.

AWS documents neither. The rule that fits every public record we know: the APIs of the SOAP
era (up to 2014) are legacy, and that set is closed; whatever came later is nested. So an API
that is not named here is nested.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Family(StrEnum):
    """The layout of a record's request and response."""

    LEGACY = "legacy"
    NESTED = "nested"


# Published records show these to be legacy.
_LEGACY_SEEN: Final = """
    AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress CreateNetworkInterface
    CreateSecurityGroup CreateSubnet CreateTags CreateVpc DeleteSecurityGroup DeleteSubnet
    DeleteVpc ModifyInstanceAttribute RevokeSecurityGroupEgress RevokeSecurityGroupIngress
"""

# As old as those, so taken to be legacy too; ModifyVpcAttribute by analogy with
# ModifyInstanceAttribute.
_LEGACY_BY_AGE: Final = """
    AcceptVpcPeeringConnection AllocateAddress AssignPrivateIpAddresses AssociateAddress
    AssociateDhcpOptions AssociateRouteTable AttachInternetGateway AttachNetworkInterface
    AttachVolume AttachVpnGateway CopyImage CopySnapshot CreateCustomerGateway
    CreateDhcpOptions CreateImage CreateInternetGateway CreateKeyPair CreateNetworkAcl
    CreateNetworkAclEntry CreatePlacementGroup CreateRoute CreateRouteTable CreateSnapshot
    CreateVolume CreateVpcPeeringConnection CreateVpnConnection CreateVpnGateway
    DeleteCustomerGateway DeleteDhcpOptions DeleteInternetGateway DeleteKeyPair
    DeleteNetworkAcl DeleteNetworkAclEntry DeleteNetworkInterface DeletePlacementGroup
    DeleteRoute DeleteRouteTable DeleteSnapshot DeleteTags DeleteVolume
    DeleteVpcPeeringConnection DeleteVpnConnection DeleteVpnGateway DeregisterImage
    DetachInternetGateway DetachNetworkInterface DetachVolume DetachVpnGateway
    DisassociateAddress DisassociateRouteTable ImportKeyPair ModifyImageAttribute
    ModifyNetworkInterfaceAttribute ModifySnapshotAttribute ModifySubnetAttribute
    ModifyVolumeAttribute ModifyVpcAttribute MonitorInstances RebootInstances RegisterImage
    RejectVpcPeeringConnection ReleaseAddress ReplaceNetworkAclAssociation
    ReplaceNetworkAclEntry ReplaceRoute ReplaceRouteTableAssociation ResetImageAttribute
    ResetInstanceAttribute ResetNetworkInterfaceAttribute ResetSnapshotAttribute RunInstances
    StartInstances StopInstances TerminateInstances UnassignPrivateIpAddresses
    UnmonitorInstances
"""
_LEGACY: Final = frozenset(_LEGACY_SEEN.split()) | frozenset(_LEGACY_BY_AGE.split())

# Request wrappers that are not `<Event>Request`, as published records show them.
_WRAPPERS: Final = {"DeleteTransitGatewayVpcAttachment": "DelTGwVpcAttachReq"}


def family_of(action: str, *, default_vpc: Family = Family.NESTED) -> Family:
    """Return the layout of `action`'s record.

    `default_vpc` settles CreateDefaultVpc: a published failed call is nested, while public
    code reads successful ones as legacy, so both can be asked for.
    """
    if action == "CreateDefaultVpc":
        return default_vpc
    return Family.LEGACY if action in _LEGACY else Family.NESTED


def request_wrapper(action: str) -> str:
    """Return the key under which a nested record keeps its request."""
    return _WRAPPERS.get(action, f"{action}Request")

"""The one list of what differs between our records and the published ones, with the reasons.

docs/reference/sandbox-trail.md tells the same to its readers; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase


class Side(StrEnum):
    """How a field differs, seen from our record; `ANY` is for subtrees of another form."""

    MISSING = "missing"
    EXTRA = "extra"
    OTHER = "other"
    ANY = "any"


@dataclass(frozen=True)
class Difference:
    """Records (a pattern of file names) in which the fields under `path` may differ so."""

    records: str
    path: str
    side: Side
    reason: str

    def covers(self, record: str, path: str, side: Side) -> bool:
        """Whether this excuses a difference of the field `path` in the file `record`."""
        # fnmatch reads brackets as character sets; array marks are no pattern.
        plain = path.replace("[]", "")
        inside = plain == self.path or plain.startswith(f"{self.path}.")
        alike = self.side in {Side.ANY, side}
        return inside and alike and fnmatchcase(record, self.records)


_ENDPOINT = "responseElements.CreateVpcEndpointResponse.vpcEndpoint"
_ATTACHMENT = (
    "responseElements.DeleteTransitGatewayVpcAttachmentResponse.transitGatewayVpcAttachment"
)
_OLDER = "the published record is older than this field"

DIFFERENCES: tuple[Difference, ...] = (
    # What only AWS's own front door knows.
    Difference("*", "tlsDetails.tlsVersion", Side.MISSING, "no TLS on the loopback interface"),
    Difference("*", "tlsDetails.cipherSuite", Side.MISSING, "no TLS on the loopback interface"),
    Difference("*", "sessionCredentialFromConsole", Side.MISSING, "nobody uses a console"),
    # Who called.
    Difference(
        "*",
        "userIdentity.sessionContext.webIdFederationData",
        Side.MISSING,
        "gone from current records",
    ),
    Difference(
        "*",
        "userIdentity.sessionContext.ec2RoleDelivery",
        Side.MISSING,
        "only roles of EC2 instances have it",
    ),
    *(
        Difference(
            "*", f"userIdentity.sessionContext.{name}", Side.MISSING, "users have no MFA session"
        )
        for name in ("sessionIssuer", "attributes.creationDate", "attributes.mfaAuthenticated")
    ),
    # Fields that CloudTrail or EC2 added after the record was published.
    Difference("*", "eventVersion", Side.OTHER, _OLDER),
    Difference("*", "tlsDetails.clientProvidedHostHeader", Side.EXTRA, _OLDER),
    Difference("CreateSecurityGroup-*", "responseElements.securityGroupArn", Side.EXTRA, _OLDER),
    Difference(
        "AuthorizeSecurityGroup*",
        "responseElements.securityGroupRuleSet.items.securityGroupRuleArn",
        Side.EXTRA,
        _OLDER,
    ),
    *(
        Difference(
            "CreateVpcEndpoint-interface-two-subnets", f"{_ENDPOINT}.{name}", Side.EXTRA, _OLDER
        )
        for name in ("ipAddressType", "dnsOptions")
    ),
    # What moto answers otherwise and the layer cannot know better.
    Difference(
        "CreateVpc-*", "responseElements.vpc.dhcpOptionsId", Side.OTHER, "moto answers `default`"
    ),
    Difference(
        "RevokeSecurityGroup*-v1.11",
        "responseElements.revokedSecurityGroupRuleSet",
        Side.MISSING,
        "moto does not tell which rules it removed",
    ),
    Difference(
        "CreateVpcEndpoint-*",
        f"{_ENDPOINT}.dnsEntrySet",
        Side.ANY,
        "moto makes up one name, AWS makes one per zone and one for all, none without subnets",
    ),
    Difference(
        "CreateVpcEndpoint-interface-no-subnets-partial",
        f"{_ENDPOINT}.groupSet",
        Side.ANY,
        "moto does not fall back to the VPC's default group",
    ),
    Difference(
        "CreateVpcEndpoint-interface-no-subnets-partial",
        f"{_ENDPOINT}.policyDocument",
        Side.EXTRA,
        "moto answers a default policy, this published record has none",
    ),
    Difference(
        "CreateVpcEndpoint-interface-two-subnets",
        f"{_ENDPOINT}.privateDnsEnabled",
        Side.OTHER,
        "not asked for: moto answers true, AWS answered false for this service",
    ),
    *(
        Difference("eventbridge-envelope-*", f"{_ATTACHMENT}.{name}", side, "moto's answer")
        for name, side in (
            ("options", Side.EXTRA),
            ("state", Side.OTHER),
            ("subnetIds", Side.EXTRA),
        )
    ),
    Difference(
        "eventbridge-envelope-*",
        f"{_ATTACHMENT}.vpcOwnerId",
        Side.OTHER,
        "a string in the published record, against the rule of all others; perhaps edited",
    ),
)

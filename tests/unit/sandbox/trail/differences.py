"""The one list of what differs between our records and the published ones, with the reasons.

docs/reference/sandbox-trail.md tells the same to its readers; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Difference:
    """Records (a pattern of file names) in which the fields under `path` may differ."""

    records: str
    path: str
    reason: str

    def covers(self, record: str, path: str) -> bool:
        """Whether this excuses a difference at `path` in the file `record`."""
        # fnmatch reads brackets as character sets; array marks are no pattern.
        plain = path.replace("[]", "")
        inside = plain == self.path or plain.startswith(f"{self.path}.")
        return inside and fnmatchcase(record, self.records)


_ENDPOINT = "responseElements.CreateVpcEndpointResponse.vpcEndpoint"
_ATTACHMENT = (
    "responseElements.DeleteTransitGatewayVpcAttachmentResponse.transitGatewayVpcAttachment"
)
_OLDER = "the published record is older than this field"

DIFFERENCES: tuple[Difference, ...] = (
    # What only AWS's own front door knows.
    Difference("*", "tlsDetails.tlsVersion", "there is no TLS on the loopback interface"),
    Difference("*", "tlsDetails.cipherSuite", "there is no TLS on the loopback interface"),
    Difference("*", "sessionCredentialFromConsole", "nobody comes from a console"),
    # Who called.
    Difference("*", "userIdentity.sessionContext.webIdFederationData", "gone from current records"),
    Difference(
        "*", "userIdentity.sessionContext.ec2RoleDelivery", "only EC2 instances' roles have it"
    ),
    *(
        Difference("*", f"userIdentity.sessionContext.{name}", "users have no MFA session here")
        for name in ("sessionIssuer", "attributes.creationDate", "attributes.mfaAuthenticated")
    ),
    # Fields that CloudTrail or EC2 added after the record was published.
    Difference("*", "eventVersion", _OLDER),
    Difference("*", "tlsDetails.clientProvidedHostHeader", _OLDER),
    Difference("CreateSecurityGroup-*", "responseElements.securityGroupArn", _OLDER),
    Difference(
        "AuthorizeSecurityGroup*",
        "responseElements.securityGroupRuleSet.items.securityGroupRuleArn",
        _OLDER,
    ),
    Difference("CreateVpcEndpoint-interface-two-subnets", f"{_ENDPOINT}.ipAddressType", _OLDER),
    Difference("CreateVpcEndpoint-interface-two-subnets", f"{_ENDPOINT}.dnsOptions", _OLDER),
    # What moto answers otherwise and the layer cannot know better.
    Difference("CreateVpc-*", "responseElements.vpc.dhcpOptionsId", "moto answers `default`"),
    Difference(
        "RevokeSecurityGroup*-v1.11",
        "responseElements.revokedSecurityGroupRuleSet",
        "moto does not tell which rules it removed",
    ),
    Difference(
        "CreateVpcEndpoint-*",
        f"{_ENDPOINT}.dnsEntrySet",
        "moto makes up one name, AWS makes one per zone and one for all, none without subnets",
    ),
    Difference(
        "CreateVpcEndpoint-interface-no-subnets-partial",
        f"{_ENDPOINT}.groupSet",
        "moto does not fall back to the VPC's default group",
    ),
    Difference(
        "CreateVpcEndpoint-interface-no-subnets-partial",
        f"{_ENDPOINT}.policyDocument",
        "moto answers a default policy, this published record has none",
    ),
    Difference(
        "CreateVpcEndpoint-interface-two-subnets",
        f"{_ENDPOINT}.privateDnsEnabled",
        "not asked for: moto answers true, AWS answered false for this service",
    ),
    *(
        Difference("eventbridge-envelope-*", f"{_ATTACHMENT}.{name}", "moto answers otherwise")
        for name in ("options", "state", "subnetIds")
    ),
    Difference(
        "eventbridge-envelope-*",
        f"{_ATTACHMENT}.vpcOwnerId",
        "a string in the published record, against the rule of all others; perhaps edited",
    ),
)

"""The reason codes: why a VPC is not simply compliant.

The text after each code is its documentation; `docs/reference/reasons.md` is made from it.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a VPC is not simply compliant; stable, because alarms and reports build on it."""

    ENDPOINT_MISSING = "endpoint-missing"
    """The VPC has no endpoint of a service that `Services` asks for, and could have one.

    In `enforce-new` only reported for VPCs that stood before the guardrail."""

    POLICY_BROADER = "policy-broader"
    """The endpoint's policy allows a request that the baseline does not; the witness is one."""

    POLICY_UNDECIDED = "policy-undecided"
    """The policy uses what the engine cannot judge, or judging it would take too long.

    It counts as granting too much: only a contained policy is compliant."""

    POLICY_MALFORMED = "policy-malformed"
    """The policy is not a readable policy document; it counts as granting too much."""

    SUBNET_MISSING = "subnet-missing"
    """A managed endpoint stands in fewer zones than it could (`MaxAvailabilityZones`)."""

    PRIVATE_DNS_OFF = "private-dns-off"
    """A managed endpoint lacks private DNS although the VPC's DNS attributes allow it."""

    CLIENTS_BLOCKED = "clients-blocked"
    """A managed endpoint's security group is missing, detached, or keeps clients out.

    Clients are the VPC's CIDR blocks and `ClientCidrs`, on TCP 443."""

    DUPLICATE_ENDPOINT = "duplicate-endpoint"
    """A managed endpoint is one too many: an endpoint of the owner's works beside it, a lost race
    made two, or its creation failed. It is deleted."""

    TAGS_MISSING = "tags-missing"
    """What the guardrail made has lost the tag that says so."""

    WAITING_FOR_SUBNETS = "waiting-for-subnets"
    """No subnet can hold the endpoint yet: none in a zone of the service, none tagged
    (`SubnetTag`), or none with enough free addresses (`MinFreeAddresses`). The next subnet
    brings the VPC back."""

    WAITING_FOR_DNS = "waiting-for-dns"
    """Private DNS needs `enableDnsSupport` and `enableDnsHostnames`, and one is off
    (`VpcDns`). The change of the attribute brings the VPC back."""

    SETTLING = "settling"
    """The VPC changed a moment ago, or an endpoint in it is just gone; creation waits until it has
    been quiet (`SettleSeconds`)."""

    YIELDING = "yielding"
    """The guardrail gets out of its owner's way: nothing is put back for 30 minutes after somebody
    deleted a managed endpoint or tried to tear the VPC down, or the service's name is left to an
    endpoint that the owner wants to make."""

    YIELD_SPENT = "yield-spent"
    """Somebody tried again what the guardrail has yielded to within the last 24 hours, or the event
    came too late: reported, not followed."""

    SERVED_CENTRALLY = "served-centrally"
    """The VPC's resolver gets the service's name from elsewhere (a private hosted zone, a Route 53
    Profile, a forwarding rule): no endpoint is made. Asked again after 24 hours."""

    EXEMPT = "exempt"
    """A tag (`ExemptionTag`) with an end date and a reason exempts the VPC or the endpoint."""

    EXEMPTION_INVALID = "exemption-invalid"
    """The exemption tag is there and exempts nothing: no end date, no reason, or a past date."""

    OUT_OF_SCOPE = "out-of-scope"
    """Another account owns the VPC (shared with this one), or it is a default VPC
    (`DefaultVpcs`)."""

    ADOPTED = "adopted"
    """The owner's own endpoint serves the VPC: only its policy is enforced, nothing is made."""

    NOT_APPLICABLE = "not-applicable"
    """The region offers no PrivateLink service of that name."""

    @property
    def is_drift(self) -> bool:
        """Whether this is a difference to remove, rather than a state to know about."""
        return self in _DRIFT


_DRIFT = frozenset(
    {
        Reason.ENDPOINT_MISSING,
        Reason.POLICY_BROADER,
        Reason.POLICY_UNDECIDED,
        Reason.POLICY_MALFORMED,
        Reason.SUBNET_MISSING,
        Reason.PRIVATE_DNS_OFF,
        Reason.CLIENTS_BLOCKED,
        Reason.DUPLICATE_ENDPOINT,
        Reason.TAGS_MISSING,
    }
)

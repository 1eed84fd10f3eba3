"""Who made a call, as CloudTrail's `userIdentity` tells it.

AWS: CloudTrail user guide, "CloudTrail userIdentity element".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal

Kind = Literal["IAMUser", "AssumedRole"]

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SessionIssuer:
    """The role behind temporary credentials; `user_name` is the role's name."""

    arn: str
    principal_id: str
    user_name: str


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller. An assumed role has a `session_issuer`, a user has a `user_name`.

    `session_created` is when the temporary credentials were issued (assumed roles only);
    `invoked_by` is the service that calls for this identity, e.g. `cloudformation.amazonaws.com`.
    """

    kind: Kind
    arn: str
    principal_id: str
    user_name: str | None = None
    session_issuer: SessionIssuer | None = None
    session_created: datetime = _EPOCH
    invoked_by: str | None = None

    @classmethod
    def user(
        cls,
        name: str,
        *,
        account_id: str,
        partition: str = "aws",
        invoked_by: str | None = None,
    ) -> Identity:
        """Return the IAM user `name` of the account."""
        arn = f"arn:{partition}:iam::{account_id}:user/{name}"
        unique = _unique_id("AIDA", arn)
        return cls("IAMUser", arn, unique, user_name=name, invoked_by=invoked_by)

    @classmethod
    def assumed_role(
        cls,
        role: str,
        session: str,
        *,
        account_id: str,
        created: datetime = _EPOCH,
        partition: str = "aws",
    ) -> Identity:
        """Return a session of the role named `role`; Lambda names sessions after the function."""
        role_arn = f"arn:{partition}:iam::{account_id}:role/{role}"
        role_id = _unique_id("AROA", role_arn)
        return cls(
            "AssumedRole",
            f"arn:{partition}:sts::{account_id}:assumed-role/{role}/{session}",
            f"{role_id}:{session}",
            session_issuer=SessionIssuer(role_arn, role_id, role),
            session_created=created,
        )


def user_identity(identity: Identity, *, access_key: str, account_id: str) -> dict[str, Any]:
    """Return `identity` as CloudTrail's `userIdentity` element.

    An empty `access_key` (an unsigned call) is left out.
    """
    element: dict[str, Any] = {
        "type": identity.kind,
        "principalId": identity.principal_id,
        "arn": identity.arn,
        "accountId": account_id,
    }
    if access_key:
        element["accessKeyId"] = access_key
    if identity.user_name is not None:
        element["userName"] = identity.user_name
    if identity.session_issuer is not None:
        element["sessionContext"] = _session(identity, identity.session_issuer, account_id)
    if identity.invoked_by is not None:
        element["invokedBy"] = identity.invoked_by
    return element


def partition_of(region: str) -> str:
    """Return the partition of a region, the second field of its ARNs."""
    for prefix, partition in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")):
        if region.startswith(prefix):
            return partition
    return "aws"


def timestamp(moment: datetime) -> str:
    """Return `moment` as CloudTrail writes times: UTC, whole seconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _session(identity: Identity, issuer: SessionIssuer, account_id: str) -> dict[str, Any]:
    return {
        "sessionIssuer": {
            "type": "Role",
            "principalId": issuer.principal_id,
            "arn": issuer.arn,
            "accountId": account_id,
            "userName": issuer.user_name,
        },
        # A string, not a boolean, in CloudTrail's own records.
        "attributes": {
            "creationDate": timestamp(identity.session_created),
            "mfaAuthenticated": "false",
        },
    }


def _unique_id(prefix: str, arn: str) -> str:
    """Return an id in IAM's form (21 characters) that is the same for the same ARN."""
    return prefix + sha256(arn.encode()).hexdigest()[:17].upper()

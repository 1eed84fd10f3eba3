"""What the caller says about aws:PrincipalArn and aws:PrincipalAccount.

Documented: a signed request of a user, role or root carries its own ARN (of a role session: the
role's) and account; an anonymous one carries no ARN, and the account `anonymous`. For all other
callers only this is assumed, that with an ARN comes the account in it (AWS: the account is in the
context of all requests). Every request that AWS can send is in some region; requests that it cannot
send may be too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from guardrail.core.policy.document import PrincipalKind, Text, Wild
from guardrail.core.policy.domain import ABSENT, Strings
from guardrail.core.policy.pattern import Pattern, glob
from guardrail.core.policy.principals import (
    ANONYMOUS,
    Atom,
    pathless_role,
    unused_account,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from guardrail.core.policy.document import Policy

ARN_KEY = "aws:principalarn"
ACCOUNT_KEY = "aws:principalaccount"
_ACCOUNT = re.compile(r"[0-9]{12}")
_PARTITION = re.compile(r"aws(?:-[a-z]+)*")
_ACCOUNT_TYPES = frozenset({PrincipalKind.ACCOUNT, PrincipalKind.IDENTITY, PrincipalKind.SESSION})


_CALLERS = (("iam", "role/"), ("iam", "user/"), ("iam", "root"), ("sts", "federated-user/"))
Carried = tuple[tuple[Strings, ...], tuple[Strings, ...]]


class Region(NamedTuple):
    """Callers (a mask) with what they carry under the two keys."""

    mask: int
    arns: tuple[Strings, ...]
    accounts: tuple[Strings, ...]
    loose: bool


def mentioned_accounts(policies: Iterable[Policy]) -> set[tuple[str, str]]:
    """Accounts in the conditions on the two keys: the partition, where one is told, and the id."""
    found: set[tuple[str, str]] = set()
    for policy in policies:
        for statement in policy.statements:
            for condition in statement.conditions:
                if condition.key in {ARN_KEY, ACCOUNT_KEY}:
                    for value in condition.values:
                        found |= _accounts(value)
    return found


def _accounts(value: object) -> set[tuple[str, str]]:
    literal = (
        "".join(part for part in value if type(part) is str) if isinstance(value, tuple) else ""
    )
    fields = literal.split(":")
    partition = fields[1] if fields[0] == "arn" and _PARTITION.fullmatch(fields[1]) else ""
    return {(partition, field) for field in fields if _ACCOUNT.fullmatch(field)}


def regions(atoms: tuple[Atom, ...], roles: frozenset[str]) -> tuple[Region, ...]:
    """Return the callers by what they carry, those first that make the plainest witness.

    `roles` are the ARNs that statements name: these roles exist.
    """
    accounts = sorted({atom.account for atom in atoms if atom.account})
    elsewhere = tuple(_arn_of(account) for account in accounts)
    exact = tuple(glob((account,)) for account in accounts)
    named = tuple(glob((atom.issuer,)) for atom in atoms if atom.issuer)
    tight: dict[Carried, int] = {}
    loose = 0
    for position, atom in enumerate(atoms):
        apart = named if atom.partition else named + _other_partitions(atom, atoms)
        for carried in _tight(atom, elsewhere, exact, apart, roles):
            tight[carried] = tight.get(carried, 0) | 1 << position
        if atom.kind not in _ACCOUNT_TYPES and atom != ANONYMOUS:
            loose |= 1 << position
    return (
        *(Region(mask, *carried, loose=False) for carried, mask in tight.items()),
        *(Region(loose, *carried, loose=True) for carried in _loose(elsewhere, exact)),
    )


def _other_partitions(atom: Atom, atoms: tuple[Atom, ...]) -> tuple[Pattern, ...]:
    """Return the ARNs of the account in partitions that have an atom of their own."""
    places = {one.partition for one in atoms if one.partition and one.account == atom.account}
    return tuple(glob((f"arn:{place}:", Wild.MANY)) for place in sorted(places))


def _tight(
    atom: Atom,
    elsewhere: tuple[Pattern, ...],
    exact: tuple[Pattern, ...],
    named: tuple[Pattern, ...],
    roles: frozenset[str],
) -> list[Carried]:
    """Return what AWS documents that the caller carries; empty when it documents nothing."""
    if atom == ANONYMOUS:
        anonymous = Strings(missing=True, inside=True, group=(glob(("anonymous",)),))
        return [((ABSENT,), (anonymous,))]
    if atom.kind is PrincipalKind.EVERYONE:
        foreign = Strings(missing=False, inside=False, group=elsewhere)
        other = Strings(missing=False, inside=False, group=exact)
        nobody = unused_account({pattern.prefix for pattern in exact})
        plain: Carried = ((_is(_callers("", nobody)),), (_is((glob((nobody,)),)),))
        return [plain, ((_is(_callers("", "")), foreign), (other,))]
    if atom.kind not in _ACCOUNT_TYPES:
        return []
    owner = (_is((glob((atom.account,)),)),)
    if atom.kind is PrincipalKind.ACCOUNT:
        rest = Strings(missing=False, inside=False, group=named)
        return [((_is(_callers(atom.partition, atom.account)), rest), owner)]
    return [(_issuers(atom, roles), owner)]


def _loose(elsewhere: tuple[Pattern, ...], exact: tuple[Pattern, ...]) -> list[Carried]:
    """Return a caller about whom only the tie between the two keys is known."""
    foreign = Strings(missing=False, inside=False, group=elsewhere)
    other = Strings(missing=True, inside=False, group=exact)
    tied: list[Carried] = [
        ((_is((arn,)),), (_is((account,)),)) for arn, account in zip(elsewhere, exact, strict=True)
    ]
    return [((ABSENT,), ()), *tied, ((foreign,), (other,))]


def _is(group: tuple[Pattern, ...]) -> Strings:
    return Strings(missing=False, inside=True, group=group)


def _issuers(atom: Atom, roles: frozenset[str]) -> tuple[Strings, ...]:
    """Return the ARNs that an identity may carry; a session does not tell its role's path.

    Names of roles are unique in an account: when one without a path exists, none has a path.
    """
    exact = glob((atom.issuer,))
    pathless = pathless_role(atom)
    if atom.kind is not PrincipalKind.SESSION or atom.issuer != pathless or pathless in roles:
        return (_is((exact,)),)
    place = f"arn:{atom.partition}:iam::{atom.account}:role/"
    others = tuple(glob((role,)) for role in sorted(roles) if role.endswith(f"/{atom.role}"))
    anywhere = _is((exact, glob((place, Wild.MANY, f"/{atom.role}"))))
    return anywhere, Strings(missing=False, inside=False, group=others)


def _callers(partition: str, account: str) -> tuple[Pattern, ...]:
    """Return the documented ARNs of an account's callers; of any account's when it is empty."""
    partitions: tuple[Text, ...] = ((partition,),) if partition else (("aws",), ("aws-", Wild.MANY))
    owner: Text = (account,) if account else (Wild.MANY,)
    return tuple(
        glob(("arn:", *place, f":{service}::", *owner, *_joined(tail)), segmented=True)
        for place in partitions
        for service, tail in _CALLERS
    )


def _joined(tail: str) -> Text:
    return (f":{tail}", Wild.ONE, Wild.MANY) if tail.endswith("/") else (f":{tail}",)


def _arn_of(account: str) -> Pattern:
    text: Text = (
        Wild.MANY,
        ":",
        Wild.MANY,
        ":",
        Wild.MANY,
        ":",
        Wild.MANY,
        f":{account}:",
        Wild.MANY,
    )
    return glob(text, segmented=True)

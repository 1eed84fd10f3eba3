"""Who may call: the principals that two policies mention, and one stand-in for each kind of rest.

A statement's Principal becomes a mask over these atoms. What the caller says about two condition
keys is the matter of `relations`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from guardrail.core.policy.document import Named, PrincipalKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from guardrail.core.policy.document import Policy, Statement

Key = TypeVar("Key")


class Atom(NamedTuple):
    """One principal, or (empty `value`) all others of one kind or account.

    `alias` is the unique id that it has, if that id is mentioned: nobody knows whose it is.
    """

    kind: PrincipalKind
    value: str = ""
    partition: str = ""
    account: str = ""
    role: str = ""
    issuer: str = ""
    alias: str = ""


OUTSIDER = Atom(PrincipalKind.EVERYONE)
_PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-none")
UNLISTED_SERVICE = "unlisted-service.amazonaws.com"
ANONYMOUS = Atom(PrincipalKind.EVERYONE, "anonymous")


def principal_atoms(
    policies: tuple[Policy, Policy],
    accounts: set[tuple[str, str]],
    spend: Callable[[int], None],
) -> tuple[Atom, ...]:
    """Return the atoms of both policies; `accounts` are those (partition, id) of conditions."""
    named = {
        entry
        for policy in policies
        for statement in policy.statements
        for entry in statement.principals
    }
    # A bare id means the account in the usual partition if the baseline speaks about that one, else
    # in any. The candidate has no say in that: it could refuse the account in one partition only.
    told = {
        entry.account
        for statement in policies[1].statements
        for entry in statement.principals
        if entry.partition == "aws"
    }
    places = {(entry.partition, entry.account) for entry in named if entry.partition}
    places |= {(partition, account) for partition, account in accounts if partition}
    ids = {entry.account for entry in named if entry.account}
    ids |= {account for _, account in accounts}
    places |= {("", account) for account in ids - told}
    rest = {Atom(PrincipalKind.ACCOUNT, "", *place) for place in places}
    single = {
        atom
        for entry in named
        if entry.kind not in {PrincipalKind.EVERYONE, PrincipalKind.ACCOUNT}
        for atom in _single(entry, named)
    }
    atoms = (OUTSIDER, *sorted(rest), *sorted(single), ANONYMOUS)
    opaque = sorted(entry.value for entry in named if entry.kind is PrincipalKind.UNIQUE_ID)
    spend(8 * len(opaque) * len(atoms))
    owners = [atom for atom in atoms if _may_have_id(atom)]
    return (*atoms, *(atom._replace(alias=one) for one in opaque for atom in owners))


def _may_have_id(atom: Atom) -> bool:
    """Whether a user or role is among those that the atom stands for."""
    kinds = {
        PrincipalKind.EVERYONE,
        PrincipalKind.ACCOUNT,
        PrincipalKind.IDENTITY,
        PrincipalKind.SESSION,
    }
    return atom.kind in kinds and atom != ANONYMOUS


def _single(entry: Named, named: set[Named]) -> list[Atom]:
    """Tell sessions apart by the role behind them, and keep the role's other sessions."""
    if entry.kind is not PrincipalKind.SESSION:
        return [Atom(*entry, issuer=entry.value)]
    pathless = pathless_role(entry)
    issuers = {other.value for other in named if _same_role(entry, other)} | {pathless}
    rest = Atom(PrincipalKind.IDENTITY, pathless, *entry[2:], issuer=pathless)
    return [rest, *(Atom(*entry, issuer=issuer) for issuer in sorted(issuers))]


def pathless_role(named: Named | Atom) -> str:
    """Return the ARN of the role as far as the name of a session tells it."""
    return f"arn:{named.partition}:iam::{named.account}:role/{named.role}"


def _same_role(session: Named, other: Named) -> bool:
    return other.kind is PrincipalKind.IDENTITY and (
        (other.partition, other.account, other.role)
        == (session.partition, session.account, session.role)
    )


class PrincipalMasks:
    """Which atoms a Principal element speaks about, as a mask."""

    def __init__(self, atoms: tuple[Atom, ...]) -> None:
        self.full = (1 << len(atoms)) - 1
        self._issued: dict[str, int] = {}
        self._named: dict[tuple[str, str], int] = {}
        self._owned: dict[tuple[str, str], int] = {}
        for position, atom in enumerate(atoms):
            bit = 1 << position
            _add(self._issued, atom.issuer, bit)
            _add(self._named, (atom.kind, atom.value), bit)
            if atom.alias:
                _add(self._named, (PrincipalKind.UNIQUE_ID, atom.alias), bit)
            for partition in {"", atom.partition}:
                _add(self._owned, (partition, atom.account), bit)

    def mask(self, statement: Statement) -> int:
        """Return the atoms that the statement speaks about."""
        mask = 0
        for entry in statement.principals:
            mask |= self._of(entry)
        return self.full & ~mask if statement.not_principals else mask

    def _of(self, entry: Named) -> int:
        match entry.kind:
            case PrincipalKind.EVERYONE:
                return self.full
            case PrincipalKind.ACCOUNT:
                return self._owned[entry.partition, entry.account]
            case PrincipalKind.IDENTITY:
                return self._issued[entry.value]
            case _:
                return self._named[entry.kind, entry.value]


def _add(masks: dict[Key, int], key: Key, bit: int) -> None:
    masks[key] = masks.get(key, 0) | bit


def first_atom(atoms: tuple[Atom, ...], mask: int) -> Atom:
    """Return the first atom in the mask."""
    return atoms[(mask & -mask).bit_length() - 1]


def sample_principal(atoms: tuple[Atom, ...], mask: int) -> str:
    """Return the name of one caller of the first atom in the mask."""
    atom = first_atom(atoms, mask)
    if atom.value:
        return atom.value
    taken = {other.value for other in atoms}
    account = atom.account or unused_account({other.account for other in atoms})
    others = {other.partition for other in atoms if other.account == account}
    partition = atom.partition or next(one for one in _PARTITIONS if one not in others)
    place = f"arn:{partition}:iam::{account}:role"
    names = ("someone", *(f"someone-{number}" for number in range(len(atoms))))
    return next(arn for arn in (f"{place}/{name}" for name in names) if arn not in taken)


def sample_accounts(atoms: tuple[Atom, ...]) -> tuple[str, ...]:
    """Return the account ids of all atoms, that of nobody, and what anonymous callers carry."""
    accounts = {atom.account for atom in atoms if atom.account}
    return *sorted(accounts), unused_account(accounts), "anonymous"


def sample_arns(atoms: tuple[Atom, ...]) -> tuple[str, ...]:
    """Return the ARN of one caller for each atom whose callers carry one."""
    own = (
        atom.issuer or sample_principal(atoms, 1 << place)
        for place, atom in enumerate(atoms)
        if not atom.alias and (atom.issuer or (not atom.value and atom != ANONYMOUS))
    )
    return tuple(dict.fromkeys(own))


def unused_account(taken: set[str]) -> str:
    """Return an account id that no policy mentions."""
    digits = (str(digit) * 12 for digit in range(1, 10))
    more = (str(700_000_000_000 + number) for number in range(len(taken) + 1))
    return next(account for account in (*digits, *more) if account not in taken)

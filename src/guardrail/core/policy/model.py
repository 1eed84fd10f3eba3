"""Two policies as boxes over common dimensions.

The model fixes what the texts leave open: the universe of actions, the reading of resources (do
wildcards cross colons), the values of policy variables. Statements that no request can meet
drop out.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from guardrail.core.policy.atoms import Atoms, atoms
from guardrail.core.policy.document import (
    Comparison,
    Condition,
    Family,
    Policy,
    PrincipalKind,
    Quantifier,
    Statement,
    Text,
)
from guardrail.core.policy.domain import (
    ABSENT,
    PRESENT,
    Domain,
    MaskDomain,
    StringDomain,
    Strings,
)
from guardrail.core.policy.pattern import NOT_EMPTY, Pattern, classes, glob
from guardrail.core.policy.principals import (
    PrincipalMasks,
    principal_atoms,
    sample_accounts,
    sample_arns,
)
from guardrail.core.policy.problems import unsupported
from guardrail.core.policy.relations import (
    ACCOUNT_KEY,
    ARN_KEY,
    Region,
    mentioned_accounts,
    regions,
)
from guardrail.core.policy.set_domain import Many, SetDomain, Values
from guardrail.core.policy.solve import Box, Term
from guardrail.core.policy.text_values import filled, has_variable

if TYPE_CHECKING:
    from guardrail.core.policy.search import StringSearch
    from guardrail.core.policy.text_values import Fill, Fills

PRINCIPAL, ACTION, RESOURCE = "principal", "action", "resource"
_ALNUM = "abcdefghijklmnopqrstuvwxyz0123456789"
_EVERYTHING = Strings(missing=False, inside=False, group=())
_NOTHING = Strings(missing=False, inside=True, group=())


class Use(NamedTuple):
    """How the policies use one key."""

    families: frozenset[Family]
    sets: bool
    plain: bool
    conditions: tuple[Condition, ...]


def uses(sides: tuple[tuple[Statement, ...], ...]) -> dict[str, Use]:
    """Return the use of each key; raises `DocumentError` for one of two families."""
    found: dict[str, list[Condition]] = {}
    for statements in sides:
        for statement in statements:
            for condition in statement.conditions:
                found.setdefault(condition.key, []).append(condition)
    return {key: _use(conditions) for key, conditions in found.items()}


def _use(conditions: list[Condition]) -> Use:
    typed = [one for one in conditions if one.operator.family is not Family.NULL]
    families = frozenset(one.operator.family for one in typed)
    if len(families) > 1:
        last = next(one for one in typed if one.operator.family is not typed[0].operator.family)
        names = " and ".join(sorted(families))
        raise unsupported(f"{last.name} is compared both as {names}", last.pointer)
    sets = any(one.quantifier is not Quantifier.NONE for one in typed)
    plain = any(one.quantifier is Quantifier.NONE for one in typed)
    return Use(families, sets, plain, tuple(conditions))


class Model:
    """The domains of all dimensions, and statements as boxes over them."""

    def __init__(
        self,
        policies: tuple[Policy, Policy],
        service: str | None,
        search: StringSearch,
        hints: tuple[tuple[str, ...], tuple[str, ...]],
    ) -> None:
        self._search = search
        universe = _action_universe(service)
        self.action = StringDomain(search, optional=False, universe=(universe,), hints=hints[0])
        self.statements = tuple(
            tuple(one for one in policy.statements if self._speaks(one)) for policy in policies
        )
        self.uses = uses(self.statements)
        self.principals = principal_atoms(policies, mentioned_accounts(policies), search.spend)
        self._roles = frozenset(
            entry.value
            for policy in policies
            for statement in policy.statements
            for entry in statement.principals
            if entry.kind is PrincipalKind.IDENTITY
        )
        self.names = {key: use.conditions[0].name for key, use in self.uses.items()}
        self.plain = StringDomain(search, optional=True)
        self._masks = PrincipalMasks(self.principals)
        self.own_ids = sum(1 << place for place, one in enumerate(self.principals) if not one.alias)
        self._atoms: dict[str, Atoms] = {}
        self.domains: dict[str, Domain[Any, Any]] = {
            PRINCIPAL: MaskDomain(("",) * len(self.principals)),
            ACTION: self.action,
            RESOURCE: StringDomain(search, optional=False, universe=(NOT_EMPTY,), hints=hints[1]),
        }
        for key, use in self.uses.items():
            self.domains[key] = self._key_domain(key, use)

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """What callers carry under the keys that follow from them."""
        self._search.spend(8 * len(self.principals))
        return regions(self.principals, self._roles)

    @cached_property
    def carried(self) -> dict[str, tuple[str, ...]]:
        """Values of the keys that follow from the caller, as the callers here carry them."""
        return {
            ARN_KEY: sample_arns(self.principals),
            ACCOUNT_KEY: sample_accounts(self.principals),
        }

    @property
    def variables(self) -> bool:
        """Whether a policy variable occurs."""
        return any(has_variable(one) for side in self.statements for one in side)

    @property
    def mixed(self) -> tuple[str, ...]:
        """Keys under both set operators and plain ones."""
        return tuple(key for key, use in self.uses.items() if use.sets and use.plain)

    def _speaks(self, statement: Statement) -> bool:
        """Whether some action of the universe is spoken about."""
        term = _names(statement.actions, excluded=statement.not_actions)
        return not self.action.empty(self.action.narrow(self.action.whole(), term))

    def _key_domain(self, key: str, use: Use) -> Domain[Any, Any]:
        family = next(iter(use.families), Family.STRING)
        if family is Family.STRING:
            domain: StringDomain | MaskDomain = StringDomain(self._search, optional=not use.sets)
        else:
            typed = [one for one in use.conditions if one.operator.family is family]
            self._atoms[key] = atoms(family, key, typed)
            samples = self._atoms[key].samples
            domain = MaskDomain(samples if use.sets else (None, *samples))
        return SetDomain(domain) if use.sets else domain

    def box(
        self,
        statement: Statement,
        fills: Fills,
        *,
        segmented: bool,
        generous: bool,
    ) -> Box | None:
        """Return the statement as a box; none when no request meets it.

        `generous` takes what AWS leaves open as true, else as false.
        """
        self._search.spend(_weight(statement))
        mask = self._masks.mask(statement)
        resources = _resources(
            statement, fills[generous is statement.not_resources], segmented=segmented
        )
        if not mask or (resources.inside and not resources.group):
            return None
        terms: list[Term] = [
            (PRINCIPAL, mask),
            (ACTION, _names(statement.actions, excluded=statement.not_actions)),
            (RESOURCE, resources),
        ]
        for condition in statement.conditions:
            if condition.operator.family is Family.NULL:
                literal = self._null(condition)
            else:
                literal = self._literal(condition, fills, generous=generous)
            if literal is None:
                return None
            if literal is not True:
                terms.append((condition.key, literal))
        return Box(statement.index, tuple(terms))

    def present(self, key: str, *, wanted: bool) -> Any:  # noqa: ANN401 - a literal of any domain
        """Return the literal that a key is there, or is not."""
        domain = self.domains[key]
        if isinstance(domain, SetDomain):
            literal = Many(missing=False, values=Values.EVERY, inner=domain.every())
            return literal if wanted else domain.negate(literal)
        if isinstance(domain, MaskDomain):
            return domain.full & ~1 if wanted else 1
        return PRESENT if wanted else ABSENT

    def _null(self, condition: Condition) -> Any:  # noqa: ANN401 - a literal of any domain
        """Return the literal; True when it always holds, none when it never does."""
        if condition.quantifier is not Quantifier.NONE:
            return True if condition.quantifier is Quantifier.ALL else None
        if len(set(condition.values)) > 1:
            return True
        return self.present(condition.key, wanted=not condition.values[0])

    def _literal(self, condition: Condition, fills: Fills, *, generous: bool) -> Any:  # noqa: ANN401 - a literal of any domain
        domain = self.domains[condition.key]
        plain = condition.quantifier is Quantifier.NONE
        missing = condition.if_exists or (plain and condition.operator.negated)
        if condition.operator.family is Family.STRING:
            many = isinstance(domain, SetDomain)
            fill = fills[generous is condition.operator.negated]
            inner: Any = _strings(condition, fill, missing=missing and not many)
        else:
            inner = self._mask(condition)
        if not isinstance(domain, SetDomain):
            return inner << 1 | missing if isinstance(inner, int) else inner
        match condition.quantifier:
            case Quantifier.ALL:
                return Many(missing=True, values=Values.EVERY, inner=inner)
            case Quantifier.ANY:
                return Many(missing, Values.SOME, inner)
            case Quantifier.NONE:
                return Many(missing, Values.ONLY, inner, generous)

    def _mask(self, condition: Condition) -> int:
        samples, mask_of = self._atoms[condition.key]
        mask = 0
        for value in condition.values:
            mask |= mask_of(condition.operator.comparison, value)
        return ((1 << len(samples)) - 1) & ~mask if condition.operator.negated else mask


def _weight(statement: Statement) -> int:
    """Return the work of turning a statement into a box."""
    texts = [*statement.actions, *statement.resources]
    values = sum(len(condition.values) for condition in statement.conditions)
    return 10 + len(statement.principals) // 8 + 2 * (len(texts) + values)


def _action_universe(service: str | None) -> Pattern:
    if service is None:
        return classes((_ALNUM + "-", True), (":", False), (_ALNUM, True))
    letters = [(letter, False) for letter in service.lower()]
    return classes(*letters, (":", False), (_ALNUM, True))


def _names(actions: tuple[Text, ...], *, excluded: bool) -> Strings:
    group = tuple(glob(action) for action in actions)
    return Strings(missing=False, inside=not excluded, group=group)


def _resources(statement: Statement, fill: Fill, *, segmented: bool) -> Strings:
    texts = (filled(text, fill) for text in statement.resources)
    group = tuple(glob(text, segmented=segmented) for text in texts if text is not None)
    return Strings(missing=False, inside=not statement.not_resources, group=group)


def _strings(condition: Condition, fill: Fill, *, missing: bool) -> Strings:
    comparison = condition.operator.comparison
    texts = (filled(value, fill) for value in condition.values if isinstance(value, tuple))  # type: ignore[arg-type]
    group = tuple(
        glob(
            text,
            ignore_case=comparison is Comparison.EQUAL_IGNORING_CASE,
            segmented=comparison is Comparison.ARN,
        )
        for text in texts
        if text is not None
    )
    return Strings(missing, not condition.operator.negated, group)

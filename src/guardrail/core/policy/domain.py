"""What one dimension of a request may be: an atom of a finite list, a string, or a set of either.

A dimension is the principal, the action, the resource or one condition key. Statements constrain it
with literals; a literal has an exact complement. A state is a conjunction of literals. `empty` is
exact; `implies` and `excludes` are quick tests that may miss, never err.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from guardrail.core.policy.pattern import ANYTHING, Pattern, apart, covers

if TYPE_CHECKING:
    from guardrail.core.policy.search import Group, StringSearch

Chosen = str | tuple[str, ...] | None
State = TypeVar("State")
Literal = TypeVar("Literal")


class Domain(Protocol[State, Literal]):
    """The operations that the solver needs; `State` and `Literal` belong to the domain."""

    def whole(self) -> State:
        """No constraint at all."""
        ...

    def narrow(self, state: State, literal: Literal) -> State:
        """Return the state with one more literal."""
        ...

    def negate(self, literal: Literal) -> Literal:
        """Return the literal that holds exactly where this one does not."""
        ...

    def empty(self, state: State) -> bool:
        """Whether no value satisfies the state; exact."""
        ...

    def implies(self, state: State, literal: Literal) -> bool:
        """Whether every value of the state surely satisfies the literal."""
        ...

    def excludes(self, state: State, literal: Literal) -> bool:
        """Whether surely no value of the state satisfies the literal."""
        ...

    def choose(self, state: State) -> Chosen:
        """One value of a state that is not empty; none means that the key is missing."""
        ...


class MaskDomain:
    """Finitely many atoms as bits; each atom has a sample value, or none for a missing key."""

    def __init__(self, samples: tuple[str | None, ...]) -> None:
        self._samples = samples
        self.full = (1 << len(samples)) - 1

    def whole(self) -> int:
        """All atoms."""
        return self.full

    def narrow(self, state: int, literal: int) -> int:
        """Return the atoms in both."""
        return state & literal

    def negate(self, literal: int) -> int:
        """Return the other atoms."""
        return self.full & ~literal

    def empty(self, state: int) -> bool:
        """Whether no atom is left."""
        return state == 0

    def implies(self, state: int, literal: int) -> bool:
        """Whether all atoms of the state are in the literal."""
        return not state & ~literal

    def excludes(self, state: int, literal: int) -> bool:
        """Whether no atom of the state is in the literal."""
        return not state & literal

    def choose(self, state: int) -> str | None:
        """Return the sample of the first atom."""
        return self._samples[(state & -state).bit_length() - 1]


class Strings(NamedTuple):
    """A literal on a string: in one of the patterns or, `inside` false, in none of them.

    `missing` says whether a request without the key satisfies it.
    """

    missing: bool
    inside: bool
    group: Group


PRESENT = Strings(missing=False, inside=True, group=(ANYTHING,))
ABSENT = Strings(missing=True, inside=True, group=())


class StringState(NamedTuple):
    """In one of each group, in none of the excluded; or missing."""

    missing: bool
    groups: frozenset[Group]
    excluded: frozenset[Pattern]


class StringDomain:
    """All strings of a universe, or a missing key."""

    def __init__(
        self,
        search: StringSearch,
        *,
        optional: bool,
        universe: Group | None = None,
        hints: tuple[str, ...] = (),
    ) -> None:
        self._search = search
        self._hints = hints
        groups = frozenset({universe} if universe else ())
        self._whole = StringState(optional, groups, frozenset())

    def whole(self) -> StringState:
        """Every string of the universe, and a missing key where that is possible."""
        return self._whole

    def narrow(self, state: StringState, literal: Strings) -> StringState:
        """One group more, or more excluded patterns."""
        missing = state.missing and literal.missing
        if literal.inside:
            if literal.group == (ANYTHING,):
                return StringState(missing, state.groups, state.excluded)
            return StringState(missing, state.groups | {literal.group}, state.excluded)
        return StringState(missing, state.groups, state.excluded.union(literal.group))

    def negate(self, literal: Strings) -> Strings:
        """Return the complement, missing key included."""
        return Strings(not literal.missing, not literal.inside, literal.group)

    def empty(self, state: StringState) -> bool:
        """Whether neither a missing key nor a string is left."""
        return not state.missing and self._found(state) is None

    def implies(self, state: StringState, literal: Strings) -> bool:
        """Whether one constraint of the state gives the literal on its own."""
        if state.missing and not literal.missing:
            return False
        if literal.inside:
            return literal.group == (ANYTHING,) or any(
                self._inside(group, literal.group) for group in state.groups
            )
        new = [pattern for pattern in literal.group if pattern not in state.excluded]
        self._search.spend(len(new) * (len(state.excluded) + sum(map(len, state.groups))) // 4)
        return all(_outside(state, pattern) for pattern in new)

    def excludes(self, state: StringState, literal: Strings) -> bool:
        """Whether the state implies the complement."""
        return self.implies(state, self.negate(literal))

    def choose(self, state: StringState) -> str | None:
        """Missing where possible, else a short or telling string."""
        return None if state.missing else self._found(state)

    def _inside(self, group: Group, outer: Group) -> bool:
        if group is outer:
            return True
        known = frozenset(outer)
        new = [pattern for pattern in group if pattern not in known]
        self._search.spend(len(new) * len(outer) // 4)
        return all(any(covers(out, pattern) for out in outer) for pattern in new)

    def _found(self, state: StringState) -> str | None:
        return self._search.find(state.groups, state.excluded, self._hints)


def _outside(state: StringState, pattern: Pattern) -> bool:
    if any(covers(out, pattern) for out in state.excluded):
        return True
    return any(all(apart(pattern, one) for one in group) for group in state.groups)

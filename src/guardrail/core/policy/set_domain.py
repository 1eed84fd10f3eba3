"""Keys with several values: every value, some value, or (plain operators) the only value.

AWS does not say what a plain operator means when such a key has two values or more; there the
literal is taken as `many` says, and the caller asks once with each answer.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from guardrail.core.policy.domain import Chosen, MaskDomain, StringDomain, Strings

Inner = MaskDomain | StringDomain


class Values(Enum):
    """Which of the values a literal speaks about."""

    EVERY = "every"
    SOME = "some"
    ONLY = "only"


class Many(NamedTuple):
    """A literal on a set of values; `inner` is a literal of the domain of its members."""

    missing: bool
    values: Values
    inner: Any
    many: bool = True


class SetState(NamedTuple):
    """Missing, or present: each value in `each`, some value in each of `some`.

    `lone` is what the value must satisfy besides when there is only one; `many` tells whether
    there may be more.
    """

    missing: bool
    each: Any
    some: frozenset[Any]
    lone: frozenset[Any]
    many: bool


class SetDomain:
    """Sets of members of an inner domain (which knows no missing key)."""

    def __init__(self, inner: Inner) -> None:
        self._inner: Any = inner

    def every(self) -> Any:  # noqa: ANN401 - a literal of the inner domain
        """Return the inner literal that every member satisfies."""
        if isinstance(self._inner, MaskDomain):
            return self._inner.full
        return Strings(missing=False, inside=False, group=())

    def whole(self) -> SetState:
        """Any values, or none."""
        return SetState(
            missing=True, each=self._inner.whole(), some=frozenset(), lone=frozenset(), many=True
        )

    def narrow(self, state: SetState, literal: Many) -> SetState:
        """Return the state with one more literal."""
        missing = state.missing and literal.missing
        match literal.values:
            case Values.EVERY:
                each = self._inner.narrow(state.each, literal.inner)
                return state._replace(missing=missing, each=each)
            case Values.SOME:
                return state._replace(missing=missing, some=state.some | {literal.inner})
            case Values.ONLY:
                lone = state.lone | {literal.inner}
                return state._replace(missing=missing, lone=lone, many=state.many and literal.many)

    def negate(self, literal: Many) -> Many:
        """Not every value is one that is not; and the other way round."""
        inner = self._inner.negate(literal.inner)
        match literal.values:
            case Values.EVERY:
                return Many(not literal.missing, Values.SOME, inner)
            case Values.SOME:
                return Many(not literal.missing, Values.EVERY, inner)
            case Values.ONLY:
                return Many(not literal.missing, Values.ONLY, inner, not literal.many)

    def empty(self, state: SetState) -> bool:
        """Whether neither a missing key nor any set is left."""
        return not state.missing and self._members(state) is None

    def implies(self, state: SetState, literal: Many) -> bool:
        """Exact here: the inner domains remember their answers."""
        return self.empty(self.narrow(state, self.negate(literal)))

    def excludes(self, state: SetState, literal: Many) -> bool:
        """Exact here too."""
        return self.empty(self.narrow(state, literal))

    def choose(self, state: SetState) -> Chosen:
        """Missing where possible, else the values."""
        return None if state.missing else self._members(state)

    def _members(self, state: SetState) -> tuple[str, ...] | None:
        """One value where that is enough, else one for each `some`."""
        lone = self._all(state.each, state.some | state.lone)
        if not self._inner.empty(lone):
            return (self._inner.choose(lone),)
        if not state.many or self._inner.empty(state.each):
            return None
        members: list[str] = []
        for literal in state.some:
            one = self._inner.narrow(state.each, literal)
            if self._inner.empty(one):
                return None
            members.append(self._inner.choose(one))
        return tuple(sorted(set(members)))

    def _all(self, each: Any, literals: frozenset[Any]) -> Any:  # noqa: ANN401 - inner states
        for literal in literals:
            each = self._inner.narrow(each, literal)
        return each

"""Is there a request in a box and in none of some others? A search like a SAT solver's.

A box is a conjunction of literals over independent dimensions. "Not in box B" is a clause: one of
B's literals fails. Clauses with one literal left are asserted at once; a dimension in which all
its clauses can fail together settles them all without a choice; only what remains is split, the
shortest clause first. So nothing is ever cut into classes ahead of need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from guardrail.core.policy.set_domain import SetDomain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from guardrail.core.policy.domain import Domain
    from guardrail.core.policy.search import Budget

_CORE = frozenset({"principal", "action", "resource"})
Dimension = str
Place = dict[Dimension, Any]
Term = tuple[Dimension, Any]


class Box(NamedTuple):
    """The requests that a statement speaks about: all `terms` (dimension and literal) hold."""

    tag: int
    terms: tuple[Term, ...]


class Solver:
    """Finds points of a box outside of others; `used` collects the tags of what covered boxes."""

    __slots__ = ("_budget", "_domains", "used")

    def __init__(self, domains: Mapping[Dimension, Domain[Any, Any]], budget: Budget) -> None:
        self._domains = domains
        self._budget = budget
        self.used: set[int] = set()

    def narrow(self, place: Place | None, terms: Sequence[Term]) -> Place | None:
        """Return the place within all terms, or none when nothing is left."""
        if place is None:
            return None
        result = dict(place)
        for dimension, literal in terms:
            domain = self._domains[dimension]
            state = result.get(dimension)
            state = domain.narrow(domain.whole() if state is None else state, literal)
            if domain.empty(state):
                return None
            result[dimension] = state
        return result

    def outside(self, place: Place, boxes: Sequence[Box]) -> Place | None:
        """Return a part of `place` in none of the boxes, not empty in any dimension; or none."""
        clauses = list(boxes)
        current: Place | None = place
        while current is not None:
            opened = self._open(current, clauses)
            if opened is None:
                return None
            clauses = opened
            if not clauses:
                return current
            current, clauses, settled = self._settled(current, clauses)
            if not settled and current is not None:
                return self._split(current, clauses)
        return None

    def _open(self, place: Place, boxes: list[Box]) -> list[Box] | None:
        """Return the boxes that the place runs into, cut to open terms; none when covered."""
        self._budget.spend(1 + sum(len(box.terms) for box in boxes))
        clauses: list[Box] = []
        for box in boxes:
            rest = self._open_terms(place, box)
            if rest is None:
                continue
            if not rest:
                self.used.add(box.tag)
                return None
            clauses.append(Box(box.tag, rest))
        return clauses

    def _open_terms(self, place: Place, box: Box) -> tuple[Term, ...] | None:
        """Return the terms that the place does not fulfil; none when outside the box."""
        rest: list[Term] = []
        for term in box.terms:
            dimension, literal = term
            domain = self._domains[dimension]
            state = place.get(dimension)
            if state is None:
                state = domain.whole()
            if domain.implies(state, literal):
                continue
            if domain.excludes(state, literal):
                return None
            rest.append(term)
        return tuple(rest)

    def _settled(self, place: Place, clauses: list[Box]) -> tuple[Place | None, list[Box], bool]:
        """Assert what must be; failing that, what can be for free; and whether either was there."""
        units = [clause for clause in clauses if len(clause.terms) == 1]
        if units:
            self.used.update(clause.tag for clause in units)
            rest = [clause for clause in clauses if len(clause.terms) > 1]
            return self._without(place, [clause.terms[0] for clause in units]), rest, True
        free = self._free(place, clauses)
        return (*free, True) if free is not None else (place, clauses, False)

    def _without(self, place: Place, terms: Sequence[Term]) -> Place | None:
        negated = [(name, self._domains[name].negate(literal)) for name, literal in terms]
        return self.narrow(place, negated)

    def _free(self, place: Place, clauses: list[Box]) -> tuple[Place, list[Box]] | None:
        """Return a dimension in which every clause with a term there can fail at once, if any."""
        terms: dict[Dimension, list[Any]] = {}
        for clause in clauses:
            for dimension, literal in clause.terms:
                terms.setdefault(dimension, []).append(literal)
        # A missing key says more than an odd resource, so conditions come first.
        for dimension, literals in sorted(terms.items(), key=lambda item: item[0] in _CORE):
            self._budget.spend(len(literals))
            narrowed = self._without(place, [(dimension, literal) for literal in literals])
            if narrowed is not None:
                rest = [c for c in clauses if all(name != dimension for name, _ in c.terms)]
                return narrowed, rest
        return None

    def _split(self, place: Place, clauses: list[Box]) -> Place | None:
        """Let one term of the shortest clause fail, each in turn; the earlier ones then hold."""
        chosen = min(clauses, key=lambda clause: len(clause.terms))
        self.used.add(chosen.tag)
        rest = [clause for clause in clauses if clause is not chosen]
        held: Place | None = place
        for term in chosen.terms:
            if held is None:
                return None
            failing = self._without(held, [term])
            if failing is not None:
                found = self.outside(failing, rest)
                if found is not None:
                    return found
            held = self.narrow(held, [term])
        return None

    def plainly_inside(self, terms: Sequence[Term], box: Box) -> bool:
        """Whether the terms imply each term of the box on their face, without any search."""
        place = self._conjoined(terms)
        return all(
            term in terms
            or (
                not isinstance(self._domains[term[0]], SetDomain)
                and term[0] in place
                and self._domains[term[0]].implies(place[term[0]], term[1])
            )
            for term in box.terms
        )

    def plainly_outside(self, terms: Sequence[Term], box: Box) -> bool:
        """Whether the terms contradict a term of the box on their face, without any search."""
        place = self._conjoined(terms)
        return any(
            not isinstance(self._domains[name], SetDomain)
            and name in place
            and self._domains[name].excludes(place[name], literal)
            for name, literal in box.terms
        )

    def plainly_clear(self, place: Place, box: Box, others: Sequence[Box]) -> bool:
        """Whether, at a glance, the place misses the box or its part there is in one other."""
        rest = self._open_terms(place, box)
        if rest is None:
            return True
        inside = self._conjoined(rest, place)
        return any(self._open_terms(inside, other) == () for other in others)

    def _conjoined(self, terms: Sequence[Term], start: Place | None = None) -> Place:
        place = dict(start or {})
        for name, literal in terms:
            domain = self._domains[name]
            place[name] = domain.narrow(place.get(name, domain.whole()), literal)
        return place

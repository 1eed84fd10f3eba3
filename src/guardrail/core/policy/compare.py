"""The comparison of two policies: the search for one request that only the candidate allows.

For each candidate Allow, such a request lies outside the candidate's Denies and either outside all
baseline Allows or inside a baseline Deny.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from guardrail.core.policy.domain import ABSENT, StringDomain, Strings
from guardrail.core.policy.hints import spelled
from guardrail.core.policy.model import ACTION, PRINCIPAL, RESOURCE, Model
from guardrail.core.policy.pattern import glob
from guardrail.core.policy.principals import UNLISTED_SERVICE, first_atom, sample_principal
from guardrail.core.policy.problems import unsupported
from guardrail.core.policy.relations import ACCOUNT_KEY, ARN_KEY, Region
from guardrail.core.policy.set_domain import Many, SetDomain, Values
from guardrail.core.policy.solve import Box, Place, Solver, Term
from guardrail.core.policy.verdict import Witness

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from guardrail.core.policy.document import Part, Statement, Text, Variable
    from guardrail.core.policy.proof import Case
    from guardrail.core.policy.search import Budget
    from guardrail.core.policy.text_values import Fill


class Finding(NamedTuple):
    """A request that the candidate's `statement` lets in and the baseline does not."""

    witness: Witness
    statement: int
    denied_by: int | None


class Reading(NamedTuple):
    """What AWS leaves open.

    The reading of resources; that plain operators see one value; that a unique id names a caller
    that nothing else names.
    """

    segmented: tuple[bool, ...]
    lone: bool
    own_ids: bool


class Comparison:
    """Candidate against baseline, for one case of the policy variables and one reading."""

    def __init__(
        self,
        model: Model,
        budget: Budget,
        case: Case,
        reading: Reading,
    ) -> None:
        self._model = model
        self._budget = budget
        more, less = case.fills
        self._fills = (self._charged(more), self._charged(less))
        self._reading = reading
        self._domains = dict(model.domains)
        self._given = [self._assigned(key, value) for key, value in case.values.items()]
        self._given += [(key, one) for key in case.known for one in self._known(case, key)]
        self._solver = Solver(self._domains, budget)
        self._regions = self._related()
        candidate, baseline = model.statements
        self._allows = self._both(candidate, allow=True, generous=True)
        self._denies = self._each(candidate, allow=False, generous=False)
        self._granted = self._each(baseline, allow=True, generous=False)
        self._refused = self._both(baseline, allow=False, generous=True)
        # A statement that stands word for word in the baseline needs no search.
        self._same = {box.terms: box.tag for box in self._granted}
        self.covered: dict[int, tuple[int, ...]] = {}

    def find(self) -> Finding | None:
        """Return the first request that only the candidate allows, if there is any."""
        for allow in self._allows:
            place = self._solver.narrow({}, (*self._given, *self._only(), *allow.terms))
            if place is None:
                self.covered[allow.tag] = ()
                continue
            found = self._ungranted(place, allow) or self._refused_part(place, allow.tag)
            if found is not None:
                return found
        return None

    def finds_nothing(self) -> bool:
        """Whether no request gets through."""
        return self.find() is None

    def plainly_contained(self) -> bool:
        """Whether statement by statement one covers the other, whatever the variables hold."""
        return all(self._plainly_granted(allow) for allow in self._allows)

    def _plainly_granted(self, allow: Box) -> bool:
        solver = self._solver
        within = [box for box in self._granted if solver.plainly_inside(allow.terms, box)]
        self.covered[allow.tag] = tuple(~box.tag for box in within[:1])
        return bool(within) and all(
            any(solver.plainly_inside(allow.terms + refused.terms, box) for box in self._denies)
            or solver.plainly_outside(allow.terms, refused)
            for refused in self._refused
        )

    def _ungranted(self, place: Place, allow: Box) -> Finding | None:
        """Return a request of the place that no baseline Allow lets in."""
        statement = allow.tag
        same = self._same.get(allow.terms)
        if same is not None:
            self.covered[statement] = (~same,)
            return None
        self._solver.used.clear()
        spot = self._outside(place, [*self._denies, *self._granted])
        if spot is not None:
            return Finding(self._witness(*spot), statement, None)
        self.covered[statement] = tuple(sorted(~tag for tag in self._solver.used if tag < 0))
        return None

    def _refused_part(self, place: Place, statement: int) -> Finding | None:
        """Return a request of the place that a baseline Deny stops."""
        for refused in self._refused:
            if self._solver.plainly_clear(place, refused, self._denies):
                continue
            inside = self._solver.narrow(place, refused.terms)
            if inside is None:
                continue
            spot = self._outside(inside, self._denies)
            if spot is not None:
                return Finding(self._witness(*spot), statement, ~refused.tag)
        return None

    def _outside(self, place: Place, boxes: list[Box]) -> tuple[Place, Region | None] | None:
        spot = self._solver.outside(place, boxes)
        if spot is None or not self._regions:
            return None if spot is None else (spot, None)
        for region in self._regions:
            self._budget.spend(8 + len(boxes))
            within = self._solver.narrow(place, self._region_terms(region))
            spot = None if within is None else self._solver.outside(within, boxes)
            if spot is not None:
                return spot, region
        return None

    def _region_terms(self, region: Region) -> list[Term]:
        terms: list[Term] = [(PRINCIPAL, region.mask)]
        for key, literals in ((ARN_KEY, region.arns), (ACCOUNT_KEY, region.accounts)):
            if isinstance(self._domains.get(key), StringDomain):
                terms += [(key, literal) for literal in literals]
        return terms

    def _related(self) -> tuple[Region, ...]:
        keys = (ARN_KEY, ACCOUNT_KEY)
        if not any(isinstance(self._domains.get(key), StringDomain) for key in keys):
            return ()
        return self._model.regions

    def _assigned(self, key: str, value: str | None) -> Term:
        domain = self._domains.setdefault(key, self._model.plain)
        if not isinstance(domain, StringDomain):
            raise unsupported(f"the policy variable {key} is compared as more than a string", "")
        if value is None:
            return key, ABSENT
        return key, Strings(missing=False, inside=True, group=(glob((value,)),))

    def _charged(self, fill: Fill) -> Fill:
        """Return the fill, at a price: one text may hold thousands of variables."""

        def charged(variable: Variable) -> Part | Text | None:
            value = fill(variable)
            texts = value if type(value) is tuple else (value,)
            self._budget.spend(2 + 2 * sum(len(one) for one in texts if type(one) is str))
            return value

        return charged

    def _known(self, case: Case, key: str) -> tuple[Strings, ...]:
        domain = self._domains.setdefault(key, self._model.plain)
        return case.known[key] if isinstance(domain, StringDomain) else ()

    def _only(self) -> Iterable[Term]:
        """Under the reading of lone values, keys of both kinds have one value at most."""
        if self._reading.own_ids:
            yield PRINCIPAL, self._model.own_ids
        if not self._reading.lone:
            return
        for key in self._model.mixed:
            domain: Any = self._domains[key]
            if isinstance(domain, SetDomain):
                yield key, Many(missing=True, values=Values.ONLY, inner=domain.every(), many=False)

    def _boxes(
        self, statements: Iterable[Statement], *, allow: bool, generous: bool
    ) -> Iterable[list[Box]]:
        for statement in statements:
            if statement.allow is allow:
                boxes = (
                    self._model.box(statement, self._fills, segmented=segmented, generous=generous)
                    for segmented in self._reading.segmented
                )
                yield [box for box in boxes if box is not None]

    def _each(self, statements: Iterable[Statement], *, allow: bool, generous: bool) -> list[Box]:
        """Return what must be avoided under every reading; baseline tags are complemented."""
        side = statements is self._model.statements[1]
        return [
            Box(~box.tag if side else box.tag, box.terms)
            for boxes in self._boxes(statements, allow=allow, generous=generous)
            for box in boxes
        ]

    def _both(self, statements: Iterable[Statement], *, allow: bool, generous: bool) -> list[Box]:
        """Return what must be met: under every reading at once."""
        side = statements is self._model.statements[1]
        return [
            Box(
                ~boxes[0].tag if side else boxes[0].tag,
                boxes[0].terms
                + tuple(t for box in boxes[1:] for t in box.terms if t[0] == RESOURCE),
            )
            for boxes in self._boxes(statements, allow=allow, generous=generous)
            if len(boxes) == len(self._reading.segmented)
        ]

    def _witness(self, place: Place, region: Region | None) -> Witness:
        domains = self._domains
        context: dict[str, str | tuple[str, ...]] = {}
        for key, domain in domains.items():
            if key in {PRINCIPAL, ACTION, RESOURCE} or key not in place:
                continue
            value = domain.choose(place[key])
            if value is not None:
                context[self._model.names.get(key, key)] = value
        principal = self._principal(place, region, context)
        issuer = first_atom(self._model.principals, place[PRINCIPAL]).issuer
        if issuer != principal and issuer.count("/") > 1:
            # The name of a session does not tell the path of its role.
            context.setdefault(self._model.names.get(ARN_KEY, "aws:PrincipalArn"), issuer)
        action = spelled(str(domains[ACTION].choose(place[ACTION])))
        return Witness(principal, action, str(domains[RESOURCE].choose(place[RESOURCE])), context)

    def _principal(
        self, place: Place, region: Region | None, context: Mapping[str, str | tuple[str, ...]]
    ) -> str:
        """Return the caller; where a condition settles the ARN of one of many, that ARN."""
        mask, atoms = place[PRINCIPAL], self._model.principals
        arn = context.get(self._model.names.get(ARN_KEY, ARN_KEY))
        if region is None or first_atom(atoms, mask).value:
            return sample_principal(atoms, mask)
        if region.loose:
            return UNLISTED_SERVICE
        return arn if isinstance(arn, str) else sample_principal(atoms, mask)

"""One question put to the engine: every reading, every case of the variables, one answer."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from guardrail.core.policy import explain
from guardrail.core.policy.compare import Comparison, Finding, Reading
from guardrail.core.policy.evaluate import Decision, Request, evaluate
from guardrail.core.policy.hints import action_hints, resource_hints
from guardrail.core.policy.model import Model
from guardrail.core.policy.pattern import glob
from guardrail.core.policy.proof import Case, proof_cases
from guardrail.core.policy.search import Budget, StringSearch
from guardrail.core.policy.text_values import assigned, loosened, symbols
from guardrail.core.policy.variables import cases

if TYPE_CHECKING:
    from collections.abc import Callable

    from guardrail.core.policy.document import Policy
    from guardrail.core.policy.text_values import Assignment
    from guardrail.core.policy.verdict import Verdict

# About half a second in pure Python on a small machine; counted, so the answer never varies.
WORK = 300_000
_PLAIN = Reading((False,), lone=True, own_ids=True)
_BY_FIELD = Reading((True,), lone=True, own_ids=True)
_EITHER = Reading((False, True), lone=True, own_ids=True)


class Question:
    """Whether `candidate` is contained in `baseline`, for the actions of `service`."""

    def __init__(self, candidate: Policy, baseline: Policy, service: str | None) -> None:
        self._policies = (candidate, baseline)
        self._budget = Budget(WORK)
        self._search = StringSearch(self._budget)
        hints = (action_hints(service), resource_hints())
        self._model = Model(self._policies, service, self._search, hints)
        self._covered: dict[int, tuple[int, ...]] = {}

    def answer(self) -> Verdict:
        """Return the verdict; raises what stops the search."""
        if self._model.variables and self._surely_contained():
            return explain.contained(self._covered)
        unconfirmed = False
        for values in cases(self._model.statements, self._search, self._model.carried):
            finding, confirmed = self._found(values)
            if finding is not None and confirmed:
                return explain.broader(finding, self._policies)
            unconfirmed |= finding is not None
        if unconfirmed:
            return explain.unconfirmed()
        return self._doubt() or explain.contained(self._covered)

    def _surely_contained(self) -> bool:
        """Whether nothing gets through, whatever the variables hold."""
        if self._holds(Case({}, {}, symbols()), Comparison.plainly_contained):
            return True
        return all(self._holds(case, Comparison.finds_nothing) for case in self._proofs)

    @cached_property
    def _proofs(self) -> list[Case]:
        return proof_cases(self._model.statements, self._model.carried)

    def _doubt(self) -> Verdict | None:
        """Return why the policies are not contained though no request was found."""
        doubtful = self._several_values()
        if doubtful is not None and not self._excluded(lone=False, own_ids=True):
            return explain.several_values(doubtful)
        if self._model.variables:
            return explain.variable_meets()
        aliased = any(atom.alias for atom in self._model.principals)
        if aliased and not self._excluded(lone=True, own_ids=False):
            return explain.unique_id()
        return None

    def _found(self, values: Assignment) -> tuple[Finding | None, bool]:
        """Return a request that gets through, preferably under both readings of resources."""
        case = Case(values, {}, assigned(values))
        finding = self._ask(case, _PLAIN)
        if finding is None:
            finding = self._ask(case, _BY_FIELD) if self._readings_differ else None
            return finding, finding is not None and self._confirmed(finding, segmented=True)
        if not self._readings_differ or self._confirmed(finding, segmented=True):
            return finding, self._confirmed(finding, segmented=False)
        better = self._ask(case, _EITHER)
        if better is not None and self._confirmed(better, segmented=True):
            finding = better
        return finding, self._confirmed(finding, segmented=False)

    def _ask(self, case: Case, reading: Reading) -> Finding | None:
        comparison = Comparison(self._model, self._budget, case, reading)
        finding = comparison.find()
        self._note(comparison)
        return finding

    def _note(self, comparison: Comparison) -> None:
        for statement, granted in comparison.covered.items():
            seen = self._covered.get(statement, ())
            self._covered[statement] = tuple(sorted({*seen, *granted}))

    @cached_property
    def _readings_differ(self) -> bool:
        texts = (text for side in self._model.statements for one in side for text in one.resources)
        patterns = (glob(loosened(text), segmented=True) for text in texts)
        return any(pattern.field or pattern.loop_field for pattern in patterns)

    def _confirmed(self, finding: Finding, *, segmented: bool) -> bool:
        request = Request(finding.witness, segmented=segmented)
        candidate, baseline = (evaluate(policy, request).decision for policy in self._policies)
        return candidate is Decision.ALLOWED and baseline is not Decision.ALLOWED

    def _several_values(self) -> str | None:
        """Return a key under set operators and plain ones that may have several values."""
        return next((key for key in self._model.mixed if not _SINGLE.fullmatch(key)), None)

    def _excluded(self, *, lone: bool, own_ids: bool) -> bool:
        """Whether nothing gets through under a doubtful reading."""
        readings = (False, True) if self._readings_differ else (False,)
        return all(
            self._ask(case, Reading((segmented,), lone=lone, own_ids=own_ids)) is None
            for case in self._proofs
            for segmented in readings
        )

    def _holds(self, case: Case, what: Callable[[Comparison], bool]) -> bool:
        """Whether something holds under every reading."""
        readings = (False, True) if self._readings_differ else (False,)
        for segmented in readings:
            reading = Reading((segmented,), lone=False, own_ids=False)
            comparison = Comparison(self._model, self._budget, case, reading)
            if not what(comparison):
                return False
            self._note(comparison)
        return True


# Documented as single-valued; a set operator on one of them sees one value at most.
_SINGLE = re.compile(
    r"aws:(?:principal(?:account|arn|isawsservice|orgid|type)|requestedregion|resourceaccount"
    r"|resourceorgid|securetransport|source(?:account|arn|ip|vpc|vpce)|userid|username"
    r"|viaawsservice|currenttime|epochtime|multifactorauth(?:age|present)|referer|useragent|(?:principal|request|resource)tag/.*)"
)

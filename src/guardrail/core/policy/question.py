"""One question put to the engine: every reading, every case of the variables, one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.core.policy import explain
from guardrail.core.policy.compare import Comparison, Finding, Reading
from guardrail.core.policy.evaluate import Decision, Request, evaluate
from guardrail.core.policy.hints import action_hints, resource_hints
from guardrail.core.policy.model import Model
from guardrail.core.policy.pattern import glob
from guardrail.core.policy.search import Budget, StringSearch
from guardrail.core.policy.text_values import bounds, loosened, symbols
from guardrail.core.policy.variables import cases

if TYPE_CHECKING:
    from collections.abc import Callable

    from guardrail.core.policy.document import Policy
    from guardrail.core.policy.text_values import Assignment, Fills
    from guardrail.core.policy.verdict import Verdict

# About half a second in pure Python on a small machine; counted, so the answer never varies.
WORK = 300_000
_PLAIN = Reading((False,), lone=True)
_BY_FIELD = Reading((True,), lone=True)
_EITHER = Reading((False, True), lone=True)


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
        if self._model.variables and self._each_reading(symbols(), Comparison.plainly_contained):
            return explain.contained(self._covered)
        asked = cases(self._model.statements, self._search)
        unconfirmed = False
        for values in asked.values:
            finding, confirmed = self._found(values)
            if finding is not None and confirmed:
                return explain.broader(finding, self._policies)
            unconfirmed |= finding is not None
        if unconfirmed:
            return explain.unconfirmed()
        doubtful = self._several_values()
        if doubtful is not None and any(self._pessimistic(values) for values in asked.values):
            return explain.several_values(doubtful)
        if not asked.exact and not self._each_reading(bounds(), Comparison.finds_nothing):
            return explain.variable_meets()
        return explain.contained(self._covered)

    def _found(self, values: Assignment) -> tuple[Finding | None, bool]:
        """Return a request that gets through, preferably under both readings of resources."""
        finding = self._ask(values, _PLAIN)
        if finding is None:
            finding = self._ask(values, _BY_FIELD) if self._readings_differ() else None
            return finding, finding is not None and self._confirmed(finding, segmented=True)
        if not self._readings_differ() or self._confirmed(finding, segmented=True):
            return finding, self._confirmed(finding, segmented=False)
        better = self._ask(values, _EITHER)
        if better is not None and self._confirmed(better, segmented=True):
            finding = better
        return finding, self._confirmed(finding, segmented=False)

    def _ask(self, values: Assignment, reading: Reading) -> Finding | None:
        comparison = Comparison(self._model, self._budget, values, reading)
        finding = comparison.find()
        for statement, granted in comparison.covered.items():
            seen = self._covered.get(statement, ())
            self._covered[statement] = tuple(sorted({*seen, *granted}))
        return finding

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
        return next((key for key in self._model.mixed if key not in SINGLE_VALUED), None)

    def _pessimistic(self, values: Assignment) -> bool:
        readings = (False, True) if self._readings_differ() else (False,)
        return any(
            self._ask(values, Reading((segmented,), lone=False)) is not None
            for segmented in readings
        )

    def _each_reading(self, fills: Fills, holds: Callable[[Comparison], bool]) -> bool:
        """Whether something holds, under every reading, without values for the variables."""
        readings = (False, True) if self._readings_differ() else (False,)
        for segmented in readings:
            reading = Reading((segmented,), lone=False)
            comparison = Comparison(self._model, self._budget, {}, reading, fills)
            if not holds(comparison):
                return False
            self._covered.update(comparison.covered)
        return True


# Documented as single-valued; a set operator on one of them sees one value at most.
SINGLE_VALUED = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principaltype",
        "aws:requestedregion",
        "aws:resourceaccount",
        "aws:resourceorgid",
        "aws:securetransport",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "aws:username",
    }
)

"""Policy variables: their value is a value of the request, so each case is decided on its own.

A case gives every variable a value or leaves it missing; the policies then hold plain texts. A
fresh value stands for all that no pattern can tell apart, in each length that a `?` could count.
Values that a pattern could tell apart are added; `Cases.exact` says whether the cases are all that
matter.
"""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from guardrail.core.policy.document import Text, Variable, Wild
from guardrail.core.policy.meeting import meetings
from guardrail.core.policy.pattern import glob
from guardrail.core.policy.text_values import Assignment, filled, strings_of, texts_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from guardrail.core.policy.document import Condition, Statement
    from guardrail.core.policy.search import StringSearch

_MOST_CASES = 256
_MOST_LENGTHS = 4
_LETTERS = "qzjxkvwyhgfbpumdlcrnsitoaeQZJXKVWYHGFBPUMDLCRNSITOAE0123456789"
# Tags may be empty; the names and ids of callers may not.
_MAY_BE_EMPTY = re.compile(r"(?!aws:)|aws:(?:principal|request|resource)tag/")


class Cases(NamedTuple):
    """Values for all variables, case by case; `exact` when no others need be tried."""

    values: tuple[Assignment, ...]
    exact: bool


def cases(sides: tuple[tuple[Statement, ...], ...], search: StringSearch) -> Cases:
    """Return the cases for the variables in both policies; one empty case without variables."""
    statements = [statement for side in sides for statement in side]
    texts = [text for statement in statements for text in texts_of(statement)]
    keys = sorted({part.key for text in texts for part in text if isinstance(part, Variable)})
    if not keys:
        return Cases(({},), exact=True)
    return _Cases(keys, sides, texts, search).all()


class _Cases:
    def __init__(
        self,
        keys: list[str],
        sides: tuple[tuple[Statement, ...], ...],
        texts: list[Text],
        search: StringSearch,
    ) -> None:
        self._keys = keys
        self._sides = sides
        self._search = search
        self._exact = True
        letters = _unused_letters(texts, 2 * len(keys))
        counted = max(sum(part is Wild.ONE for part in text) for text in texts)
        self._exact &= counted <= _MOST_LENGTHS
        self._lengths = range(1, min(counted, _MOST_LENGTHS) + 1)
        self._long = {
            key: letters[2 * place] + letters[2 * place + 1] * (counted + 3)
            for place, key in enumerate(keys)
        }

    def all(self) -> Cases:
        """Return the product of all variables' values, or as much of it as is affordable."""
        special = self._special()
        choices = [self._choices(key, special[key]) for key in self._keys]
        size = 1
        for options in choices:
            size *= len(options)
        if size <= _MOST_CASES:
            rows: Iterable[tuple[str | None, ...]] = product(*choices)
        else:
            self._exact = False
            rows = self._one_at_a_time(choices)
        return Cases(tuple(dict(zip(self._keys, row, strict=True)) for row in rows), self._exact)

    def _choices(self, key: str, special: Iterable[str]) -> list[str | None]:
        long = self._long[key]
        options: list[str | None] = [long, None, *special]
        options += [long[:length] for length in self._lengths]
        if _MAY_BE_EMPTY.match(key):
            options.append("")
        return list(dict.fromkeys(options))

    def _one_at_a_time(self, choices: list[list[str | None]]) -> Iterable[tuple[str | None, ...]]:
        usual = [options[0] for options in choices]
        for place, options in enumerate(choices):
            for option in options:
                row = list(usual)
                row[place] = option
                yield tuple(row)
        yield tuple(None for _ in choices)

    def _special(self) -> dict[str, list[str]]:
        """Values that some pattern tells apart: on the key itself, or where the variable stands."""
        found: dict[str, list[str]] = {key: [] for key in self._keys}
        for side in self._sides:
            for statement in side:
                for condition in statement.conditions:
                    if condition.key in found:
                        for text in strings_of(condition):
                            found[condition.key].append(self._own(condition.key, text, condition))
        for key in self._keys:
            wild = [text for text in self._own_texts(key) if Wild.MANY in text or Wild.ONE in text]
            self._exact &= all(text in ((Wild.MANY,), (text[0], Wild.MANY)) for text in wild)
            self._exact &= len({text for text in wild if len(text) > 1}) < 2
        for meeting in meetings(self._sides, self._search):
            self._exact = False
            for key, value in meeting:
                found[key].append(value)
        return {key: list(dict.fromkeys(values))[:12] for key, values in found.items()}

    def _own_texts(self, key: str) -> list[Text]:
        return [
            text
            for side in self._sides
            for statement in side
            for condition in statement.conditions
            if condition.key == key
            for text in strings_of(condition)
        ]

    def _own(self, key: str, text: Text, condition: Condition) -> str:
        """Return a value of the key that a condition on it names."""
        if any(isinstance(part, Variable) for part in text):
            self._exact = False
            text = filled(text, lambda variable: self._long.get(variable.key, variable.key)) or ()
        if condition.operator.comparison.endswith("case"):
            self._exact = False
        return glob(text).sample(self._long[key][1], self._long[key])


def _unused_letters(texts: list[Text], count: int) -> str:
    # Both cases: an operator that ignores case must not tell a fresh letter apart either.
    used = {
        char
        for text in texts
        for part in text
        if type(part) is str
        for char in part.lower() + part.upper()
    }
    free = [letter for letter in _LETTERS if letter not in used]
    rare = (chr(code) for code in range(0x3B1, 0x3B1 + 4000))
    while len(free) < count:
        letter = next(rare)
        if letter.isalpha() and letter not in used:
            free.append(letter)
    return "".join(free[:count])

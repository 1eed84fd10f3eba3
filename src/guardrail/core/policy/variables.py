"""Values of policy variables under which a request may get through.

A case gives every variable a value or leaves it missing; the policies then hold plain texts. The
values are fresh ones in each length that a `?` could count, those at which a variable meets another
pattern, those that conditions on the key name, what callers carry, and odd ones: empty, one
character, with a colon or a slash. They serve to find a request, never to show that there is none:
that is the matter of `proof`.
"""

from __future__ import annotations

from itertools import islice, product
from typing import TYPE_CHECKING

from guardrail.core.policy.document import Text, Wild
from guardrail.core.policy.meeting import meetings
from guardrail.core.policy.pattern import glob
from guardrail.core.policy.proof import variable_keys
from guardrail.core.policy.read_text import ONE_FIELD_KEYS
from guardrail.core.policy.text_values import Assignment, filled, strings_of, texts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from guardrail.core.policy.document import Condition, Statement
    from guardrail.core.policy.search import StringSearch

_MOST_CASES = 512
_MOST_SPECIAL = 16
_MOST_LENGTHS = 8
_MOST_PARTS = 8
_LETTERS = "qzjxkvwyhgfbpumdlcrnsitoaeQZJXKVWYHGFBPUMDLCRNSITOAE0123456789"
# The names and ids of callers, networks and places are never empty; tags may be.
_NEVER_EMPTY = ONE_FIELD_KEYS | {
    "aws:principalarn",
    "aws:principaltype",
    "aws:sourcearn",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
}


def cases(
    sides: tuple[tuple[Statement, ...], ...],
    search: StringSearch,
    callers: Mapping[str, tuple[str, ...]],
) -> Iterator[Assignment]:
    """Yield cases for the variables in both policies; one empty case without variables."""
    statements = [statement for side in sides for statement in side]
    texts = [text for statement in statements for text in texts_of(statement)]
    keys = variable_keys(texts)
    return _Cases(keys, sides, texts, search).all(callers) if keys else iter([{}])


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
        letters = _unused_letters(texts, 2 * len(keys))
        counted = max(sum(part is Wild.ONE for part in text) for text in texts)
        counted = min(max(counted, 1), _MOST_LENGTHS)
        self._lengths = range(1, counted + 1)
        self._long = {
            key: letters[2 * place] + letters[2 * place + 1] * (counted + 3)
            for place, key in enumerate(keys)
        }

    def all(self, callers: Mapping[str, tuple[str, ...]]) -> Iterator[Assignment]:
        """Yield each value of each variable, then as many combinations as are affordable."""
        special = self._special()
        choices = [self._choices(key, (*callers.get(key, ()), *special[key])) for key in self._keys]
        rows = [*self._one_at_a_time(choices), *islice(product(*choices), _MOST_CASES)]
        for row in dict.fromkeys(rows):
            yield dict(zip(self._keys, row, strict=True))

    def _choices(self, key: str, special: Iterable[str]) -> list[str | None]:
        long = self._long[key]
        options: list[str | None] = [long, None, *special]
        options += [long[:length] for length in self._lengths]
        if key not in _NEVER_EMPTY:
            options.append("")
        options.append(f"{long[0]}/{long[1]}")
        if key not in ONE_FIELD_KEYS:
            options.append(f"{long[0]}:{long[1]}")
        return list(dict.fromkeys(options))

    def _one_at_a_time(self, choices: list[list[str | None]]) -> Iterator[tuple[str | None, ...]]:
        usual = [options[0] for options in choices]
        yield tuple(usual)
        yield tuple(None for _ in choices)
        for place, options in enumerate(choices):
            for option in options:
                row = list(usual)
                row[place] = option
                yield tuple(row)

    def _special(self) -> dict[str, list[str]]:
        """Values that some pattern tells apart: on the key itself, or where the variable stands."""
        found: dict[str, list[str]] = {key: [] for key in self._keys}
        for side in self._sides:
            for statement in side:
                for condition in statement.conditions:
                    if condition.key in found:
                        found[condition.key] += self._own(condition)
        for meeting in meetings(self._sides, self._search):
            for key, value in meeting:
                found[key].append(value)
        return {key: list(dict.fromkeys(values))[:_MOST_SPECIAL] for key, values in found.items()}

    def _own(self, condition: Condition) -> Iterator[str]:
        """Yield values of the key that a condition on it names, short and long."""
        long = self._long[condition.key]
        for text in strings_of(condition):
            if len(text) > _MOST_PARTS:
                continue
            plain = filled(text, lambda variable: self._long.get(variable.key, variable.key)) or ()
            yield glob(plain).sample(long[1], long)
            yield glob(plain).sample(long[1], "")


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

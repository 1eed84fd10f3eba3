"""Glob patterns as bit-parallel automata.

A pattern of n single-character tokens has the states 0..n, one bit each; a `*` before token i is a
loop on state i. One step for one character is two ANDs and a shift, however many states are alive.
Matching never backtracks, so hostile patterns cost no more than their length.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

from guardrail.core.policy.document import Text, Wild

FIELDS = 6
_LOOP, _SOME = "\x00", "\x01"
_GAP = re.compile("[\x00\x01]")
# Characters that no document holds: each stands for the unknown value of one policy variable.
SYMBOLS = range(0xE000, 0xF900)
_SYMBOL = re.compile("[\ue000-\uf8ff]")
# Added to a symbol for what differs from the value in letter case only.
_OTHER_CASE = 0x100000


class Reach(Enum):
    """What a wildcard may stand for: any character, or any but the colon between ARN fields."""

    ANY = "any"
    FIELD = "field"


Token = str | Reach


class Pattern:
    """One compiled pattern; compared by identity, so build it with `glob`."""

    __slots__ = (
        "accept",
        "chars",
        "collapse",
        "exact",
        "field",
        "loop_any",
        "loop_chars",
        "loop_field",
        "loops",
        "loose",
        "prefix",
        "runs",
        "skeleton",
        "suffix",
        "tokens",
        "wide",
    )

    def __init__(
        self, tokens: tuple[Token, ...], loops: dict[int, Token], loose: Pattern | None = None
    ) -> None:
        self.tokens = tokens
        self.loops = loops
        self.accept = 1 << len(tokens)
        self.chars, self.wide, self.field = _masks(dict(enumerate(tokens)))
        self.loop_chars, self.loop_any, self.loop_field = _masks(loops)
        self.prefix = _literal_run(tokens, loops)
        tail = _literal_run(tokens[::-1], {len(tokens) - at: loop for at, loop in loops.items()})
        self.suffix = tail[::-1]
        self.exact = len(self.prefix) == len(tokens) and not loops
        self.collapse = _collapse(tokens, loops)
        self.skeleton = _skeleton(tokens, loops)
        self.runs = tuple(run for run in _GAP.split(self.skeleton) if run)
        # The same with anything at all for each symbol.
        self.loose = self if loose is None else loose

    def step(self, states: int, char: str) -> int:
        """Return the states alive after one more character."""
        advance = self.wide | self.chars.get(char, 0)
        stay = self.loop_any | self.loop_chars.get(char, 0)
        if char != ":":
            advance |= self.field
            stay |= self.loop_field
        return (states & advance) << 1 | states & stay

    def matches(self, text: str) -> bool:
        """Whether the whole of `text` is in the pattern's language."""
        if self.exact:
            return text == self.prefix
        if not (text.startswith(self.prefix) and text.endswith(self.suffix)):
            return False
        states = 1
        for char in text:
            states = self.step(states, char)
            if not states:
                return False
        return bool(states & self.accept)

    def sample(self, one: str, many: str) -> str:
        """Return a member of the language, with `one` for each `?` and `many` for each `*`."""
        pieces: list[str] = []
        for position in range(len(self.tokens) + 1):
            loop = self.loops.get(position)
            if loop is not None:
                pieces.append(many if isinstance(loop, Reach) else "")
            if position < len(self.tokens):
                token = self.tokens[position]
                pieces.append(one if isinstance(token, Reach) else token[0])
        return "".join(pieces)

    def after_prefix(self, letter: str) -> str:
        """Return a member of the language without its fixed beginning."""
        return self.sample(letter, letter)[len(self.prefix) :]


def _masks(items: dict[int, Token]) -> tuple[dict[str, int], int, int]:
    chars: dict[str, int] = {}
    wide = field = 0
    for position, token in items.items():
        bit = 1 << position
        if token is Reach.ANY:
            wide |= bit
        elif token is Reach.FIELD:
            field |= bit
        else:
            for char in token:
                chars[char] = chars.get(char, 0) | bit
    return chars, wide, field


def _literal_run(tokens: tuple[Token, ...], loops: dict[int, Token]) -> str:
    run: list[str] = []
    for position, token in enumerate(tokens):
        if position in loops or isinstance(token, Reach) or len(token) > 1 or _is_symbol(token):
            break
        run.append(token)
    return "".join(run)


def _skeleton(tokens: tuple[Token, ...], loops: dict[int, Token]) -> str:
    """Return the literal characters in place, with marks for wildcards and classes."""
    marks: list[str] = []
    for position in range(len(tokens) + 1):
        if position in loops:
            marks.append(_LOOP)
        if position < len(tokens):
            token = tokens[position]
            marks.append(token if isinstance(token, str) and len(token) == 1 else _SOME)
    return "".join(marks)


def _collapse(tokens: tuple[Token, ...], loops: dict[int, Token]) -> tuple[tuple[int, int], ...]:
    """For each loop, the earlier states that are redundant once the loop is alive.

    A state before an any-loop accepts only what the loop accepts too; before a field loop this
    holds back to the last token that can be a colon.
    """
    found: list[tuple[int, int]] = []
    for position in sorted(loops, reverse=True):
        start = position
        if loops[position] is Reach.ANY:
            start = 0
        elif loops[position] is Reach.FIELD:
            while start and _within_field(tokens[start - 1], loops.get(start - 1)):
                start -= 1
        if start < position:
            found.append((1 << position, (1 << position) - (1 << start)))
    return tuple(found)


def _within_field(token: Token, loop: Token | None) -> bool:
    def inside(what: Token) -> bool:
        return what is Reach.FIELD or (isinstance(what, str) and ":" not in what)

    return inside(token) and (loop is None or inside(loop))


@lru_cache(maxsize=16_384)
def glob(text: Text, *, ignore_case: bool = False, segmented: bool = False) -> Pattern:
    """Return the pattern of a text without variables.

    `segmented` keeps the wildcards of the leading ARN fields within their field (at most five;
    in a shorter text all but the last).
    """
    literal = "".join(part for part in text if isinstance(part, str))
    boundary = min(FIELDS - 1, literal.count(":")) if segmented else 0
    tokens: list[Token] = []
    loops: dict[int, Token] = {}
    colons = 0
    for part in text:
        reach = Reach.FIELD if colons < boundary else Reach.ANY
        if part is Wild.MANY:
            loops[len(tokens)] = reach
        elif part is Wild.ONE:
            # `*?` is written `?*`, so that equal patterns look equal.
            if len(tokens) in loops:
                loops[len(tokens) + 1] = loops.pop(len(tokens))
            tokens.append(reach)
        elif isinstance(part, str):
            colons += part.count(":")
            tokens += [_cases(char) for char in part] if ignore_case else part
    loose = _loosened(tokens, loops) if _SYMBOL.search(literal) else None
    return Pattern(tuple(tokens), loops, loose)


def _cases(char: str) -> str:
    if _is_symbol(char):
        return char + chr(ord(char) + _OTHER_CASE)
    return char if char.lower() == char.upper() else char.lower() + char.upper()


def classes(*runs: tuple[str, bool]) -> Pattern:
    """Return a pattern of character classes, each once or (flag) once or more."""
    tokens: list[Token] = []
    loops: dict[int, Token] = {}
    for members, repeated in runs:
        tokens.append(members)
        if repeated:
            loops[len(tokens)] = members
    return Pattern(tuple(tokens), loops)


ANYTHING = glob((Wild.MANY,))
NOT_EMPTY = glob((Wild.ONE, Wild.MANY))


@lru_cache(maxsize=65_536)
def covers(outer: Pattern, inner: Pattern) -> bool:
    """Whether every string of `inner` is surely in `outer` (a quick test that may miss)."""
    if inner is outer or outer is ANYTHING:
        return True
    if inner.exact:
        return outer.matches(inner.prefix)
    if outer.exact or not inner.prefix.startswith(outer.prefix):
        return False
    if not inner.suffix.endswith(outer.suffix):
        return False
    # A run of literal characters can only be matched by the same run.
    if any(run not in inner.skeleton for run in outer.runs):
        return False
    states = 1
    for position in range(len(inner.tokens) + 1):
        loop = inner.loops.get(position)
        if loop is not None:
            states &= _each(loop, outer.loop_chars, outer.loop_any, outer.loop_field)
        if position < len(inner.tokens):
            token = inner.tokens[position]
            within = 0 if _is_symbol(token) else outer.loop_field
            stay = states & _each(token, outer.loop_chars, outer.loop_any, within)
            one = (0, 0) if _is_symbol(token) else (outer.wide, outer.field)
            advance = states & _each(token, outer.chars, *one)
            states = advance << 1 | stay
        if not states:
            return False
    return bool(states & outer.accept)


def _is_symbol(token: Token) -> bool:
    """Tell an unknown value, which may be of any length and may hold a colon."""
    return isinstance(token, str) and _SYMBOL.match(token) is not None


def _loosened(tokens: list[Token], loops: dict[int, Token]) -> Pattern:
    kept: list[Token] = []
    wild: dict[int, Token] = {}
    for position in range(len(tokens) + 1):
        if position in loops and wild.get(len(kept)) is not Reach.ANY:
            wild[len(kept)] = loops[position]
        if position < len(tokens):
            if _is_symbol(tokens[position]):
                wild[len(kept)] = Reach.ANY
            else:
                kept.append(tokens[position])
    return Pattern(tuple(kept), wild)


def _each(token: Token, chars: dict[str, int], wide: int, field: int) -> int:
    """Return the states that take every character of `token`."""
    if token is Reach.ANY:
        return wide
    if token is Reach.FIELD:
        return wide | field
    mask = -1
    for char in token:
        mask &= wide | chars.get(char, 0) | (field if char != ":" else 0)
    return mask


@lru_cache(maxsize=65_536)
def apart(first: Pattern, second: Pattern) -> bool:
    """Whether no string is in both, as far as their fixed ends show.

    A symbol may hold the very text that the other pattern wants.
    """
    first, second = first.loose, second.loose
    if first.exact:
        return not second.matches(first.prefix)
    if second.exact:
        return not first.matches(second.prefix)
    head = min(len(first.prefix), len(second.prefix))
    if first.prefix[:head] != second.prefix[:head]:
        return True
    tail = min(len(first.suffix), len(second.suffix))
    return bool(tail) and first.suffix[-tail:] != second.suffix[-tail:]

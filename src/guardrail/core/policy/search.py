"""A string that is in every one of some unions of patterns and in none of others, or none.

The search walks the product of the patterns' automata, breadth first, one memo per decision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.core.policy.pattern import Pattern, apart, covers
from guardrail.core.policy.problems import OverBudgetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Group = tuple[Pattern, ...]
# A character, the states that it advances and those that it leaves where they are, and the states
# for which it differs from a character that no pattern mentions.
Move = tuple[str, int, int, int]
_FRESH = "xyzwvutsrqponmlkjihgfedcba0123456789-_~"
_SAMPLED = 8


class Budget:
    """The work that one decision may take, counted in steps and not in time."""

    __slots__ = ("left",)

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Take steps off; raises `OverBudgetError` when none are left."""
        self.left -= steps
        if self.left < 0:
            raise OverBudgetError


class StringSearch:
    """Finds members of intersections of patterns, within a budget and remembering answers."""

    __slots__ = ("_budget", "_found")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._found: dict[tuple[frozenset[Group], frozenset[Pattern]], str | None] = {}

    def spend(self, steps: int) -> None:
        """Take steps off the budget of the decision."""
        self._budget.spend(steps)

    def find(
        self,
        groups: frozenset[Group],
        excluded: frozenset[Pattern],
        hints: Iterable[str] = (),
    ) -> str | None:
        """Return a string in one pattern of each group and in none excluded, `hints` first.

        Where patterns hold symbols, none means that there is none whatever they stand for.
        """
        key = (groups, excluded)
        if key not in self._found:
            self._found[key] = self._search(groups, excluded, hints)
        return self._found[key]

    def _search(
        self, groups: frozenset[Group], excluded: frozenset[Pattern], hints: Iterable[str]
    ) -> str | None:
        narrowed = self._narrowed(groups, excluded)
        if narrowed is None:
            return None
        # What symbols hold is unknown: they may match anything, and need not match.
        kept = [tuple(pattern.loose for pattern in group) for group in narrowed[0]]
        barred = [pattern for pattern in narrowed[1] if pattern.loose is pattern]
        for text in _guesses(kept, barred, hints):
            self.spend(1 + len(text) * (len(kept) + len(barred)) // 8)
            if _member(text, kept, barred):
                return text
        if any(all(pattern.exact for pattern in group) for group in kept):
            return None
        return _walk(kept, barred, self._budget)

    def _narrowed(
        self, groups: frozenset[Group], excluded: frozenset[Pattern]
    ) -> tuple[list[Group], list[Pattern]] | None:
        """Return the same question without what cannot matter; none when plainly empty."""
        kept: list[Group] = []
        for group in groups:
            others = [other for other in groups if other is not group]
            new = [pattern for pattern in group if pattern not in excluded]
            self.spend(1 + len(new) * (len(excluded) + sum(map(len, others))) // 4)
            alive = tuple(
                pattern
                for pattern in new
                if not any(covers(out, pattern) for out in excluded)
                and not _rivalled(pattern, others)
            )
            if not alive:
                return None
            kept.append(alive)
        self.spend(len(excluded) * sum(map(len, kept)) // 4)
        return kept, [out for out in excluded if not _rivalled(out, kept)]


def _rivalled(pattern: Pattern, others: list[Group]) -> bool:
    """Whether some other group has nothing in common with the pattern."""
    return any(all(apart(pattern, rival) for rival in other) for other in others)


def _guesses(kept: list[Group], barred: list[Pattern], hints: Iterable[str]) -> Iterator[str]:
    """Likely members: exact patterns (all of them), hints, and patterns filled with a letter."""
    for group in kept:
        if all(pattern.exact for pattern in group):
            yield from (pattern.prefix for pattern in group)
            return
    yield from hints
    letter = _fresh_letter(kept, barred)
    ordered = sorted((group[:_SAMPLED] for group in kept), key=_looseness)
    for many in (letter, ""):
        for group in ordered:
            for pattern in group:
                yield pattern.sample(letter, many)
    for group in ordered[:2]:
        for other in ordered[:2]:
            if other is not group:
                yield group[0].sample(letter, other[0].after_prefix(letter))


def _looseness(group: Group) -> int:
    return -max(len(pattern.tokens) for pattern in group)


def _fresh_letter(kept: list[Group], barred: list[Pattern]) -> str:
    used: set[str] = set()
    for pattern in (*(one for group in kept for one in group), *barred):
        if len(pattern.chars) < len(_FRESH) - 5:
            used.update(pattern.chars)
    return next((char for char in _FRESH if char not in used), _FRESH[0])


def _member(text: str, groups: list[Group], excluded: list[Pattern]) -> bool:
    return all(any(one.matches(text) for one in group) for group in groups) and not any(
        out.matches(text) for out in excluded
    )


class _Product:
    """All patterns side by side in one integer, each at its offset."""

    __slots__ = (
        "accepts",
        "alive",
        "collapse",
        "looping",
        "moves",
        "refuse",
        "start",
        "trap",
        "width",
    )

    def __init__(self, groups: list[Group], excluded: list[Pattern]) -> None:
        self.start = self.refuse = self.trap = self.width = 0
        self.accepts: list[int] = []
        self.alive: list[int] = []
        self.collapse: list[tuple[int, int]] = []
        placed: list[tuple[Pattern, int]] = []
        for group in groups:
            first = self.width
            self.accepts.append(sum(self._place(pattern, placed) for pattern in group))
            self.alive.append((1 << self.width) - (1 << first))
        for pattern in excluded:
            accept = self._place(pattern, placed)
            self.refuse |= accept
            if pattern.accept & pattern.loop_any:
                self.trap |= accept
        self.moves = _moves(placed)
        self.looping = 0
        for bit, _ in self.collapse:
            self.looping |= bit

    def _place(self, pattern: Pattern, placed: list[tuple[Pattern, int]]) -> int:
        offset = self.width
        self.width += len(pattern.tokens) + 1
        self.start |= 1 << offset
        self.collapse += [(bit << offset, mask << offset) for bit, mask in pattern.collapse]
        placed.append((pattern, offset))
        return pattern.accept << offset

    def accepted(self, states: int) -> bool:
        """Whether a string that leads here is a member."""
        return not states & self.refuse and all(states & accept for accept in self.accepts)

    def open(self, states: int) -> bool:
        """Whether a longer string may still be a member."""
        if states & self.trap:
            return False
        for alive in self.alive:  # noqa: SIM110 - hot, and a generator costs twice as much
            if not states & alive:
                return False
        return True

    def reduced(self, states: int) -> int:
        """Return the states without those that add nothing."""
        for bit, mask in self.collapse:
            if states & bit:
                states &= ~mask
        return states


def _moves(placed: list[tuple[Pattern, int]]) -> list[Move]:
    """One character for each way of moving on, that of an unmentioned character first."""
    wide = field = loop_any = loop_field = 0
    chars: dict[str, int] = {":": 0}
    loops: dict[str, int] = {}
    for pattern, offset in placed:
        wide |= pattern.wide << offset
        field |= pattern.field << offset
        loop_any |= pattern.loop_any << offset
        loop_field |= pattern.loop_field << offset
        for char, mask in pattern.chars.items():
            chars[char] = chars.get(char, 0) | mask << offset
        for char, mask in pattern.loop_chars.items():
            loops[char] = loops.get(char, 0) | mask << offset
    used = chars.keys() | loops.keys()
    fresh = next((char for char in _FRESH if char not in used), None) or _unused(used)
    usual = (wide | field, loop_any | loop_field)
    distinct: dict[tuple[int, int], str] = {usual: fresh}
    for char in sorted(used):
        inner = 0 if char == ":" else field
        inner_loop = 0 if char == ":" else loop_field
        move = (
            wide | inner | chars.get(char, 0),
            loop_any | inner_loop | loops.get(char, 0),
        )
        distinct.setdefault(move, char)
    return [
        (char, advance, stay, (advance ^ usual[0]) | (stay ^ usual[1]))
        for (advance, stay), char in distinct.items()
    ]


def _unused(used: set[str]) -> str:
    return next(
        char for char in map(chr, range(0xE0, 0xD000)) if char.isalpha() and char not in used
    )


def _walk(groups: list[Group], excluded: list[Pattern], budget: Budget) -> str | None:
    """Breadth-first over the product; the first member found is a shortest one."""
    product = _Product(groups, excluded)
    cost = len(product.moves) * (1 + product.width // 1024) + len(product.collapse) // 4
    budget.spend(cost)
    start = product.reduced(product.start)
    origin: dict[int, tuple[int, str]] = {start: (-1, "")}
    frontier = [start]
    moves = product.moves
    if product.accepted(start):
        return ""
    while frontier:
        reached: list[int] = []
        for states in frontier:
            budget.spend(cost)
            for char, advance, stay, special in moves:
                if special and not states & special:
                    continue
                after = (states & advance) << 1 | states & stay
                if after & product.looping:
                    after = product.reduced(after)
                if after in origin or not product.open(after):
                    continue
                origin[after] = (states, char)
                if product.accepted(after):
                    return _spelled(origin, after)
                reached.append(after)
        frontier = reached
    return None


def _spelled(origin: dict[int, tuple[int, str]], states: int) -> str:
    chars: list[str] = []
    while states != -1:
        states, char = origin[states]
        chars.append(char)
    return "".join(reversed(chars))

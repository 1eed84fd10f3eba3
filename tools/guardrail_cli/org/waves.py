"""How fast a stack set's operations reach an organisation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil

from guardrail_cli.org.model import Pace

SHARES = (0.05, 0.25, 1.0)
"""How much of the organisation has been reached after each wave that follows the first account."""

AT_ONCE, MAY_FAIL = 0.25, 0.05
"""Shares of a wave's accounts."""


@dataclass(frozen=True, slots=True)
class Waves:
    """How fast it goes: one account first, in which nothing may fail, then shares of the rest.

    `may_fail` and `at_once` are shares of a wave's accounts, in each region, and never less than
    one account. A wave in which every account fails is never a success, unless all may.
    """

    may_fail: float = MAY_FAIL
    at_once: float = AT_ONCE
    shares: tuple[float, ...] = SHARES

    def of(self, accounts: list[str]) -> Iterator[tuple[list[str], Pace]]:
        """Yield accounts and pace of each wave."""
        done = 1
        yield accounts[:1], Pace()
        for share in self.shares:
            until = max(done, ceil(share * len(accounts)))
            if wave := accounts[done:until]:
                yield wave, self._wary(len(wave))
            done = until

    def _wary(self, accounts: int) -> Pace:
        """Return the pace of a wave: one that fails entirely would let the next one begin."""
        pace = self.pace(accounts)
        most = accounts if self.may_fail >= 1 else accounts - 1
        return replace(pace, may_fail=min(pace.may_fail, most))

    def pace(self, accounts: int) -> Pace:
        """Return the pace of an operation on so many accounts."""
        return Pace(max(1, int(self.at_once * accounts)), ceil(self.may_fail * accounts))

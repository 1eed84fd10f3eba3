"""What a behaviour of EC2 is here: named hooks around a call, with their source.

Each behaviour is a class in a module of its own, whose docstring states in its first line what
EC2 does and in its last ones `Source:` and `Confidence:` (documented, observed, inferred).
A behaviour refuses before anything is changed, and changes only what moto has accepted, so the
order of behaviours decides nothing but which refusal comes first.
"""

from __future__ import annotations

import heapq
import itertools
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from guardrail_sandbox.ec2.call import Call, Reply
from guardrail_sandbox.errors import SandboxError

if TYPE_CHECKING:
    from guardrail_sandbox.clock import Clock
    from guardrail_sandbox.untyped import Moto

Before = Callable[[Call], Reply | None]
"""Looks at a call: raises RefusedError, rewrites the call, or answers it (no further hooks)."""
After = Callable[[Call, Reply], Reply]
"""Follows a call that moto carried out; returns the answer to give."""

ANY = "*"
"""Stands for every action."""


class Confidence(StrEnum):
    """How sure it is that AWS does the same."""

    DOCUMENTED = "documented"
    OBSERVED = "observed"
    INFERRED = "inferred"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take, in seconds of the clock. `refill` multiplies AWS's token refill."""

    pending: float
    deleting: float
    described_as_deleted: float
    read_lag: float
    refill: float


AWS_PACE = Pace(pending=120, deleting=60, described_as_deleted=300, read_lag=0, refill=1)
"""As on AWS, by its documentation where it says so and by reports otherwise.

Reads do not lag: on AWS an event comes later than that, here at once.
"""
SHORT_PACE = Pace(pending=0.3, deleting=0.3, described_as_deleted=60, read_lag=0, refill=20)
"""For real time: nobody wants to wait for minutes at a terminal."""


@dataclass(slots=True)
class World:
    """What behaviours share: the clock, the pace, the assumptions, and what is due later."""

    clock: Clock
    pace: Pace
    assumed: Mapping[str, str] = field(default_factory=dict)
    _due: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _doing: float | None = None
    _order: itertools.count[int] = field(default_factory=itertools.count)

    def after(self, seconds: float, change: Callable[[], None]) -> None:
        """Do `change` that much later: before the first call from then on."""
        if seconds <= 0:
            change()
            return
        # What follows from another change is counted from when that was due, though nobody looked.
        now = self.clock.monotonic() if self._doing is None else self._doing
        due = now + seconds
        heapq.heappush(self._due, (due, next(self._order), change))

    def catch_up(self) -> None:
        """Do what is due by now, in order."""
        now = self.clock.monotonic()
        while self._due and self._due[0][0] <= now:
            self._doing, _, change = heapq.heappop(self._due)
            try:
                change()
            finally:
                self._doing = None


class Behaviour:
    """Base of all: no hooks. `name` switches it off, `assumptions` are open questions.

    An assumption has the possible answers, the first of which holds unless another is chosen.
    """

    name: ClassVar[str]
    assumptions: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def __init__(self, world: World) -> None:
        self._world = world

    def before(self) -> Mapping[str, Before]:
        """Return the hooks before moto, by action."""
        return {}

    def after(self) -> Mapping[str, After]:
        """Return the hooks after moto, by action."""
        return {}

    def made(self, endpoint: Moto, region: str) -> None:
        """Complete an endpoint that was just made, before anybody sees it."""

    def assumes(self, assumption: str, answer: str) -> bool:
        """Tell whether this answer to an open question holds."""
        chosen = self._world.assumed.get(assumption, self.assumptions[assumption][0])
        return chosen == answer


@dataclass(frozen=True, slots=True)
class Facts:
    """What is said about a behaviour; read from the docstring of its module."""

    name: str
    summary: str
    details: str
    source: str
    confidence: Confidence
    assumptions: Mapping[str, tuple[str, ...]]


def facts_of(behaviour: type[Behaviour]) -> Facts:
    """Return what the module of a behaviour says about it; raise when it says too little."""
    text = sys.modules[behaviour.__module__].__doc__ or ""
    said, _, rest = text.partition("\nSource:")
    source, _, confidence = rest.partition("\nConfidence:")
    if not source or not confidence:
        raise SandboxError(f"{behaviour.__module__} names no source or no confidence")
    summary, _, details = said.strip().partition("\n\n")
    return Facts(
        behaviour.name,
        " ".join(summary.split()),
        details.strip(),
        " ".join(source.split()),
        Confidence(confidence.strip().rstrip(".")),
        behaviour.assumptions,
    )

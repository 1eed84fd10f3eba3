"""Ports in memory: a network that behaves as EC2 does where it matters, the others, and a clock.

Tests look at the state that is left, never at lists of calls. `Faults` makes the n-th call of any
port fail before or after its effect, `stale_reads` lets observations lag behind, `before_apply`
lets somebody else act in the moment before a write.
"""

from __future__ import annotations

from support.faults import Clock, Crash, Faults
from support.memory import FakeAgenda, FakeEvidence, FakeRecords, FakeResolution, FakeSettling
from support.network import FakeNetwork
from support.values import ACCOUNT, BASELINE, OFFERS, OPEN, STACK, ZONES

__all__ = [
    "ACCOUNT",
    "BASELINE",
    "OFFERS",
    "OPEN",
    "STACK",
    "ZONES",
    "Clock",
    "Crash",
    "FakeAgenda",
    "FakeEvidence",
    "FakeNetwork",
    "FakeRecords",
    "FakeResolution",
    "FakeSettling",
    "Faults",
]

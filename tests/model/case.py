"""One sequence as a value: what the owner does when, and what becomes of each event.

Being a plain value it can be printed, shrunk, kept as an example and played with perfect delivery.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from hypothesis import strategies as st

from guardrail.core.model import Intent, Mode, VpcDns
from guardrail.core.names import Service
from model import acts_endpoints, acts_network, acts_tools
from model.delivery import PROMPT, Fate
from model.owner import ACTS
from model.product import EXEMPTION_TAG, SUBNET_TAG

_Item = TypeVar("_Item")
ACT_MODULES = (acts_endpoints, acts_network, acts_tools)
"""Importing them fills the list of acts."""


@dataclass(frozen=True)
class Step:
    """One act of the owner's, some seconds after the one before."""

    act: str
    which: int = 0
    how: int = 0
    after: float = 60.0


@dataclass(frozen=True)
class Case:
    """A sequence: the owner's steps, the fates of the events in order, and the parameters."""

    steps: tuple[Step, ...]
    fates: tuple[Fate, ...] = ()
    services: int = 1
    max_zones: int = 3
    vpc_dns: VpcDns = VpcDns.WAIT
    sweep_hours: int = 6
    subnet_tag: bool = False
    clients: tuple[str, ...] = ()
    default_vpcs: bool = False

    @property
    def intent(self) -> Intent:
        """What the stack's parameters ask for."""
        return Intent(
            mode=Mode.ENFORCE,
            services=tuple(Service)[: self.services],
            max_zones=self.max_zones,
            vpc_dns=self.vpc_dns,
            exemption_tag=EXEMPTION_TAG,
            subnet_tag=SUBNET_TAG if self.subnet_tag else None,
            client_cidrs=self.clients,
            default_vpcs=self.default_vpcs,
        )


_WAITS = (60.0, 0.0, 1.0, 20.0, 300.0, 400.0, 1200.0, 2400.0, 7200.0, 100_000.0)
_OFTEN = ("network", "network", "network", "subnet", "dns-on", "own", "loosen", "loosen")
"""Acts that are drawn more often: without them the others find nothing to act upon."""
_UNDONE = {
    "interface": "drop-interface",
    "block": "unblock",
    "exempt": "unexempt",
    "subnet": "fill",
}
"""Acts that need another before them: drawn alone they would hardly ever find anything."""
MOST_STEPS, MOST_FATES = 16, 40


def cases() -> st.SearchStrategy[Case]:
    """Return the sequences whose owner does none of the acts named."""
    names = [*ACTS, *_OFTEN]
    step = st.builds(
        Step,
        act=st.sampled_from(names),
        which=st.integers(0, 5),
        how=st.integers(0, 9),
        after=st.sampled_from(_WAITS),
    )
    # Drawn by number: `one_of` takes a strategy that is given several times as one.
    steps = st.integers(0, 9).flatmap(
        lambda n: _pairs() if n == 9 else step.map(lambda only: (only,))
    )
    begin = st.builds(Step, act=st.just("network"), which=st.integers(0, 2), how=st.integers(0, 9))
    return st.builds(
        Case,
        steps=_several(steps, MOST_STEPS).flatmap(
            lambda rest: begin.map(lambda first: (first, *chain(*rest))) if rest else st.just(())
        ),
        fates=_several(_fates(), MOST_FATES),
        services=st.sampled_from((1, 1, 1, 2)),
        max_zones=st.sampled_from((3, 2, 1)),
        vpc_dns=st.sampled_from((VpcDns.WAIT, VpcDns.WAIT, VpcDns.ENABLE, VpcDns.IGNORE)),
        sweep_hours=st.sampled_from((6, 1, 24)),
        subnet_tag=_seldom,
        clients=st.sampled_from(((), (), ("192.0.2.0/24", "2001:db8::/56"))),
        default_vpcs=_seldom,
    )


_seldom = st.integers(0, 5).map(lambda n: n == 5)


def _pairs() -> st.SearchStrategy[tuple[Step, ...]]:
    """Return an act and, later and in the same place, the one that needs it."""
    waits = st.sampled_from(_WAITS)
    return st.builds(
        lambda act, which, how, before, after: (
            Step(act, which, how, before),
            Step(_UNDONE[act], which, how, after),
        ),
        act=st.sampled_from(sorted(_UNDONE)),
        which=st.integers(0, 5),
        how=st.integers(0, 9),
        before=waits,
        after=waits,
    )


def _several(of: st.SearchStrategy[_Item], most: int) -> st.SearchStrategy[tuple[_Item, ...]]:
    """Return tuples, long ones more often than Hypothesis' lists are."""
    number = st.tuples(st.integers(0, most), st.integers(0, most)).map(max)
    return number.flatmap(lambda n: st.tuples(*[of] * n))


def _fates() -> st.SearchStrategy[Fate]:
    """Return fates: mostly an arrival within 20 minutes, sometimes none or two."""
    arrival = st.one_of(st.just(0.0), st.sampled_from((5.0, 70.0, 290.0, 600.0, 1200.0)))
    once = st.builds(
        Fate,
        arrivals=st.tuples(arrival),
        at=st.integers(0, 9),
        pause=st.sampled_from((0.0, 0.0, 0.0, 2.0, 30.0, 90.0)),
    )
    twice = st.builds(Fate, arrivals=st.tuples(arrival, arrival))
    return st.one_of(st.just(PROMPT), once, once, twice, st.just(Fate(arrivals=())))

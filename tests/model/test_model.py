"""Whatever an owner does, and however events travel: in the end every VPC is as it should be."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, given, seed, settings

from model.case import Case, cases
from model.conftest import Extent
from model.play import play
from model.promises import broken

AFRESH = settings(
    max_examples=2,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
"""The simplest sequence, which is none, and one that is drawn: left alone, Hypothesis makes five
more out of each by repeating parts of it, and meets less."""


def test_after_quiet_and_one_sweep_everything_is_as_it_should_be(extent: Extent) -> None:
    """Random owners, random delivery: the promises hold, and few writes were spent.

    Sequence n of a run is drawn with seed `--first-seed` + n, so that it can be played again alone.
    """
    for number in range(extent.sequences):

        @seed(extent.seed + number)
        @AFRESH
        @given(cases(without=extent.acts_left_out))
        def sequence(case: Case) -> None:
            if case.steps:
                played = play(case)
                wrong = list(broken(played, extent.promises_left_out))
                assert not wrong, "\n".join([*wrong, "", *played.story])

        sequence()

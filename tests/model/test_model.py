"""Whatever an owner does, and however events travel: in the end every VPC is as it should be."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, given, seed, settings

from model.case import Case, cases
from model.conftest import Extent
from model.play import perfect, play
from model.promises import broken, broken_with_perfect_delivery

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
        _draw(extent.seed + number, twice=number % extent.every_nth_perfect == 0)


def _draw(number: int, *, twice: bool) -> None:
    """Draw a sequence and play it, `twice` also with perfect delivery."""

    @seed(number)
    @AFRESH
    @given(cases())
    def sequence(case: Case) -> None:
        if not case.steps:
            return
        played = play(case)
        wrong = list(broken(played))
        assert not wrong, _told(number, wrong, played.story)
        if twice:
            reference = play(perfect(case))
            wrong = list(broken_with_perfect_delivery(played, reference))
            assert not wrong, _told(number, [*wrong, "with perfect delivery:"], reference.story)

    sequence()


def _told(number: int, wrong: list[str], story: list[str]) -> str:
    return "\n".join([f"drawn with seed {number}:", *wrong, "", *story])

"""Whatever an owner does, and however events travel: in the end every VPC is as it should be."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from model.case import Case, cases
from model.conftest import FEW, Extent
from model.play import play
from model.promises import broken

SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def test_after_quiet_and_one_sweep_everything_is_as_it_should_be(extent: Extent) -> None:
    """Random owners, random delivery: the promises hold, and few writes were spent.

    The few sequences of every run are always the same; those of the long mode are others each time.
    """

    @settings(
        max_examples=extent.sequences,
        deadline=None,
        derandomize=extent.sequences == FEW,
        database=None,
        print_blob=True,
        suppress_health_check=SLOW_IS_FINE,
    )
    @given(cases(without=extent.acts_left_out))
    def every_sequence(case: Case) -> None:
        played = play(case)
        wrong = list(broken(played, extent.promises_left_out))
        assert not wrong, "\n".join([*wrong, "", *played.story])

    every_sequence()

"""Sequences in which a promise was broken once, or nearly: random ones meet them seldom."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardrail.core.model import VpcDns
from model.case import Case, Step
from model.delivery import PROMPT, Fate
from model.play import play
from model.promises import broken, broken_with_perfect_delivery

NETWORK = Step("network", which=2)
SETTLED = Step("wait", after=2400.0)
COVERED = (NETWORK, SETTLED)
LATE = Fate((1200.0,))

EXAMPLES = {
    "hostnames switched off under private DNS": Case(
        (*COVERED, Step("dns-off")), vpc_dns=VpcDns.ENABLE
    ),
    "hostnames switched off while private DNS is off": Case(
        (*COVERED, Step("mute"), Step("dns-off", after=1.0)), vpc_dns=VpcDns.ENABLE
    ),
    "refusals told of when the subnets are gone, beside another network": Case(
        (NETWORK, *COVERED, Step("destroy")), fates=(PROMPT,) * 30 + (LATE,) * 60
    ),
    "untagged, and then without private DNS": Case((*COVERED, Step("untag"), Step("mute"))),
    "taken over by another tag, and then untagged": Case(
        (*COVERED, Step("untag", how=2), SETTLED, Step("untag"))
    ),
    "opened while exempt": Case(
        (*COVERED, Step("exempt"), Step("loosen"), SETTLED, Step("unexempt"))
    ),
    "muted again and again beside an endpoint of the owner's without the name": Case(
        (*COVERED, Step("own", how=8), *(SETTLED, Step("mute")) * 3, SETTLED)
    ),
    "deleted twice within a day": Case(
        (*COVERED, Step("drop-managed"), SETTLED, Step("sweep"), SETTLED, Step("drop-managed"))
    ),
}


@pytest.mark.parametrize("case", EXAMPLES.values(), ids=EXAMPLES)
def test_in_the_end_everything_is_as_it_should_be(case: Case) -> None:
    """The same promises as of sequences that are drawn."""
    played = play(case)
    assert not list(broken(played)), "\n".join(played.story)


def test_a_teardown_is_helped_once_in_a_day() -> None:
    """A deletion had that yield; begun within it, or without it, the teardown goes through."""
    deleted = (Step("drop-managed"), SETTLED, Step("sweep"), SETTLED)
    late, early, alone = (
        play(Case((*COVERED, *before, Step("destroy"), SETTLED)))
        for before in (deleted, deleted[:1], ())
    )
    assert late.blocked
    assert not early.blocked
    assert not alone.blocked
    assert not list(broken_with_perfect_delivery(late, late))
    unexcused = replace(late, deletions=[])
    assert list(broken_with_perfect_delivery(unexcused, unexcused))

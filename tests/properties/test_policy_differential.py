"""The engine against judges that share nothing with it."""

from __future__ import annotations

import pytest
from differential import disagreement, z3_disagreement
from generated_policies import generated_pair

PAIRS = 500
BLOCK = 50


@pytest.mark.parametrize("first", range(100_000, 100_000 + PAIRS, BLOCK))
def test_no_sampled_request_contradicts_a_verdict(first: int) -> None:
    """A contained candidate allows no sampled request beyond; a witness is always confirmed."""
    for seed in range(first, first + BLOCK):
        candidate, baseline = generated_pair(seed)
        service = "states" if seed % 3 else None
        problem = disagreement(candidate, baseline, service=service, seed=seed)
        assert problem is None, f"seed {seed}: {problem}\n{candidate}\n{baseline}"


def test_z3_agrees_wherever_it_decides() -> None:
    """The same verdict on every pair that z3 decides with limited work: a third of them."""
    decided = 0
    for seed in range(200_000, 200_040):
        by_z3, problem = z3_disagreement(seed)
        assert problem is None, f"seed {seed}: {problem}"
        decided += by_z3
    assert decided >= 12, f"z3 decided {decided} of 40 pairs only"

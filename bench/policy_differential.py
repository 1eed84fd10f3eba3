"""The engine against an independent evaluator and z3, on generated pairs.

    python bench/policy_differential.py --pairs 20000 --z3 500

Prints every disagreement and a summary; exit 1 on any disagreement.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests" / "properties")]

from differential import disagreement, z3_disagreement  # noqa: E402 - the path is set above
from generated_policies import generated_pair  # noqa: E402

from guardrail.core.policy import decide  # noqa: E402


def main() -> int:
    """Run the pairs and return the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--z3", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    outcomes: Counter[str] = Counter()
    wrong = judged = 0
    start = time.perf_counter()
    for seed in range(options.seed, options.seed + options.pairs):
        candidate, baseline = generated_pair(seed)
        service = "states" if seed % 3 else None
        outcomes[decide(candidate, baseline, service=service).outcome] += 1
        problem = disagreement(candidate, baseline, service=service, seed=seed)
        if problem:
            wrong += 1
            print(f"seed {seed}: {problem}\n  {candidate}\n  {baseline}")
    for seed in range(options.seed, options.seed + options.z3):
        decided, problem = z3_disagreement(seed)
        judged += decided
        if problem:
            wrong += 1
            print(f"z3, seed {seed}: {problem}")
    seconds = round(time.perf_counter() - start, 1)
    summary = {
        "pairs": options.pairs,
        "z3": options.z3,
        "z3 decided": judged,
        "disagreements": wrong,
        **outcomes,
    }
    print(json.dumps({**summary, "seconds": seconds}))
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""How long a decision takes: the corpus, and ordinary policies of 100 statements.

    python bench/policy_speed.py

Pure Python, core only; every pair is decided in a process that has not seen it before.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from guardrail.core.policy import decide  # noqa: E402 - the path is set above

LIMIT = 20_480
NAMES = ("billing", "search", "mail", "audit", "fraud", "report", "ingest", "sync")


def large_policy(account: str = "123456789012") -> list[dict[str, Any]]:
    """Return 100 ordinary statements that fill an endpoint policy to its limit."""
    statements: list[dict[str, Any]] = []
    for number in range(100):
        name = f"{NAMES[number % len(NAMES)]}-{number}"
        role = f"arn:aws:iam::{account}:role/{name}"
        kind = "*:{0}:stateMachine:{1}-*" if number % 2 else "eu-west-1:{0}:execution:{1}:*"
        statement: dict[str, Any] = {
            "Effect": "Deny" if number % 25 == 24 else "Allow",
            "Principal": {"AWS": role if number % 2 else account},
            "Action": ["states:Start*", "states:Describe*"],
            "Resource": f"arn:aws:states:{kind.format(account, name)}",
        }
        if number % 4 == 0:
            statement["Condition"] = {"StringEquals": {"aws:SourceVpc": f"vpc-{number}"}}
        statements.append(statement)
    return statements


def document(statements: list[dict[str, Any]]) -> str:
    """Return the policy, padded to the largest size that EC2 takes."""
    text = json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
    return text + " " * (LIMIT - len(text))


def milliseconds(candidate: str, baseline: str, service: str | None) -> tuple[float, str]:
    """Return the time of one decision without the cache, and its outcome."""
    decide.cache_clear()
    start = time.perf_counter()
    outcome = decide(candidate, baseline, service=service).outcome
    return (time.perf_counter() - start) * 1000, outcome


def large() -> dict[str, Any]:
    """Return the times of a large policy against itself and close variants."""
    full = large_policy()
    narrowed = [
        {**one, "Action": "states:StartExecution"} if one["Effect"] == "Allow" else one
        for one in full
    ]
    variants = {
        "itself": (full, full),
        "reversed": (full[::-1], full),
        "narrowed": (narrowed, full),
        "one missing": (full, full[:40] + full[41:]),
        "one missing in the candidate": (full[:40] + full[41:], full),
    }
    found = {}
    for name, (candidate, baseline) in variants.items():
        taken, outcome = milliseconds(document(candidate), document(baseline), "states")
        found[name] = {"milliseconds": round(taken, 1), "outcome": outcome}
    return found


def import_milliseconds() -> float:
    """Return the least time of importing the engine with byte-code present."""
    command = "import time; s = time.perf_counter(); import guardrail.core.policy; "
    command += "print((time.perf_counter() - s) * 1000)"
    environment = {key: os.environ[key] for key in os.environ if key != "PYTHONDONTWRITEBYTECODE"}
    times = [
        float(
            subprocess.run(
                [sys.executable, "-c", command],
                check=True,
                capture_output=True,
                text=True,
                cwd=ROOT / "src",
                env=environment,
            ).stdout
        )
        for _ in range(5)
    ]
    return round(min(times), 1)


def corpus() -> list[float]:
    """Return the sorted times of the corpus' pairs."""
    times: list[float] = []
    for path in (ROOT / "tests/corpus/pairs.jsonl", ROOT.parent / "shared/policies/pairs.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            case = json.loads(line)
            texts = [
                one if isinstance(one, str) else json.dumps(one)
                for one in (case["candidate"], case["baseline"])
            ]
            times.append(milliseconds(texts[0], texts[1], case["service"])[0])
    return sorted(times)


def main() -> None:
    """Print everything as one JSON object."""
    times = corpus()
    marks = {"median": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    spread = {name: round(times[round(at * (len(times) - 1))], 3) for name, at in marks.items()}
    version = sys.version.split()[0]
    print(
        json.dumps(
            {
                "python": version,
                "pairs": len(times),
                "milliseconds": spread,
                "100 statements, 20,480 characters": large(),
                "import milliseconds": import_milliseconds(),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()

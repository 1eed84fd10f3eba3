"""Run the tests on this Python, and what ships on the functions' Python, if the machine has it.

With ALL_PYTHONS=1 on every other one from 3.11, too. With TESTS_END, a moment in seconds since
1970, what has not begun by then is skipped: `.ci/run` has a limit.

The last line is the sum: `N passed, N failed`. An error counts as a failure; skipped tests are
said on the line before.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
MINIMUM, BEYOND = (3, 11), (3, 15)
RUNTIME = "3.13"
"""The Python that Lambda runs the functions on (template.yaml)."""
ELSEWHERE = [
    *("tests/unit", "--ignore=tests/unit/sandbox", "tests/faults", "tests/contract"),
    *("tests/properties/test_plan.py", "tests/properties/test_policy_laws.py"),
]
"""What runs on another Python: what ships and meets the SDK; the functions of the local AWS run on
one Python wherever the tests run."""
SIDE_BY_SIDE = (
    *("-n", "auto", "--maxprocesses", "4"),
    *("--dist", "loadfile", "--no-loadscope-reorder"),
)
"""A file's tests share a local AWS, so they stay together."""
END = float(os.environ.get("TESTS_END", "inf"))
"""When tests end that are not done, in seconds since 1970; see `conftest.py`."""
TO_PREPARE = 120.0
"""Seconds without which it is no use to begin with another Python."""
_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)")


def main(arguments: list[str]) -> int:
    """Run pytest everywhere with `arguments`; return the exit status."""
    total: Counter[str] = Counter()
    for version, python in {_here(): sys.executable, **_others()}.items():
        if python != sys.executable and END - time.time() < TO_PREPARE:
            print(f"== Python {version} is left out: the time given (TESTS_END) is over")
            continue
        total.update(_results(python, version, arguments))
    if total["skipped"]:
        print(f"{total['skipped']} skipped; the reasons stand above")
    failed = total["failed"] + total["error"]
    print(f"{total['passed']} passed, {failed} failed", flush=True)
    # A run that came to nothing has shown nothing.
    return int(failed > 0 or total["passed"] == 0)


def _results(python: str, version: str, arguments: list[str]) -> Counter[str]:
    """Return what the tests came to on one Python; a run that breaks off counts as a failure."""
    here = python == sys.executable
    try:
        prepared = python if here else _environment(python, version)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"Python {version} cannot be prepared: {error}", flush=True)
        return Counter(failed=1)
    print(f"== tests on Python {version}", flush=True)
    status, counts = _pytest(prepared, arguments or ([] if here else ELSEWHERE))
    if status and not counts["failed"] + counts["error"]:
        print(f"pytest on Python {version} broke off with status {status}", flush=True)
        counts["failed"] += 1
    return counts


def _here() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _others() -> dict[str, str]:
    """Return one Python for each further version that is asked for and there, newest last."""
    found: dict[str, str] = {}
    for candidate in _candidates():
        version = _version(candidate)
        wanted = version == RUNTIME or os.environ.get("ALL_PYTHONS") == "1"
        if version and wanted and version != _here() and version not in found:
            found[version] = candidate
    return dict(sorted(found.items()))


def _candidates() -> list[str]:
    names = [f"python3.{minor}" for minor in range(MINIMUM[1], BEYOND[1])]
    on_path = [path for name in names if (path := shutil.which(name))]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    return [*on_path, *(str(path) for path in sorted(pyenv.glob("3.*/bin/python3")))]


def _version(python: str) -> str | None:
    """Return `3.x` if this Python runs and is new enough; shims may stand for none."""
    code = "import sys, venv, ensurepip, ssl; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run(
            [python, "-c", code], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    version = answer.stdout.strip()
    number = tuple(int(part) for part in version.split("."))
    return version if MINIMUM <= number < BEYOND else None


def _environment(python: str, version: str) -> str:
    """Make `.venv-3.x` with the pinned test requirements, once; return its Python."""
    folder = ROOT / f".venv-{version}"
    own, stamp = folder / "bin" / "python", folder / ".installed"
    pins = ROOT / "requirements-test.txt"
    if stamp.exists() and stamp.stat().st_mtime >= pins.stat().st_mtime:
        return str(own)
    print(f"== preparing Python {version}", flush=True)
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
    install = [sys.executable, str(ROOT / "tools" / "install_pins.py"), str(own), str(pins)]
    subprocess.run(install, check=True)
    stamp.touch()
    return str(own)


def _pytest(python: str, arguments: list[str]) -> tuple[int, Counter[str]]:
    """Run pytest, showing what it prints; return its status and the counts of its last line."""
    begun = time.monotonic()
    command = [python, "-m", "pytest", "-q", *SIDE_BY_SIDE, *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        last = ""
        for line in process.stdout or ():
            print(line, end="", flush=True)
            last = line if _COUNT.search(line) else last
    print(f"   ({time.monotonic() - begun:.0f} s)")
    counts = {kind.rstrip("s"): int(number) for number, kind in _COUNT.findall(last)}
    return process.returncode, Counter(counts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

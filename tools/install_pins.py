"""Install pinned requirements into an environment: with uv where that works, else with pip.

`python tools/install_pins.py PYTHON REQUIREMENTS`. pip takes minutes for what uv does in seconds
(it reads the index page of each package, and some have thousands of releases). uv itself comes
from PyPI, pinned as everything else. It does not know pip's configuration: where that names an
index of its own, pip installs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PIP = [sys.executable, "-m", "pip"]
QUIETLY = ["--quiet", "--disable-pip-version-check"]
PINNED = ["--no-deps", "--require-hashes", "--requirement"]


def main(python: str, requirements: str) -> int:
    """Install `requirements` (a file) for `python`; return the exit status."""
    if not _own_index() and _with_uv(python, requirements):
        return 0
    print(f"installing {requirements} with pip: this takes minutes", file=sys.stderr, flush=True)
    command = [*PIP, "--python", python, "install", *QUIETLY, *PINNED, requirements]
    return subprocess.run(command, check=False).returncode


def _own_index() -> bool:
    """Return whether pip is told to ask another index than PyPI."""
    told = subprocess.run([*PIP, "config", "list"], capture_output=True, text=True, check=False)
    return any(line.partition("=")[0].endswith(".index-url") for line in told.stdout.splitlines())


def _with_uv(python: str, requirements: str) -> bool:
    """Return whether uv could be had and has installed everything."""
    uv = Path(sys.executable).with_name("uv")
    pins = str(ROOT / "requirements-setup.txt")
    return _succeeds([*PIP, "install", *QUIETLY, *PINNED, pins]) and _succeeds(
        [str(uv), "pip", "install", "--quiet", "--python", python, *PINNED, requirements]
    )


def _succeeds(command: list[str]) -> bool:
    environment = {"UV_LINK_MODE": "copy", "UV_NATIVE_TLS": "true", **os.environ}
    try:
        return subprocess.run(command, check=False, env=environment).returncode == 0
    except OSError as error:
        print(f"{command[0]} cannot be run: {error}", file=sys.stderr, flush=True)
        return False


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

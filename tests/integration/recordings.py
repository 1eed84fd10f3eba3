"""The calls of tools that were recorded in real runs, in `recorded/`.

Tests of a tool write its recording anew when RECORD_TOOLS is set:
`RECORD_TOOLS=1 pytest tests/integration/test_terraform.py`.
"""

from __future__ import annotations

import os
from pathlib import Path

from support.recording import Recording, read

FOLDER = Path(__file__).parent / "recorded"


def keep(tool: str, recording: Recording) -> None:
    """Write the recording of a tool, if that is asked for."""
    if os.environ.get("RECORD_TOOLS"):
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / f"{tool}.json").write_text(recording.text())


def recorded(tool: str) -> Recording:
    """Return the recording of a tool."""
    return read((FOLDER / f"{tool}.json").read_text())

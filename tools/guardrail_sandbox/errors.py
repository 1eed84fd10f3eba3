"""What can go wrong with the sandbox itself, said for a person at a terminal."""

from __future__ import annotations


class SandboxError(Exception):
    """The sandbox cannot start or go on; `hint` says what to do next."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(f"{message}\nhint: {hint}" if hint else message)
        self.hint = hint

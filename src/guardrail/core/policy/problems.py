"""Why a document cannot be read, or cannot be judged, with the place."""

from __future__ import annotations

from guardrail.core.policy.verdict import PolicyCode, PolicyReason


class DocumentError(Exception):
    """A construct that stops the reading of a document; carried to the edge as a reason."""

    def __init__(self, code: PolicyCode, message: str, pointer: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.pointer = pointer

    def reason(self, statement: int | None = None) -> PolicyReason:
        """Return the same as a value, with the statement it was found in."""
        return PolicyReason(self.code, self.message, statement, self.pointer)


class BaselineError(ValueError):
    """The baseline itself is malformed: a deployment mistake, not a verdict."""

    def __init__(self, reasons: tuple[PolicyReason, ...]) -> None:
        details = "; ".join(f"{reason.pointer or '/'}: {reason.message}" for reason in reasons)
        super().__init__(f"the baseline is not a valid endpoint policy: {details}")
        self.reasons = reasons


class OverBudgetError(Exception):
    """The work allowed for one decision is spent; the verdict is undecided."""


def malformed(message: str, pointer: str) -> DocumentError:
    """Return a document that is no policy at this place."""
    return DocumentError(PolicyCode.MALFORMED, message, pointer)


def unsupported(message: str, pointer: str) -> DocumentError:
    """Return a construct that the engine refuses to guess about."""
    return DocumentError(PolicyCode.UNDECIDED, message, pointer)


def at(pointer: str, *steps: str | int) -> str:
    """Return the JSON pointer (RFC 6901) of something below `pointer`."""
    escaped = (str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    return "/".join((pointer, *escaped))

"""What the policy engine answers: a verdict with its reasons and, when broader, a witness."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Outcome(StrEnum):
    """The answer in one word; only `CONTAINED` is compliant."""

    CONTAINED = "contained"
    BROADER = "broader"
    UNDECIDED = "undecided"
    MALFORMED = "malformed"


class PolicyCode(StrEnum):
    """Why a policy is not compliant; stable, because alarms and exemptions build on it."""

    BROADER = "policy-broader"
    UNDECIDED = "policy-undecided"
    MALFORMED = "policy-malformed"


@dataclass(frozen=True, slots=True)
class Witness:
    """One request that the candidate allows and the baseline does not.

    `principal` is an ARN, a service principal or `anonymous`; `context` maps each
    condition key that matters to its value or values.
    """

    principal: str
    action: str
    resource: str
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PolicyReason:
    """One sentence for a person, with the statement (0-based) and the place (JSON pointer)."""

    code: PolicyCode
    message: str
    statement: int | None = None
    pointer: str | None = None


class Coverage(NamedTuple):
    """The baseline statements that cover one candidate Allow; none when no request meets it."""

    statement: int
    by: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of `decide`, with its reasons.

    `witness` is set only when broader, `coverage` only when contained.
    """

    outcome: Outcome
    reasons: tuple[PolicyReason, ...] = ()
    witness: Witness | None = None
    coverage: tuple[Coverage, ...] = ()

    @property
    def contained(self) -> bool:
        """Whether the candidate grants nothing beyond the baseline."""
        return self.outcome is Outcome.CONTAINED

"""Whether the guardrail may write at all: tried now and then, remembered in between.

A sweep that does not try reports what the last trial found, never that all is well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from guardrail.core.trials import DAY, Trial, Write, is_due
from guardrail.errors import GuardrailError

Try = Callable[[], str | None]
"""Tries a write without writing: why it is denied, "" if it is allowed, None if EC2 tells neither.

Raises GuardrailError when EC2 cannot be asked.
"""


@dataclass(frozen=True, slots=True)
class Permissions:
    """Tries the `possible` writes, once a day in the `hour` (UTC), unless something is missing."""

    possible: Callable[[], Mapping[Write, Try]]
    hour: int
    now: Callable[[], datetime]

    def looked_at(self, last: Trial | None, swept: datetime | None) -> Trial | None:
        """Return what is known of them now; None where there was nothing to try them on for a day.

        `last` is what was known when the last sweep ended, at `swept`.
        """
        now = self.now()
        try:
            tries = self.possible()
            if not tries:
                return last if last and now - last.at < DAY else None
            if last and not is_due(last, tries, now=now, hour=self.hour, swept=swept):
                return last
            return Trial(now, _answers({write: tried() for write, tried in tries.items()}, last))
        except GuardrailError as error:
            failure = f"the role's permissions cannot be looked at: {error}"
            return replace(last or Trial(now, {}), failure=failure)


def _answers(heard: Mapping[Write, str | None], last: Trial | None) -> dict[Write, str]:
    """Return the answers; where there was none, a denial that was known still holds."""
    before = last.answers if last else {}
    denials = {write: said for write, said in before.items() if said and write in heard}
    told = {write: said for write, said in heard.items() if said is not None}
    return {**denials, **told}

"""Resources of a stack are deleted: those that nothing refers to first, each until it is gone.

A deletion that EC2 refuses because something else still uses the resource is tried again for
about fifteen minutes, so that what was put beside the stack can be taken out meanwhile. Observed
in public reports of stacks that hang on such a resource; the time between attempts is inferred.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException
from werkzeug.exceptions import HTTPException

from guardrail_sandbox.stacks.telling import Teller, reason_of

PATIENCE_SECONDS = 900.0
_PASSES = frozenset({"DependencyViolation", "RequestLimitExceeded"})


@dataclass(slots=True)
class Doomed:
    """A resource that is to go; `needs` are the names that it refers to."""

    name: str
    kind: str
    physical_id: str
    needs: frozenset[str]
    delete: Callable[[], object]
    gone: Callable[[], bool]
    begun: float | None = None
    asked: bool = False
    reason: str = "It is still there."


class Teardown:
    """The deletion of some resources, in steps; `on_gone` is told the name of each that went."""

    def __init__(
        self,
        doomed: Iterable[Doomed],
        *,
        teller: Teller,
        monotonic: Callable[[], float],
        on_gone: Callable[[str], None],
    ) -> None:
        self._remaining = list(doomed)
        self._teller = teller
        self._monotonic = monotonic
        self._on_gone = on_gone
        self._kept: list[Doomed] = []
        self.failed: list[str] = []

    def step(self) -> bool:
        """Do what can be done at this moment; tell whether nothing is left to try."""
        waiting = list(self._remaining)
        # What one deletion sets free goes in the same step, and nothing is tried twice in it.
        while free := [one for one in waiting if self._is_free(one)]:
            for one in free:
                waiting.remove(one)
                self._delete(one)
        return not self._remaining

    def _is_free(self, one: Doomed) -> bool:
        """Tell whether nothing that is still there refers to it; what cannot go keeps the rest."""
        if any(one.name in other.needs for other in self._kept) and one in self._remaining:
            self._remaining.remove(one)
            self._kept.append(one)
        return one in self._remaining and not any(
            one.name in other.needs for other in self._remaining
        )

    def _delete(self, one: Doomed) -> None:
        if one.begun is None:
            one.begun = self._monotonic()
            self._tell(one, "DELETE_IN_PROGRESS")
        try:
            if not one.asked:
                one.delete()
                one.asked = True
            gone = one.gone()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if not code.endswith("NotFound") and code not in _PASSES:
                return self._give_up(one, reason_of(error))
            gone, one.reason = code.endswith("NotFound"), reason_of(error)
        except (HTTPException, ServiceException) as error:
            return self._give_up(one, str(error))
        if gone:
            return self._end(one)
        if self._monotonic() - one.begun >= PATIENCE_SECONDS:
            return self._give_up(one, one.reason)
        return None

    def _end(self, one: Doomed) -> None:
        self._remaining.remove(one)
        self._tell(one, "DELETE_COMPLETE")
        self._on_gone(one.name)

    def _give_up(self, one: Doomed, reason: str) -> None:
        self._remaining.remove(one)
        self._kept.append(one)
        self.failed.append(one.name)
        self._tell(one, "DELETE_FAILED", reason)

    def _tell(self, one: Doomed, status: str, reason: str | None = None) -> None:
        self._teller.resource(one.name, one.kind, one.physical_id, status, reason=reason)

"""Lets a worker see the sandbox's time where a test drives it.

That time stands still between two steps of the test, so it does in an invocation: every look at
it gives the moment at which the invocation began. What a function knows of its own time-out stays
with the machine's time, by which it is ended; what it sleeps is taken off that without waiting,
unless it sleeps beyond its time-out.
`time.monotonic` is untouched.

Must be imported before the function's own modules, which bind the names that are replaced.
"""

from __future__ import annotations

import datetime as module
import sys
import time
from types import SimpleNamespace
from typing import Any

_Real = module.datetime
_real_time, _real_sleep = time.time, time.sleep
_real_gmtime, _real_localtime = time.gmtime, time.localtime
_moment = 0.0
_slept = 0.0
_ends = float("inf")


class _AnyDatetime(type):
    """Counts what was made by the replaced class, e.g. in C code, as made by the new one."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _Real)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _Real)


class _Datetime(_Real, metaclass=_AnyDatetime):
    """A datetime whose present is the driven one; `today` asks `time.time` by itself."""

    @classmethod
    def now(cls, tz: module.tzinfo | None = None) -> _Datetime:
        """Return the driven moment."""
        return cls.fromtimestamp(_moment, tz)

    @classmethod
    def utcnow(cls) -> _Datetime:
        """Return the driven moment in UTC, without a zone."""
        return cls.fromtimestamp(_moment, module.UTC).replace(tzinfo=None)


def install(moment: float) -> None:
    """Let time stand still at `moment`, in seconds since the epoch."""
    _Datetime.__name__ = _Datetime.__qualname__ = "datetime"
    _Datetime.__module__ = "datetime"
    replaced: Any = module
    replaced.datetime = _Datetime
    clock: Any = time
    clock.time = lambda: _moment
    clock.sleep = _sleep
    clock.time_ns = lambda: int(_moment * 1_000_000) * 1000
    clock.gmtime = lambda seconds=None: _real_gmtime(_moment if seconds is None else seconds)
    clock.localtime = lambda seconds=None: _real_localtime(_moment if seconds is None else seconds)
    stand_at(moment)


def stand_at(moment: float, ends: float = float("inf")) -> None:
    """Move on to another moment; the time-out of what runs, `ends`, is in the machine's time."""
    global _moment, _slept, _ends
    _moment, _slept, _ends = moment, 0.0, ends
    context: Any = sys.modules.get("awslambdaric.lambda_context")
    if context is not None:
        context.time = SimpleNamespace(time=lambda: _real_time() + _slept)


def _sleep(seconds: float) -> None:
    """Let the function have slept: nothing happens meanwhile in a time that stands still."""
    global _slept
    _slept += seconds
    if _real_time() + _slept > _ends:
        _real_sleep(seconds)

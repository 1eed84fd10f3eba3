"""The WSGI layer: passes EC2 calls through unchanged and publishes a record of each write."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal

from guardrail_sandbox.trail.answer import CRASHED, Answer
from guardrail_sandbox.trail.call import Call, is_ec2, read_call
from guardrail_sandbox.trail.families import Family
from guardrail_sandbox.trail.identity import Identity
from guardrail_sandbox.trail.record import Record, Recorder, ec2_model, is_known, utc_now

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_logger: Final = logging.getLogger(__name__)
_ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class CloudTrailLayer:
    """WSGI middleware that turns every mutating EC2 call, failed ones too, into a record.

    Calls of other services, and reads, pass through untouched. `publish` gets the CloudTrail
    record after the caller has the whole answer, in the thread that served the call; what it
    raises is logged and reaches nobody else. Records are not filtered by size: ask
    `deliverable` before putting one on a bus.

    `default_vpc_layout` chooses between the two layouts in which CreateDefaultVpc has been
    reported.
    """

    def __init__(
        self,
        app: WSGIApplication,
        publish: Callable[[Record], None],
        *,
        identities: Mapping[str, Identity],
        account_id: str,
        clock: Callable[[], datetime] = utc_now,
        default_vpc_layout: Literal["nested", "legacy"] = "nested",
    ) -> None:
        self._app = app
        self._publish = publish
        self._recorder = Recorder(identities, account_id, clock, Family(default_vpc_layout))
        self._lock = Lock()
        self._in_flight = 0
        # Read now, so that the first call is not slower than the others.
        ec2_model()

    @property
    def in_flight(self) -> int:
        """How many writes have been received and are not published yet."""
        with self._lock:
            return self._in_flight

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        if not is_ec2(environ):
            return self._app(environ, start_response)
        call = read_call(environ)
        if not call.mutating or not is_known(call.action):
            return self._app(environ, start_response)
        return self._recorded(call, environ, start_response)

    def _recorded(
        self, call: Call, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        self._count(1)
        try:
            answer = _answer(self._app, environ)
        except BaseException:
            self._finish(call, CRASHED)
            raise
        body = _Body(answer, lambda: self._finish(call, answer))
        try:
            start_response(answer.status, answer.headers)
        except BaseException:
            body.close()
            raise
        return body

    def _finish(self, call: Call, answer: Answer) -> None:
        try:
            self._publish(self._recorder.record(call, answer))
        except Exception:
            # Whoever called EC2 must not suffer from a fault in the record or the bus.
            _logger.exception("CloudTrail record of %s was not published", call.action)
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._lock:
            self._in_flight += change


class _Body:
    """A complete response body; calls `done` once, when the server closes it."""

    def __init__(self, answer: Answer, done: Callable[[], None]) -> None:
        self._chunks = iter((answer.body,))
        self._done: Callable[[], None] | None = done

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        """Call `done`; servers do so after the last byte or a lost client (PEP 3333)."""
        done, self._done = self._done, None
        if done is not None:
            done()


def _answer(app: WSGIApplication, environ: WSGIEnvironment) -> Answer:
    """Return everything that `app` answers."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def start(
        status: str,
        headers: list[tuple[str, str]],
        _exc_info: _ExcInfo | None = None,
        /,
    ) -> Callable[[bytes], Any]:
        started.append((status, headers))
        return written.append

    chunks = app(environ, start)
    try:
        written.extend(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    status, headers = started[-1]
    return Answer(status, headers, b"".join(written))

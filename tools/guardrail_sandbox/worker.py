"""One worker process of a function, and the Runtime API that it talks to."""

from __future__ import annotations

import contextlib
import threading
from typing import IO, TYPE_CHECKING, Any, Protocol

from guardrail_sandbox.invocation import Invocation, Result
from guardrail_sandbox.runtime_api import RuntimeApi

if TYPE_CHECKING:
    from collections.abc import Callable

    from guardrail_sandbox.deployed import FunctionSpec

_DRAIN_SECONDS = 1.0
"""How long an answer waits for the log lines that the handler wrote before it."""


class Process(Protocol):
    """What a worker asks of its process, as `subprocess.Popen` has it."""

    @property
    def stdout(self) -> IO[bytes] | None:
        """What it writes."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; return the status, negative for a signal."""

    def kill(self) -> None:
        """End it at once."""


class Pool(Protocol):
    """What a worker asks of the function it belongs to."""

    spec: FunctionSpec

    def take(self, worker: Worker) -> Invocation | None:
        """Wait for the next invocation; None when this worker is to end."""

    def moment(self) -> float | None:
        """Return where time stands, if somebody drives it."""

    def output(self, line: str) -> None:
        """Receive one line that the worker wrote."""

    def ended(self, worker: Worker) -> None:
        """Take note that the process is gone and its last invocation answered."""


class Worker:
    """Runs one invocation at a time until its process ends or is killed."""

    def __init__(self, pool: Pool, start: Callable[[FunctionSpec, str], Process]) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._drained = threading.Event()
        self._deadline: threading.Timer | None = None
        self._answered: Invocation | None = None
        self.current: Invocation | None = None
        self.alive = True
        self.ready = False
        self.init_error: dict[str, Any] | None = None
        self._api = RuntimeApi(self, pool.spec.arn)
        self._process = start(pool.spec, self._api.address)
        self._reader = threading.Thread(target=self._read, name="worker-output", daemon=True)
        self._reader.start()
        threading.Thread(target=self._watch, name="worker-watch", daemon=True).start()

    def take(self) -> Invocation | None:
        """Hand the next invocation to the process and start its time-out."""
        invocation = self._pool.take(self)
        if invocation is not None:
            self._drained.clear()
            seconds = self._pool.spec.timeout_seconds
            self._deadline = threading.Timer(seconds, self._time_out, (invocation,))
            self._deadline.daemon = True
            self._deadline.start()
        return invocation

    def moment(self) -> float | None:
        """Return where time stands, if somebody drives it."""
        return self._pool.moment()

    def respond(self, request_id: str, payload: bytes) -> None:
        """Answer the running invocation with what the handler returned."""
        self._drained.wait(_DRAIN_SECONDS)
        self._finish(request_id, Result(payload))

    def fail(self, request_id: str, error: dict[str, Any]) -> None:
        """Answer the running invocation with what the handler raised."""
        self._drained.wait(_DRAIN_SECONDS)
        kind, message = str(error.get("errorType")), str(error.get("errorMessage"))
        self._finish(request_id, Result.error(kind, message))

    def fail_init(self, error: dict[str, Any]) -> None:
        """Keep why the handler could not be loaded; the process ends by itself."""
        self.init_error = error

    def kill(self) -> None:
        """End the process at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def join(self) -> None:
        """Wait until the process is gone."""
        self._process.wait(timeout=5)

    def _time_out(self, invocation: Invocation) -> None:
        seconds = self._pool.spec.timeout_seconds
        message = f"{invocation.request_id} Task timed out after {seconds:.2f} seconds"
        self.alive = False
        self.kill()
        self._finish(invocation.request_id, Result.error("Sandbox.Timedout", message))

    def _finish(self, request_id: str, result: Result) -> None:
        """Answer once; `current` stays set until then, so that the function never looks idle."""
        with self._lock:
            invocation = self.current
            if invocation is None or invocation.request_id != request_id:
                return
            if self._answered is invocation:
                return
            self._answered = invocation
        if self._deadline is not None:
            self._deadline.cancel()
        invocation.done(result)
        self.current = None

    def _read(self) -> None:
        """Pass lines on; awslambdaric separates the lines of one traceback by carriage returns."""
        stream = self._process.stdout
        assert stream is not None  # noqa: S101  Popen was called with a pipe
        for raw in stream:
            line = raw.decode(errors="replace").rstrip("\n").replace("\r", "\n")
            if line.startswith("END RequestId: "):
                self._drained.set()
            elif line.strip():
                self._pool.output(line)

    def _watch(self) -> None:
        status = self._process.wait()
        self.alive = False
        self._reader.join(timeout=_DRAIN_SECONDS)
        if self.current is not None:
            request_id = self.current.request_id
            message = f"RequestId: {request_id} Error: Runtime exited with error: {_exit(status)}"
            self._finish(request_id, Result.error("Runtime.ExitError", message))
        self._pool.ended(self)
        self._api.close()


def _exit(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"

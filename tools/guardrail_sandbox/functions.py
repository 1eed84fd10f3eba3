"""A function: its queue of invocations and the workers that serve it.

One worker is warm from the start, a second one is started when work waits. A worker that
crashed is replaced. One whose module cannot be loaded is not, until somebody invokes again.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from guardrail_sandbox.errors import SandboxError
from guardrail_sandbox.invocation import Invocation, Result
from guardrail_sandbox.worker import Process, Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from guardrail_sandbox.deployed import FunctionSpec

MAX_WORKERS = 2


class Function:
    """Accepts invocations and runs them on at most `MAX_WORKERS` processes."""

    def __init__(
        self,
        spec: FunctionSpec,
        start: Callable[[FunctionSpec, str], Process],
        on_output: Callable[[FunctionSpec, str], None],
        moment: Callable[[], float | None],
    ) -> None:
        self.spec = spec
        self.moment = moment
        self._start = start
        self._on_output = on_output
        self._changed = threading.Condition()
        self._queue: deque[Invocation] = deque()
        self._workers: list[Worker] = []
        self._stopping = False
        self._init_error: str | None = None
        self._spawn()

    def wait_ready(self, seconds: float) -> None:
        """Wait until a worker asked for work; raise with the reason when none can."""
        until = time.monotonic() + seconds
        with self._changed:
            while not any(worker.ready for worker in self._workers):
                left = until - time.monotonic()
                if self._init_error is not None or left <= 0:
                    reason = self._init_error or f"no worker was ready after {seconds:.0f} s"
                    raise SandboxError(f"function {self.spec.logical_id} did not start: {reason}")
                self._changed.wait(left)

    def submit(self, invocation: Invocation) -> None:
        """Queue an invocation; `invocation.done` is called when it has a result."""
        invocation.timeout_seconds = self.spec.timeout_seconds
        with self._changed:
            self._queue.append(invocation)
            self._changed.notify_all()
            idle = sum(worker.current is None for worker in self._workers)
            more = len(self._queue) > idle and len(self._workers) < MAX_WORKERS
        if more:
            self._spawn()

    @property
    def pending(self) -> int:
        """How many invocations wait or run."""
        with self._changed:
            return len(self._queue) + sum(w.current is not None for w in self._workers)

    def stop(self) -> None:
        """End all workers; what still waits is dropped."""
        with self._changed:
            self._stopping = True
            workers = list(self._workers)
            self._changed.notify_all()
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.join()

    def take(self, worker: Worker) -> Invocation | None:
        """Give the next invocation to a worker that is still alive."""
        with self._changed:
            worker.ready = True
            self._changed.notify_all()
            while not self._queue and worker.alive and not self._stopping:
                self._changed.wait()
            if self._stopping or not worker.alive:
                return None
            worker.current = self._queue.popleft()
            return worker.current

    def output(self, line: str) -> None:
        """Pass on a line that a worker wrote."""
        self._on_output(self.spec, line)

    def ended(self, worker: Worker) -> None:
        """Replace a worker whose process is gone."""
        with self._changed:
            if worker in self._workers:
                self._workers.remove(worker)
            victim = self._note_init_failure(worker)
            replace = not self._stopping and (worker.ready or bool(self._queue))
            self._changed.notify_all()
        if victim is not None:
            victim.done(Result.error("Runtime.InitError", str(self._init_error)))
        if replace:
            self._spawn()

    def _note_init_failure(self, worker: Worker) -> Invocation | None:
        """On a failed start, return the invocation that has to carry the error, if one waits."""
        if worker.ready or self._stopping:
            return None
        error = worker.init_error or {"errorMessage": "the process ended before it asked for work"}
        self._init_error = str(error.get("errorMessage"))
        return self._queue.popleft() if self._queue else None

    def _spawn(self) -> None:
        with self._changed:
            if self._stopping or len(self._workers) >= MAX_WORKERS:
                return
            self._workers.append(Worker(self, self._start))

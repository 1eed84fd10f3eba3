"""Processes that workers are copied from, one for a set of packages: `worker_site/nursery.py`.

On Linux only: elsewhere a copy of a process that has loaded system libraries may not be usable.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

from guardrail_sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

AVAILABLE = sys.platform == "linux"
_SCRIPT = Path(__file__).parent / "worker_site" / "nursery.py"
_READY_SECONDS = 120.0
_LOCK = threading.Lock()
_NURSERIES: dict[tuple[str, ...], Nursery] = {}


class Copy:
    """A worker's process, with what `subprocess.Popen` tells of its own."""

    def __init__(self, connection: socket.socket, output: IO[bytes]) -> None:
        self.stdout = output
        self._told = connection.makefile("r")
        connection.close()
        told = self._told.readline()
        if not told:
            raise SandboxError("the process that starts workers ended before it started one")
        self.pid = int(told)
        self._ended = threading.Event()
        self._status = -int(signal.SIGKILL)
        threading.Thread(target=self._listen, name="worker-end", daemon=True).start()

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status, negative for a signal; raise after `timeout` seconds."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("worker", timeout or 0.0)
        return self._status

    def kill(self) -> None:
        """End it at once; one that is gone is no concern."""
        if not self._ended.is_set():
            os.kill(self.pid, signal.SIGKILL)

    def _listen(self) -> None:
        with self._told:
            line = self._told.readline()
        if line:
            self._status = int(line)
        else:
            # Who waits for the worker is gone, so nobody would tell its end.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self._ended.set()


class Nursery:
    """One process that has the packages in `path` loaded and starts workers."""

    def __init__(self, python: str, path: Sequence[str], environment: Mapping[str, str]) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="guardrail-sandbox-nursery-"))
        self._address = str(self._folder / "socket")
        self._process = subprocess.Popen(
            [python, "-s", "-S", str(_SCRIPT), self._address],
            env={**environment, "PYTHONPATH": os.pathsep.join(path)},
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        atexit.register(self.close)

    @property
    def alive(self) -> bool:
        """Whether it can start workers."""
        return self._process.poll() is None

    def start(
        self, handler: str, folder: str, path: Sequence[str], environment: Mapping[str, str]
    ) -> Copy:
        """Start a worker of a handler; its output comes on one pipe."""
        wanted = {"handler": handler, "folder": folder, "path": path, "environment": environment}
        connection = self._connect()
        reading, writing = os.pipe()
        socket.send_fds(connection, [b"\0"], [writing])
        os.close(writing)
        connection.sendall(json.dumps(wanted).encode())
        connection.shutdown(socket.SHUT_WR)
        return Copy(connection, os.fdopen(reading, "rb"))

    def close(self) -> None:
        """End the process; its workers go on until they are ended."""
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _connect(self) -> socket.socket:
        until = time.monotonic() + _READY_SECONDS
        while True:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.connect(self._address)
            except (FileNotFoundError, ConnectionRefusedError):
                connection.close()
                if self._process.poll() is not None or time.monotonic() > until:
                    raise SandboxError("the process that starts workers did not start") from None
                time.sleep(0.02)
            else:
                return connection


def nursery(python: str, path: Sequence[str], environment: Mapping[str, str]) -> Nursery:
    """Return the nursery for a function whose artifact is the first entry of `path`.

    Functions that were built side by side with the same packages share one. It is started once,
    and again if it has ended.
    """
    artifact = Path(path[0])
    packages = sorted(found.name for found in artifact.glob("*.dist-info"))
    with _LOCK:
        key = (python, str(artifact.parent), *packages)
        found = _NURSERIES.get(key)
        if found is None or not found.alive:
            found = _NURSERIES[key] = Nursery(python, path, environment)
        return found

"""Starts workers as copies of a process that has the artifact's packages loaded already.

Most of a worker's start is importing the SDK, which is the same for each. So one process does it
once and then forks: its copies become workers, with an environment and an output of their own.

Run with the path of a Unix socket; each connection asks for one worker (a JSON document and the
descriptor of its output) and is told its process id and then its exit status. Ends with its input.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

_PACKAGES = (
    *("boto3", "botocore.client", "botocore.httpsession", "botocore.signers", "botocore.waiter"),
    *("botocore.parsers", "botocore.paginate", "botocore.retries.standard", "botocore.regions"),
    *("botocore.credentials", "botocore.endpoint_provider", "botocore.handlers"),
    *("aws_lambda_powertools", "aws_lambda_powertools.logging", "aws_lambda_powertools.metrics"),
    *("awslambdaric.__main__", "awslambdaric.bootstrap"),
)


def serve(address: str) -> None:
    """Load what can be loaded, then start workers until the input ends."""
    for package in _PACKAGES:
        # A function that brings no SDK has none to load.
        with contextlib.suppress(ImportError):
            importlib.import_module(package)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(address)
        listener.listen(64)
        while listener in select.select([listener, sys.stdin], [], [])[0]:
            # Out of processes or memory: whoever asked is told by the end of the connection.
            with contextlib.suppress(OSError), listener.accept()[0] as connection:
                if os.fork() == 0:
                    listener.close()
                    _keep(connection)
    with contextlib.suppress(OSError):
        Path(address).unlink()
        Path(address).parent.rmdir()


def _keep(connection: socket.socket) -> NoReturn:
    """Start the worker that the connection asks for; tell how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, (output, *_), _, _ = socket.recv_fds(connection, 1, 1)
    with connection.makefile("rb") as asked:
        wanted = json.load(asked)
    worker = os.fork()
    if worker == 0:
        connection.close()
        _become(wanted, output)
    os.close(output)
    connection.sendall(f"{worker}\n".encode())
    _, status = os.waitpid(worker, 0)
    with contextlib.suppress(OSError):
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(wanted: dict[str, Any], output: int) -> NoReturn:
    """Turn into a worker: its own session, folder, environment, import path and output."""
    os.setsid()
    os.chdir(wanted["folder"])
    os.environ.clear()
    os.environ.update(wanted["environment"])
    time.tzset()
    sys.path[:] = [*wanted["path"], *(p for p in sys.path if p in _STANDARD)]
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    sys.argv = ["awslambdaric", wanted["handler"]]
    status = 1
    try:
        importlib.import_module("runtime_client").begin()
        importlib.import_module("awslambdaric.__main__").main(sys.argv)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001  the end of a process, as the interpreter would tell it
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


_STANDARD = frozenset(sys.path[1:]) - frozenset(os.environ.get("PYTHONPATH", "").split(os.pathsep))
"""The standard library's own places; the first entry is this file's folder."""

if __name__ == "__main__":
    serve(sys.argv[1])

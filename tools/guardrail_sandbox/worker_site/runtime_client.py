"""The `runtime_client` that awslambdaric imports, in pure Python.

awslambdaric ships this module compiled for one interpreter. The function may run on another
one (the runtime's Python 3.13 when the machine has it), so its three calls are written here
against the documented HTTP interface. AWS: Lambda developer guide, "Using the Lambda runtime API".

Where a test drives the sandbox's time, the worker is started with a moment, and each invocation
brings its own.
"""

from __future__ import annotations

import http.client
import importlib
import os
import sys
from typing import Any

_PATH = "/2018-06-01/runtime/invocation"
_DEADLINE = "Lambda-Runtime-Deadline-Ms"
_MOMENT = "Sandbox-Moment"
_agent = ""


def begin() -> None:
    """Let time stand where the environment says, if it does; before the function is loaded."""
    # Taken away, because a function has no such variable on AWS.
    started_at = os.environ.pop("SANDBOX_MOMENT", None)
    if started_at is not None:
        # Only then: in real time, nothing of Python is replaced.
        _driven_time().install(float(started_at))


def _driven_time() -> Any:  # noqa: ANN401  not importable where this is checked
    return importlib.import_module("driven_time")  # lies beside this file in a worker


def initialize_client(user_agent: str) -> None:
    """Remember the user agent of the runtime."""
    global _agent
    _agent = user_agent


def next() -> tuple[bytes, dict[str, str | int]]:  # noqa: A001  the name is awslambdaric's
    """Wait for the next invocation and return its payload and headers; the deadline is a number."""
    body, headers = _request("GET", f"{_PATH}/next", None, {})
    if _MOMENT in headers:
        ends = int(headers[_DEADLINE]) / 1000
        _driven_time().stand_at(float(headers[_MOMENT]), ends)
    return body, {**headers, _DEADLINE: int(headers[_DEADLINE])}


def post_invocation_result(
    invoke_id: str, data: bytes, content_type: str, invocation_id: str | None = None
) -> None:
    """Report what the handler returned."""
    del invocation_id
    _end(invoke_id)
    _request("POST", f"{_PATH}/{invoke_id}/response", data, {"Content-Type": content_type})


def post_error(
    invoke_id: str, error: str, xray_fault: str, invocation_id: str | None = None
) -> None:
    """Report that the handler raised."""
    del xray_fault, invocation_id
    _end(invoke_id)
    headers = {
        "Content-Type": "application/json",
        "Lambda-Runtime-Function-Error-Type": "Unhandled",
    }
    _request("POST", f"{_PATH}/{invoke_id}/error", error.encode(), headers)


def _end(invoke_id: str) -> None:
    """Close the log of an invocation, so that the platform has all lines before the answer."""
    sys.stdout.write(f"END RequestId: {invoke_id}\n")
    sys.stdout.flush()


def _request(
    method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> tuple[bytes, dict[str, str]]:
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        connection.request(method, path, body, {"User-Agent": _agent, **headers})
        response = connection.getresponse()
        content = response.read()
        if response.status >= http.client.BAD_REQUEST:
            raise RuntimeError(f"{method} {path}: HTTP {response.status}")
        return content, dict(response.getheaders())
    finally:
        connection.close()


begin()

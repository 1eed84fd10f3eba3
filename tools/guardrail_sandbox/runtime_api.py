"""The Lambda Runtime API for one worker process.

Each execution environment on AWS has an API of its own, so each worker gets a server on a free
port of 127.0.0.1. AWS: Lambda developer guide, "Using the Lambda runtime API".
"""

from __future__ import annotations

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from guardrail_sandbox.invocation import Invocation

_ROOT = "/2018-06-01/runtime"


class Environment(Protocol):
    """What the API asks of the worker behind it."""

    def take(self) -> Invocation | None:
        """Wait for an invocation; None when the worker is to end."""

    def moment(self) -> float | None:
        """Return where time stands, if somebody drives it."""

    def respond(self, request_id: str, payload: bytes) -> None:
        """Take what the handler of this invocation returned."""

    def fail(self, request_id: str, error: dict[str, Any]) -> None:
        """Take what the handler of this invocation raised."""

    def fail_init(self, error: dict[str, Any]) -> None:
        """Take why the module or its handler could not be loaded."""


class RuntimeApi:
    """Serves the Runtime API of one environment until closed."""

    def __init__(self, environment: Environment, function_arn: str) -> None:
        handler = type("Handler", (_Handler,), {"environment": environment, "arn": function_arn})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._serve, name="runtime-api", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Value of AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop serving and release the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=2)

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)


class _Handler(BaseHTTPRequestHandler):
    environment: Environment
    arn: str

    def do_GET(self) -> None:
        if self.path != f"{_ROOT}/invocation/next":
            return self._answer(HTTPStatus.NOT_FOUND)
        invocation = self.environment.take()
        if invocation is None:
            return self._answer(HTTPStatus.GONE)
        headers = invocation.headers(self.arn, self.environment.moment())
        return self._answer(HTTPStatus.OK, invocation.payload, headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        match self.path.removeprefix(_ROOT).strip("/").split("/"):
            case ["invocation", request_id, "response"]:
                self.environment.respond(request_id, body)
            case ["invocation", request_id, "error"]:
                self.environment.fail(request_id, _error(body))
            case ["init", "error"]:
                self.environment.fail_init(_error(body))
            case _:
                return self._answer(HTTPStatus.NOT_FOUND)
        return self._answer(HTTPStatus.ACCEPTED, b'{"status":"OK"}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is http.server's
        """Say nothing: the sandbox has a timeline of its own."""

    def _answer(
        self, status: HTTPStatus, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        try:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:
            # The process was killed while it waited; the worker notices that by itself.
            self.close_connection = True


def _error(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    if isinstance(parsed, dict):
        return parsed
    return {"errorType": "Runtime.Unknown", "errorMessage": body.decode(errors="replace")}

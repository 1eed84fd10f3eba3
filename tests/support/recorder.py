"""Stands between a tool and the local AWS, passes everything on and notes it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from guardrail_sandbox.signature import credential_scope
from support.recording import Exchange, Recording, distil


@dataclass(slots=True)
class _Asked:
    """A call in the moment in which it came; the answer follows."""

    step: str
    service: str
    form: Mapping[str, str]
    answer: str = field(default="")


class Recorder:
    """Context manager; notes the calls of the steps that are named.

    They are ordered by when they began, so that an id is known before it is used.
    """

    def __init__(self, url: str) -> None:
        self._upstream = urlsplit(url).netloc
        self._asked: list[_Asked] = []
        self._step: str | None = None
        handler = type("Handler", (_Handler,), {"recorder": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """What the tool takes for AWS."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def step(self, name: str | None) -> None:
        """Name what the tool does from now on; None: it is not noted."""
        self._step = name

    def recording(self, recorded_with: str) -> Recording:
        """Return what was noted."""
        return distil(
            [Exchange(one.step, one.service, one.form, one.answer) for one in self._asked],
            recorded_with,
        )

    def pass_on(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Return the answer to a request, and note both if it is a call of a query API."""
        asked = self._noted(headers, body)
        connection = HTTPConnection(self._upstream, timeout=120)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        asked.answer = content.decode()
        return answer.status, answer.getheaders(), content

    def _noted(self, headers: Mapping[str, str], body: bytes) -> _Asked:
        scope = credential_scope({"HTTP_AUTHORIZATION": headers.get("Authorization", "")})
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        asked = _Asked(self._step or "", scope.service if scope else "", form)
        if asked.step and asked.service and "Action" in form:
            self._asked.append(asked)
        return asked


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    recorder: Recorder

    def do_POST(self) -> None:
        """Pass the request on."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kept = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
        status, headers, content = self.recorder.pass_on(self.command, self.path, kept, body)
        self.send_response(HTTPStatus(status))
        for name, value in headers:
            if name.lower() in {"content-type", "x-amzn-requestid"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is http.server's
        """Say nothing."""

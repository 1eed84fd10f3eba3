"""The HTTP server of the sandbox, on 127.0.0.1 only."""

from __future__ import annotations

import errno
import logging
import socket
import threading
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server

from guardrail_sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_HOST = "127.0.0.1"


class PortInUseError(SandboxError):
    """Something else listens on the port."""


class Counted:
    """WSGI middleware that knows how many requests are not finished, publishing included."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._open = 0

    @property
    def pending(self) -> int:
        """How many requests are being served."""
        return self._open

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        self._count(1)
        try:
            return _Body(self._app(environ, start_response), lambda: self._count(-1))
        except BaseException:
            self._count(-1)
            raise

    def _count(self, change: int) -> None:
        with self._lock:
            self._open += change


class _Body:
    def __init__(self, body: Iterable[bytes], done: Callable[[], None]) -> None:
        self._body = body
        self._done = done

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        """Close what is wrapped, then say that the request is over."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._done()


class _Handler(MotoRequestHandler):  # type: ignore[misc]  # moto is not typed
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002  the name is werkzeug's
        """Say nothing: the timeline tells what matters."""


class Server:
    """Serves an application from a thread; `port` 0 takes a free one."""

    def __init__(self, app: WSGIApplication, port: int) -> None:
        # werkzeug would end the whole process when the port is taken.
        self._socket = _listen(port)
        self._server = make_server(
            _HOST, port, app, threaded=True, request_handler=_Handler, fd=self._socket.fileno()
        )
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._serve, name="sandbox-server", daemon=True)
        logging.getLogger("werkzeug").setLevel(logging.ERROR)

    @property
    def url(self) -> str:
        """Address of the sandbox, without a slash at the end."""
        return f"http://{_HOST}:{self._socket.getsockname()[1]}"

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def close(self) -> None:
        """Stop serving and release the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(timeout=5)
        self._server.server_close()
        self._socket.close()

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((_HOST, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            message = f"port {port} of {_HOST} is in use"
            raise PortInUseError(message, hint="choose another with PORT=… or --port") from error
        raise
    return listening

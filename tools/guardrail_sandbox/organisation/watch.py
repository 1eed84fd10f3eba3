"""Sees what changes an organisation: accounts that come and go, regions switched on and off.

moto knows no regions that are off. AWS: Account Management API reference, DisableRegion and
EnableRegion, which take a while there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from guardrail_sandbox.signature import credential_scope, peeked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_MOVES = (
    "CreateAccount",
    "MoveAccount",
    "CloseAccount",
    "RemoveAccountFromOrganization",
    "InviteAccountToOrganization",
)


class Watch:
    """WSGI layer; `moved` is called after accounts moved, `disabled` is kept up to date."""

    def __init__(
        self, app: WSGIApplication, moved: Callable[[], None], disabled: set[tuple[str, str]]
    ) -> None:
        self._app = app
        self._moved = moved
        self._disabled = disabled

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        scope = credential_scope(environ)
        if scope is not None and scope.service == "account":
            return self._switched(environ, start_response)
        action = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        answer = self._app(environ, start_response)
        if scope is not None and scope.service == "organizations" and action in _MOVES:
            answer = list(answer)
            self._moved()
        return answer

    def _switched(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        body = peeked(environ)
        if path not in {"/disableRegion", "/enableRegion"}:
            return self._app(environ, start_response)
        told = json.loads(body)
        place = told["AccountId"], told["RegionName"]
        (self._disabled.add if path == "/disableRegion" else self._disabled.discard)(place)
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "0")])
        return [b""]

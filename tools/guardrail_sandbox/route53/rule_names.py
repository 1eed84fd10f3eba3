"""Resolver rules and associations without a name, which moto takes and then cannot list.

Source: Route 53 API reference, CreateResolverRule and AssociateResolverRule (Name is optional).
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_CALLS = frozenset({"Route53Resolver.CreateResolverRule", "Route53Resolver.AssociateResolverRule"})
_NAME = "unnamed"


class RuleNames:
    """WSGI layer that gives a name to what has none."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        if environ.get("HTTP_X_AMZ_TARGET") in _CALLS:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            named = json.dumps({"Name": _NAME, **json.loads(body)}).encode()
            environ["wsgi.input"] = io.BytesIO(named)
            environ["CONTENT_LENGTH"] = str(len(named))
        return self._app(environ, start_response)

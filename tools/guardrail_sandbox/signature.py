"""What every layer in front of moto reads from a request: who signs for which service."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Scope:
    """The credential scope of a signed request."""

    access_key: str
    region: str
    service: str


def peeked(environ: WSGIEnvironment) -> bytes:
    """Read the body and put it back, for the layers behind."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def credential_scope(environ: WSGIEnvironment) -> Scope | None:
    """Return the scope of a signed request, None for an unsigned one.

    AWS: IAM user guide, "Create a signed AWS API request".
    """
    match = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    return Scope(match[1], match[2], match[3].lower()) if match else None

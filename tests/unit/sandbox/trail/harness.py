"""Drives the layer in this process: boto3 against moto without sockets, or raw WSGI requests."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode, urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from werkzeug.test import Client, EnvironBuilder

from guardrail_sandbox.trail import CloudTrailLayer, Identity

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ACCOUNT = "123456789012"
KEY = "AKIAIOSFODNN7EXAMPLE"
NOON = datetime(2026, 11, 23, 12, 0, 0, 987654, tzinfo=UTC)


@dataclass
class Trail:
    """A layer around `app` and what it published."""

    app: WSGIApplication
    identities: dict[str, Identity] = field(default_factory=dict)
    default_vpc_layout: Literal["nested", "legacy"] = "nested"
    records: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.layer = CloudTrailLayer(
            self.app,
            self.records.append,
            identities=self.identities,
            account_id=ACCOUNT,
            clock=lambda: NOON,
            default_vpc_layout=self.default_vpc_layout,
        )

    @property
    def last(self) -> dict[str, Any]:
        """The record published last."""
        return self.records[-1]

    def ec2(
        self,
        region: str = "us-east-1",
        *,
        access_key: str = KEY,
        user_agent: str | None = None,
        source_ip: str = "192.0.2.10",
    ) -> Any:
        """Return a boto3 client whose requests go straight into the layer, host name and all.

        It serves the trail that asked for it last.
        """
        client = _client(region, access_key)
        # Set at the last moment: botocore would append its own name to a configured one.
        header = {"User-Agent": user_agent} if user_agent is not None else {}
        client.meta.events.unregister("before-send.ec2", unique_id="trail")
        client.meta.events.register(
            "before-send.ec2",
            lambda request, **_: self._send(request, source_ip, header),
            unique_id="trail",
        )
        return client

    def post(
        self, fields: dict[str, str], *, service: str = "ec2", **options: Any
    ) -> tuple[str, bytes]:
        """Send a signed form; return status line and body. `options` go to EnvironBuilder."""
        headers = {"Authorization": authorization(service=service), **options.pop("headers", {})}
        options = {
            "method": "POST",
            "data": urlencode(fields),
            "content_type": "application/x-www-form-urlencoded",
            "base_url": "http://127.0.0.1:5055",
        } | options
        return self.send(EnvironBuilder(headers=headers, **options).get_environ())

    def send(self, environ: WSGIEnvironment) -> tuple[str, bytes]:
        """Serve one WSGI request as a server does: all chunks, then close."""
        chunks, status, _ = Client(self.layer).run_wsgi_app(environ)
        return status, _drained(chunks)

    def _send(self, request: Any, source_ip: str, header: dict[str, str]) -> AWSResponse:
        parts = urlsplit(request.url)
        builder = EnvironBuilder(
            method=request.method,
            base_url=f"{parts.scheme}://{parts.netloc}",
            path=parts.path or "/",
            query_string=parts.query,
            headers={name: _text(value) for name, value in request.headers.items()} | header,
            data=request.body,
            environ_base={"REMOTE_ADDR": source_ip},
        )
        chunks, status, headers = Client(self.layer).run_wsgi_app(builder.get_environ())
        answer = AWSResponse(request.url, int(status[:3]), dict(headers), None)
        answer._content = _drained(chunks)  # noqa: SLF001 - the way botocore itself caches a body
        return answer


@cache
def _client(region: str, access_key: str) -> Any:
    """Return a client that tests share, because making one takes longer than most tests."""
    return boto3.client(
        "ec2",
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )


class Canned:
    """An application that answers every request alike and remembers the bodies it read."""

    def __init__(self, body: str | bytes, status: str = "200 OK", **headers: str) -> None:
        self.body = body.encode() if isinstance(body, str) else body
        self.status = status
        self.headers = [(name.replace("_", "-"), value) for name, value in headers.items()]
        self.read: list[bytes] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        self.read.append(environ["wsgi.input"].read())
        start_response(self.status, self.headers)
        return [self.body]


def authorization(*, service: str = "ec2", region: str = "us-east-1", key: str = KEY) -> str:
    """Return an Authorization header; nobody checks its signature."""
    scope = f"{key}/20261123/{region}/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"


def answer(action: str, inner: str = "<return>true</return>") -> str:
    """Return an EC2 answer as moto writes it."""
    namespace = "http://ec2.amazonaws.com/doc/2016-11-15"
    return (
        f'<{action}Response xmlns="{namespace}">{inner}'
        f"<requestId>request-id</requestId></{action}Response>"
    )


def error(code: str, message: str) -> str:
    """Return an EC2 error answer."""
    return (
        f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        "</Errors><RequestID>request-id</RequestID></Response>"
    )


_UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_ID = re.compile(r"\b[a-z]+(?:-[a-z]+)*-(?:[0-9a-f]{8,17}\b|YOUR_[A-Z_]+)")
_TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?=Z)")
_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(?=Z)")


def neutral(value: Any) -> Any:
    """Return a leaf with what differs from call to call replaced: ids and times."""
    if not isinstance(value, str):
        return value
    value = _MOMENT.sub("<milliseconds>", _TIME.sub("<seconds>", value))
    return _ID.sub("<id>", _UUID.sub("<uuid>", value))


def flatten(value: Any, path: str = "") -> dict[str, set[str]]:
    """Return every leaf of a record by its path; elements of arrays share the path `…[]`."""
    if isinstance(value, dict) and value:
        leaves: dict[str, set[str]] = {}
        for name, item in value.items():
            for inner, kinds in flatten(item, f"{path}.{name}" if path else name).items():
                leaves.setdefault(inner, set()).update(kinds)
        return leaves
    if isinstance(value, list) and value:
        leaves = {}
        for item in value:
            for inner, kinds in flatten(item, f"{path}[]").items():
                leaves.setdefault(inner, set()).update(kinds)
        return leaves
    return {path: {repr(neutral(value))}}


def _drained(chunks: Iterable[bytes]) -> bytes:
    """Return the whole body and close it, as PEP 3333 wants."""
    body = b"".join(chunks)
    close = getattr(chunks, "close", None)
    if close is not None:
        close()
    return body


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value

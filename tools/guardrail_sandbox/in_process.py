"""A boto3 client that calls the sandbox's application in the thread that uses it.

Needed inside of a request that moto serves: the lock on moto is held by the thread, so a call
through the network would wait for it for ever.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.config import Config
from werkzeug.test import EnvironBuilder, run_wsgi_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed.wsgi import WSGIApplication

    from guardrail_sandbox.untyped import Client


class _Raw(io.BytesIO):
    """What botocore reads an answer from."""

    def stream(self, **_: Any) -> Iterator[bytes]:  # noqa: ANN401  options of urllib3
        """Yield the rest at once."""
        yield self.read()


def ec2_client(app: WSGIApplication, access_key: str, region: str) -> Client:
    """Return an EC2 client of `app`; it does not try anything twice."""
    return client_of(app, "ec2", access_key, region)


def client_of(app: WSGIApplication, service: str, access_key: str, region: str) -> Client:
    """Return a client of one of the services of `app`; it does not try anything twice."""
    client: Client = boto3.client(
        service,  # type: ignore[call-overload]  # any service name
        region_name=region,
        endpoint_url="http://127.0.0.1",
        aws_access_key_id=access_key,
        aws_secret_access_key="sandbox",  # noqa: S106  moto takes any
        config=Config(retries={"total_max_attempts": 1}),
    )

    def send(request: Any, **_: Any) -> AWSResponse:  # noqa: ANN401  botocore's, untyped
        return _answer(app, request)

    service_id = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"before-send.{service_id}", send)
    return client


def _answer(app: WSGIApplication, request: Any) -> AWSResponse:  # noqa: ANN401  botocore's, untyped
    headers = {
        name: value.decode() if isinstance(value, bytes) else str(value)
        for name, value in request.headers.items()
    }
    builder = EnvironBuilder(
        method=request.method, path=request.url, headers=headers, data=request.body
    )
    body, status, answered = run_wsgi_app(app, builder.get_environ(), buffered=True)
    content = b"".join(body)
    close = getattr(body, "close", None)
    if close is not None:
        close()
    seen: Any = HeadersDict(answered)
    return AWSResponse(request.url, int(status[:3]), seen, _Raw(content))

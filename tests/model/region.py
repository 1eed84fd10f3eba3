"""The local AWS of one sequence, in this process: EC2's behaviours behind CloudTrail, no HTTP.

Speed is what matters here, thousands of sequences being played: clients, service models and
moto's list of methods are made once, moto is called without its server, and a Describe call
that is repeated while nothing has changed is answered from memory.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import moto.core.responses
import pytest
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.config import Config
from moto.core.request import Request
from moto.core.utils import method_names_from_class
from moto.ec2.responses import EC2Response
from moto.moto_api._internal import mock_random

from guardrail_sandbox import moto_endpoints, moto_state
from guardrail_sandbox.ec2 import services
from guardrail_sandbox.ec2.behaviour import AWS_PACE, World
from guardrail_sandbox.ec2.layer import Ec2Layer
from guardrail_sandbox.ec2.registry import behaviours
from guardrail_sandbox.trail import CloudTrailLayer, Identity
from model.timeline import Timeline

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Answer = tuple[int, list[Any], bytes]
"""Status, headers and body."""
Around = Callable[[str, bytes, Callable[[], Answer]], Answer]

NAME = "us-east-1"
ACCOUNT = moto_state.ACCOUNT_ID
OWNER = "OWNER"
_SERVICES = frozenset({"states", "sync-states", "s3", "sqs"})
"""A region with few services: what a region offers is parsed in each sequence."""
_READS = b"Action=Describe"


class Region:
    """The EC2 of one region, new for each sequence; ids are the same in every run of it.

    `publish` is given each CloudTrail record. `around` is run around each call of others than the
    owner. `layer` is what EC2 hides from its callers.
    """

    def __init__(
        self, timeline: Timeline, publish: Callable[[dict[str, Any]], None], around: Around
    ) -> None:
        moto_state.reset()
        mock_random.seed(1)
        self._timeline = timeline
        world = World(timeline.clock, AWS_PACE)
        self.layer = Ec2Layer(_Moto(), behaviours(world), world)
        self._app = CloudTrailLayer(
            self.layer,
            publish,
            identities=_identities(),
            account_id=ACCOUNT,
            clock=timeline.clock.now,
        )
        self._around = around
        self._world = world
        self._changes = 0
        self._read: dict[bytes, tuple[tuple[int, float], Answer]] = {}

    @property
    def backend(self) -> Any:
        """Moto's own state as of now, for whoever judges the world from outside."""
        self._world.catch_up()
        return moto_state.ec2(NAME)

    def client(self, access_key: str) -> Any:
        """Return the EC2 client of a caller."""
        client, line = _client(access_key)
        line.answer = self.answer
        return client

    def changed(self) -> None:
        """Forget what was read: something was changed without a call."""
        self._changes += 1

    def answer(self, access_key: str, body: bytes) -> Answer:
        """Serve one call."""
        if access_key == OWNER:
            return self._remembered(access_key, body)
        return self._around(access_key, body, lambda: self._remembered(access_key, body))

    def _remembered(self, access_key: str, body: bytes) -> Answer:
        """Serve a call; what was read is kept until the next change or moment."""
        if not body.startswith(_READS):
            self._changes += 1
            return self._serve(access_key, body)
        version = (self._changes, self._timeline.seconds)
        kept = self._read.get(body)
        if kept is None or kept[0] != version:
            kept = (version, self._serve(access_key, body))
            self._read[body] = kept
        return kept[1]

    def _serve(self, access_key: str, body: bytes) -> Answer:
        started: list[tuple[str, list[Any]]] = []
        chunks = self._app(
            _environ(access_key, body),
            lambda status, headers, _=None: started.append((status, headers)),  # type: ignore[arg-type]
        )
        content = b"".join(chunks)
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
        status, headers = started[-1]
        return int(status[:3]), headers, content


class _Moto:
    """Moto's EC2 as a WSGI application, without the server that finds out which service it is."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        status, headers, body = EC2Response.dispatch(request, request.raw_url, request.headers)
        start_response(f"{status} .", [(k, str(v)) for k, v in headers.items() if k != "status"])
        return [body.encode() if isinstance(body, str) else body]


class _Line:
    """What a client's calls go through; another region's with each sequence."""

    def __init__(self, access_key: str) -> None:
        self._access_key = access_key
        self.answer: Callable[[str, bytes], Answer] = lambda *_: (500, [], b"")

    def send(self, request: Any, **_: object) -> AWSResponse:
        """Answer in place of HTTP."""
        body = request.body if isinstance(request.body, bytes) else str(request.body).encode()
        status, headers, content = self.answer(self._access_key, body)
        seen: Any = HeadersDict(headers)
        return AWSResponse(request.url, status, seen, _Raw(content))


class _Raw(io.BytesIO):
    """What botocore reads an answer from."""

    def stream(self, **_: object) -> Iterable[bytes]:
        """Yield the rest at once."""
        yield self.read()


@cache
def _client(access_key: str) -> tuple[Any, _Line]:
    client = boto3.client(
        "ec2",
        region_name=NAME,
        endpoint_url="http://127.0.0.1",
        config=Config(retries={"total_max_attempts": 1}, signature_version=UNSIGNED),
    )
    line = _Line(access_key)
    client.meta.events.register("before-send.ec2", line.send)
    return client, line


@contextmanager
def quickened() -> Iterator[None]:
    """For a while, let moto look its methods up once and load no images, and offer few services."""
    every = moto_endpoints.services

    def few(region: str) -> list[Any]:
        return [s for s in every(region) if s["ServiceName"].rpartition(".")[2] in _SERVICES]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            moto.core.responses, "method_names_from_class", cache(method_names_from_class)
        )
        patch.setattr(moto_endpoints, "services", few)
        patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        patch.delenv("MOTO_ACCOUNT_ID", raising=False)
        services.offered.cache_clear()
        yield
    services.offered.cache_clear()


def _environ(access_key: str, body: bytes) -> WSGIEnvironment:
    scope = f"Credential={access_key}/20260101/{NAME}/ec2/aws4_request"
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "CONTENT_TYPE": "application/x-www-form-urlencoded; charset=utf-8",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": f"ec2.{NAME}.amazonaws.com",
        "HTTP_USER_AGENT": "model",
        "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0",
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(body),
    }


def _identities() -> dict[str, Identity]:
    return {OWNER: Identity.user("owner", account_id=ACCOUNT)}

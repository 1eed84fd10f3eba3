"""The local AWS of one sequence, in this process: EC2's behaviours behind CloudTrail, no HTTP.

Speed is what matters here, thousands of sequences being played: clients, service models and
moto's list of methods are made once, moto is called without its server, and a Describe call
that is repeated while nothing has changed is answered from memory.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import boto3
import moto.core.responses
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
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

Answer = tuple[int, dict[str, Any]]
"""Status, and the answer or error as botocore parses it."""
Parse = Callable[[int, dict[str, str], bytes], Answer]
Around = Callable[[str, bytes, Callable[[], Answer]], Answer]

NAME = "us-east-1"
ACCOUNT = moto_state.ACCOUNT_ID
OWNER = "OWNER"
_SERVICES = frozenset({"states", "sync-states", "s3", "sqs"})
"""A region with few services: what a region offers is parsed in each sequence."""
_KINDS = ("vpc", "subnet", "group", "endpoint")
_SHOWN_BY = {
    "DescribeVpcs": "vpc",
    "DescribeVpcAttribute": "vpc",
    "DescribeSubnets": "subnet",
    "DescribeSecurityGroups": "group",
    "DescribeVpcEndpoints": "endpoint",
    "DescribeVpcEndpointServices": "service",
}
"""What a call shows; one that is not named may show everything."""
_CHANGED_BY = {
    "CreateVpcEndpoint": ("endpoint", "subnet"),
    "ModifyVpcEndpoint": ("endpoint", "subnet"),
    "DeleteVpcEndpoints": ("endpoint", "subnet"),
    "CreateSubnet": ("subnet",),
    "ModifyVpcAttribute": ("vpc",),
    "AssociateVpcCidrBlock": ("vpc",),
    "DisassociateVpcCidrBlock": ("vpc",),
    "CreateSecurityGroup": ("group",),
    "AuthorizeSecurityGroupIngress": ("group",),
    "RevokeSecurityGroupIngress": ("group",),
}
"""What a call changes; one that is not named may change everything."""


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
        world = _World(timeline.clock, AWS_PACE)
        world.passed = lambda: self.changed("endpoint", "subnet")
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
        self._changes: Counter[str] = Counter()
        self._read: dict[bytes, tuple[int, Answer]] = {}

    @property
    def backend(self) -> Any:
        """Moto's own state as of now, for whoever judges the world from outside."""
        self._world.catch_up()
        return moto_state.ec2(NAME)

    def client(self, access_key: str) -> Any:
        """Return the EC2 client of a caller."""
        caller = _caller(access_key)
        caller.region = self
        return caller.client

    def changed(self, *kinds: str) -> None:
        """Forget what was read of some kinds of things, or of all: it may have changed."""
        self._changes.update(kinds or _KINDS)

    def answer(self, access_key: str, operation: str, body: bytes, parse: Parse) -> Answer:
        """Serve one call of somebody's."""
        if access_key == OWNER:
            return self._remembered(access_key, operation, body, parse)
        return self._around(
            access_key, body, lambda: self._remembered(access_key, operation, body, parse)
        )

    def _remembered(self, access_key: str, operation: str, body: bytes, parse: Parse) -> Answer:
        """Serve a call; what was read is kept until something of its kind changes."""
        if not operation.startswith("Describe"):
            answer = self._serve(access_key, body, parse)
            self.changed(*_CHANGED_BY.get(operation, _KINDS))
            return answer
        self._world.catch_up()
        kinds = (_SHOWN_BY[operation],) if operation in _SHOWN_BY else _KINDS
        version = sum(self._changes[kind] for kind in kinds)
        kept = self._read.get(body)
        if kept is None or kept[0] != version:
            kept = (version, self._serve(access_key, body, parse))
            self._read[body] = kept
        return kept[1]

    def _serve(self, access_key: str, body: bytes, parse: Parse) -> Answer:
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
        return parse(int(status[:3]), dict(headers), content)


@dataclass(slots=True)
class _World(World):
    """A world that tells when time has changed something."""

    passed: Callable[[], None] = lambda: None

    def after(self, seconds: float, change: Callable[[], None]) -> None:
        def changes() -> None:
            change()
            self.passed()

        World.after(self, seconds, changes)


class _Moto:
    """Moto's EC2 as a WSGI application, without the server that finds out which service it is."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        status, headers, body = EC2Response.dispatch(request, request.raw_url, request.headers)
        start_response(f"{status} .", [(k, str(v)) for k, v in headers.items() if k != "status"])
        return [body.encode() if isinstance(body, str) else body]


class _Caller:
    """A caller's EC2 client without HTTP: botocore's own serialisation, parsing and errors.

    The rest of botocore (endpoints, signatures, retries) takes longer than the call itself.
    """

    def __init__(self, access_key: str) -> None:
        self._access_key = access_key
        self.region: Region | None = None
        self.client: Any = boto3.client(
            "ec2", region_name=NAME, config=Config(signature_version=UNSIGNED)
        )
        self.client._make_api_call = self._call  # noqa: SLF001

    def _call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        model = self.client.meta.service_model.operation_model(operation)
        request = self.client._serializer.serialize_to_request(parameters, model)  # noqa: SLF001
        body = urlencode(request["body"]).encode()

        def parse(status: int, headers: dict[str, str], content: bytes) -> Answer:
            answer = {"status_code": status, "headers": headers, "body": content}
            parsed: dict[str, Any] = self.client._response_parser.parse(  # noqa: SLF001
                answer, model.output_shape
            )
            return status, parsed

        if self.region is None:
            raise RuntimeError("a client without a region")
        status, parsed = self.region.answer(self._access_key, operation, body, parse)
        if status >= 300:
            error: Any = parsed
            raise ClientError(error, operation)
        return parsed


@cache
def _caller(access_key: str) -> _Caller:
    return _Caller(access_key)


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

"""The calls that moto cannot answer, or answers otherwise than AWS, about functions and events.

Lambda's Invoke (moto wants Docker) and EventBridge's PutEvents on the default bus (moto answers
an error when a rule has a Lambda target) would run a function. PutRule and TestEventPattern judge
event patterns. AWS: Lambda API reference, Invoke; EventBridge API reference, PutEvents, PutRule.
"""

from __future__ import annotations

import io
import json
import re
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import unquote

from guardrail_sandbox import patterns
from guardrail_sandbox.signature import Scope, credential_scope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from guardrail_sandbox.bus import Event
    from guardrail_sandbox.clock import Clock
    from guardrail_sandbox.invocation import Result

_INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")


class Platform(Protocol):
    """What the calls reach."""

    def invoke(self, function: str, payload: bytes) -> Result | None:
        """Run a function and wait; None when there is no such function."""

    def invoke_later(self, function: str, payload: bytes) -> str | None:
        """Queue an event for a function, return its request id."""

    def put_event(self, event: Event) -> None:
        """Put an event on the default bus."""


class Reply(NamedTuple):
    """A whole HTTP answer."""

    status: HTTPStatus
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Front:
    """WSGI layer that answers those calls and passes everything else on."""

    def __init__(
        self, app: WSGIApplication, platform: Platform, account_id: str, clock: Clock
    ) -> None:
        self._app = app
        self._platform = platform
        self._account_id = account_id
        self._clock = clock

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        reply = self._reply(environ, credential_scope(environ))
        if reply is None:
            return self._app(environ, start_response)
        status = f"{reply.status.value} {reply.status.phrase}"
        length = ("Content-Length", str(len(reply.body)))
        start_response(status, [("Content-Type", "application/json"), length, *reply.headers])
        return [reply.body]

    def _reply(self, environ: WSGIEnvironment, scope: Scope | None) -> Reply | None:
        if scope is None:
            return None
        match = _INVOKE.fullmatch(environ.get("PATH_INFO", ""))
        if scope.service == "lambda" and match is not None:
            return self._invoke(unquote(match[1]), environ)
        match environ.get("HTTP_X_AMZ_TARGET"):
            case "AWSEvents.PutEvents":
                return self._put_events(json.loads(_peeked(environ)), scope.region)
            case "AWSEvents.PutRule":
                return _refused_pattern(json.loads(_peeked(environ)))
            case "AWSEvents.TestEventPattern":
                return _test_pattern(json.loads(_peeked(environ)))
        return None

    def _invoke(self, function: str, environ: WSGIEnvironment) -> Reply:
        payload = _body(environ) or b"{}"
        if environ.get("HTTP_X_AMZ_INVOCATION_TYPE") == "Event":
            accepted = self._platform.invoke_later(function, payload)
            return _no_function(function) if accepted is None else Reply(HTTPStatus.ACCEPTED)
        result = self._platform.invoke(function, payload)
        if result is None:
            return _no_function(function)
        failed = (("X-Amz-Function-Error", "Unhandled"),) if result.failed else ()
        return Reply(
            HTTPStatus.OK, result.payload, (("X-Amz-Executed-Version", "$LATEST"), *failed)
        )

    def _put_events(self, request: dict[str, Any], region: str) -> Reply | None:
        if any(entry.get("EventBusName", "default") != "default" for entry in request["Entries"]):
            return None
        entries = [self._put_event(entry, region) for entry in request["Entries"]]
        answer = {"FailedEntryCount": sum("ErrorCode" in e for e in entries), "Entries": entries}
        return Reply(HTTPStatus.OK, json.dumps(answer).encode())

    def _put_event(self, entry: dict[str, Any], region: str) -> dict[str, str]:
        source = str(entry.get("Source", ""))
        if source.startswith("aws."):
            code = "NotAuthorizedForSourceException"
            return {"ErrorCode": code, "ErrorMessage": "Not authorized for the source."}
        try:
            detail = json.loads(entry.get("Detail", ""))
        except ValueError:
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        event_id = str(uuid.uuid4())
        self._platform.put_event(
            {
                "version": "0",
                "id": event_id,
                "detail-type": entry.get("DetailType", ""),
                "source": source,
                "account": self._account_id,
                "time": self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
                "region": region,
                "resources": entry.get("Resources", []),
                "detail": detail,
            }
        )
        return {"EventId": event_id}


def _refused_pattern(request: dict[str, Any]) -> Reply | None:
    """Refuse a rule whose pattern EventBridge would not take; None when moto may store it."""
    try:
        if "EventPattern" in request:
            patterns.read(request["EventPattern"])
    except patterns.InvalidPatternError as error:
        return _error(
            "InvalidEventPatternException", f"Event pattern is not valid. Reason: {error}"
        )
    return None


def _test_pattern(request: dict[str, Any]) -> Reply:
    refused = _refused_pattern(request)
    if refused is not None:
        return refused
    pattern, event = patterns.read(request["EventPattern"]), json.loads(request["Event"])
    return Reply(HTTPStatus.OK, json.dumps({"Result": patterns.matches(pattern, event)}).encode())


def _error(code: str, message: str) -> Reply:
    body = json.dumps({"__type": code, "message": message}).encode()
    return Reply(HTTPStatus.BAD_REQUEST, body)


def _no_function(function: str) -> Reply:
    body = {"Type": "User", "Message": f"Function not found: {function}"}
    kind = (("X-Amzn-ErrorType", "ResourceNotFoundException"),)
    return Reply(HTTPStatus.NOT_FOUND, json.dumps(body).encode(), kind)


def _peeked(environ: WSGIEnvironment) -> bytes:
    """Read the body and put it back, for moto to read."""
    body = _body(environ)
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _body(environ: WSGIEnvironment) -> bytes:
    data: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return data

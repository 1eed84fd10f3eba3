"""The WSGI layer that refuses what the caller's role does not allow.

Callers without a role (the user of the account, CloudFormation) may do everything. The refusals
have each service's own shape. AWS: EC2 API reference, "Error codes" (UnauthorizedOperation); IAM
user guide, "Troubleshoot access denied error messages".
"""

from __future__ import annotations

import json
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from guardrail.core.policy.evaluate import Decision
from guardrail_sandbox.authorization import ec2_needs, service_needs
from guardrail_sandbox.authorization.stored import MotoStored, Stored
from guardrail_sandbox.route53.hosted_zones import refusal
from guardrail_sandbox.signature import Scope, credential_scope, peeked
from guardrail_sandbox.trail.call import is_ec2, read_call

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from guardrail_sandbox.authorization.need import Need
    from guardrail_sandbox.authorization.roles import Roles
    from guardrail_sandbox.trail import Identity

_JSON_TYPES = {
    "dynamodb": "application/x-amz-json-1.0",
    "events": "application/x-amz-json-1.1",
    "sqs": "application/x-amz-json-1.0",
    "route53resolver": "application/x-amz-json-1.1",
}

_QUERY = frozenset({"cloudformation", "iam", "sns", "sts"})
"""Services that answer in the XML of the query protocol."""


class AuthorizationLayer:
    """Asks `roles` about each call of the callers in `identities` (by access key)."""

    def __init__(
        self,
        app: WSGIApplication,
        *,
        identities: Mapping[str, Identity],
        roles: Roles,
        account_id: str,
        stored: Stored | None = None,
    ) -> None:
        self._app = app
        self._identities = identities
        self._roles = roles
        self._account_id = account_id
        self._stored = stored or MotoStored()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        scope = credential_scope(environ)
        caller = self._identities.get(scope.access_key) if scope else None
        if scope is None or caller is None or caller.session_issuer is None:
            return self._app(environ, start_response)
        for need in self._needs(environ, scope):
            decision = self._roles.decision(caller.session_issuer.arn, need)
            if decision is not Decision.ALLOWED:
                return _refuse(scope.service, _message(caller, need, decision), start_response)
        return self._app(environ, start_response)

    def _needs(self, environ: WSGIEnvironment, scope: Scope) -> list[Need]:
        if is_ec2(environ):
            return ec2_needs.needs(
                ec2_needs.Ask(read_call(environ), self._account_id, self._stored)
            )
        return service_needs.needs(_sent(environ, scope, self._account_id))


def _sent(environ: WSGIEnvironment, scope: Scope, account_id: str) -> service_needs.Sent:
    body = peeked(environ)
    return service_needs.Sent(
        scope=scope,
        account_id=account_id,
        method=environ.get("REQUEST_METHOD", ""),
        path=environ.get("PATH_INFO", ""),
        query=environ.get("QUERY_STRING", ""),
        target=environ.get("HTTP_X_AMZ_TARGET", ""),
        body=body,
    )


def _message(caller: Identity, need: Need, decision: Decision) -> str:
    why = (
        "with an explicit deny in an identity-based policy"
        if decision is Decision.DENIED
        else f"because no identity-based policy allows the {need.action} action"
    )
    where = "" if need.resource == "*" else f" on resource: {need.resource}"
    return f"User: {caller.arn} is not authorized to perform: {need.action}{where} {why}"


def _refuse(service: str, message: str, start_response: StartResponse) -> Iterable[bytes]:
    if service == "ec2":
        status, kind, body = HTTPStatus.FORBIDDEN, "text/xml;charset=UTF-8", _ec2_error(message)
    elif service in _QUERY:
        status, kind, body = HTTPStatus.FORBIDDEN, "text/xml", _query_error(message)
    elif service == "route53":
        status, kind = HTTPStatus.FORBIDDEN, "text/xml"
        body = refusal("AccessDenied", message).encode()
    else:
        code = "AccessDeniedException"
        status = HTTPStatus.BAD_REQUEST if service in _JSON_TYPES else HTTPStatus.FORBIDDEN
        kind = _JSON_TYPES.get(service, "application/json")
        body = json.dumps({"__type": code, "message": message, "Message": message}).encode()
    headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    if service != "ec2":
        headers.append(("X-Amzn-ErrorType", "AccessDeniedException"))
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]


def _query_error(message: str) -> bytes:
    return (
        "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"
        f"<Message>{escape(message)}</Message></Error>"
        f"<RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
    ).encode()


def _ec2_error(message: str) -> bytes:
    text = escape(f"You are not authorized to perform this operation. {message}")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>'
        f"<Code>UnauthorizedOperation</Code><Message>{text}</Message></Error></Errors>"
        f"<RequestID>{uuid.uuid4()}</RequestID></Response>"
    ).encode()

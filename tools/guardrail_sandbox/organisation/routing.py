"""Which process answers a request: the organisation's own, or that of an account in a region."""

from __future__ import annotations

from http.client import HTTPConnection
from typing import TYPE_CHECKING

from guardrail_sandbox.signature import credential_scope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from guardrail_sandbox.organisation.callers import Caller, Callers
    from guardrail_sandbox.organisation.members import Member, Members
    from guardrail_sandbox.signature import Scope

_SHARED = frozenset({"organizations", "sts", "s3", "account"})
"""Services that are here for all accounts."""

_MANAGEMENT = _SHARED | {"cloudformation", "ec2", "iam"}
"""Services that are here for the management account, whose plain stacks run no functions."""

_HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "content-length", "server", "date"})


class Router:
    """WSGI application; `here` answers for the organisation, the members for themselves."""

    def __init__(
        self, here: WSGIApplication, callers: Callers, members: Members, management: str
    ) -> None:
        self._here = here
        self._callers = callers
        self._members = members
        self._management = management

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        scope = credential_scope(environ)
        if scope is None:
            return self._here(environ, start_response)
        caller = self._callers.of(scope.access_key)
        if scope.service in (_MANAGEMENT if caller.account == self._management else _SHARED):
            return self._here(environ, start_response)
        return _forward(self._member(caller, scope), environ, start_response)

    def _member(self, caller: Caller, scope: Scope) -> Member:
        member = self._members.get(caller.account, scope.region)
        if caller.role:
            member.know(scope.access_key, caller.role, caller.session, list(caller.policies))
        return member


def _forward(
    member: Member, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Pass a request on as it came, and the answer back."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    headers = {
        name[5:].replace("_", "-"): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    if "CONTENT_TYPE" in environ:
        headers["Content-Type"] = environ["CONTENT_TYPE"]
    connection = HTTPConnection(member.url.removeprefix("http://"))
    try:
        connection.request(environ["REQUEST_METHOD"], environ["REQUEST_URI"], body, headers)
        answer = connection.getresponse()
        content = answer.read()
        kept = [(n, v) for n, v in answer.getheaders() if n.lower() not in _HOP_BY_HOP]
    finally:
        connection.close()
    start_response(
        f"{answer.status} {answer.reason}", [*kept, ("Content-Length", str(len(content)))]
    )
    return [content]

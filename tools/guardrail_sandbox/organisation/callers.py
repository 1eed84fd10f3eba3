"""Who signs: the management account's user, or a role that was assumed in some account."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from guardrail_sandbox.authorization.need import Need
from guardrail_sandbox.authorization.roles import lets_in
from guardrail_sandbox.organisation.member import ADMINISTRATOR
from guardrail_sandbox.signature import credential_scope, peeked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from guardrail_sandbox.organisation.members import Members

_ROLE = re.compile(r"arn:[a-z-]+:iam::(\d{12}):role/(?:.*/)?([^/]+)")
_KEY = re.compile(rb"<AccessKeyId>([^<]+)</AccessKeyId>")


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller: its account and, for a session, the role, its policies and the session's name."""

    account: str
    role: str = ""
    session: str = ""
    policies: tuple[str, ...] = ()

    @property
    def arn(self) -> str:
        """The ARN of the principal: the role, or the user of the account."""
        return f"arn:aws:iam::{self.account}:" + (
            f"role/{self.role}" if self.role else "user/sandbox-user"
        )


class Callers:
    """WSGI layer that knows who a key belongs to, and lets a role be assumed by whom it trusts.

    moto gives out keys of roles that do not exist. AWS: IAM user guide, "Cross-account policy
    evaluation logic"; the management account's user may assume whatever trusts the account.
    """

    def __init__(
        self,
        app: WSGIApplication,
        members: Members,
        management: str,
        accounts: Callable[[], set[str]],
    ) -> None:
        self._app = app
        self._members = members
        self._management = management
        self._accounts = accounts
        self._sessions: dict[str, Caller] = {}
        self._lock = threading.Lock()

    def of(self, access_key: str) -> Caller:
        """Return whose key it is; every key that no role was given is the management account's."""
        return self._sessions.get(access_key, Caller(self._management))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        scope = credential_scope(environ)
        form = _form(environ) if scope and scope.service == "sts" else {}
        if scope is None or form.get("Action") != "AssumeRole":
            return self._app(environ, start_response)
        caller, arn = self.of(scope.access_key), form.get("RoleArn", "")
        wanted = _ROLE.fullmatch(arn)
        policies = self._policies(caller, wanted[1], wanted[2]) if wanted else None
        if wanted is None or policies is None:
            return _denied(caller, arn, start_response)
        name = form.get("RoleSessionName", "")
        session = Caller(wanted[1], wanted[2], name, tuple(policies))
        return self._noted(self._app(environ, start_response), session)

    def _policies(self, caller: Caller, account: str, role: str) -> list[str] | None:
        """Return what a role may do, if the caller may assume it; else None."""
        if account not in self._accounts():
            return None
        if role == ADMINISTRATOR:
            return [] if caller.account == self._management else None
        need = Need("sts:AssumeRole", f"arn:aws:iam::{account}:role/{role}")
        for member in self._members.of(account):
            found = member.ask("role", role=role)
            if found and lets_in(_resourceful(found["trust"]), caller.arn, need):
                policies: list[str] = found["policies"]
                return policies
        return None

    def _noted(self, answer: Iterable[bytes], session: Caller) -> Iterable[bytes]:
        body = b"".join(answer)
        if key := _KEY.search(body):
            with self._lock:
                self._sessions[key[1].decode()] = session
        return [body]


def _resourceful(policy: dict[str, Any]) -> str:
    """Return a trust policy as a policy of the role itself: it names no resource."""
    listed = policy["Statement"]
    statements = listed if isinstance(listed, list) else [listed]
    return json.dumps({**policy, "Statement": [{"Resource": "*", **one} for one in statements]})


def _form(environ: WSGIEnvironment) -> dict[str, str]:
    form = parse_qs(peeked(environ).decode())
    return {name: values[0] for name, values in form.items()}


def _denied(caller: Caller, role: str, start_response: StartResponse) -> Iterable[bytes]:
    message = f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {role}"
    body = (
        "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"
        f"<Message>{escape(message)}</Message></Error></ErrorResponse>"
    ).encode()
    status = HTTPStatus.FORBIDDEN
    headers = [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))]
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]

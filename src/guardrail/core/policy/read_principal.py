"""The Principal and NotPrincipal elements."""

from __future__ import annotations

import re
from typing import Any

from guardrail.core.policy.document import Named, PrincipalKind
from guardrail.core.policy.problems import at, malformed, unsupported

_ACCOUNT = re.compile(r"[0-9]{12}")
_ARN = re.compile(r"arn:(aws[a-z-]*):(iam|sts)::([0-9]{12}):([!-)+->@-~]+)")
_SESSION = re.compile(r"assumed-role/([^/]+)/([^/]+)")
_UNIQUE_ID = re.compile(r"A[A-Z0-9]{15,127}")
_SERVICE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?")
_FEDERATED = re.compile(r"[A-Za-z0-9_.:/+=@,-]+")
_CANONICAL = re.compile(r"[0-9a-f]{64}")

_TYPES = ("AWS", "Service", "Federated", "CanonicalUser")


def read_principals(raw: Any, pointer: str) -> tuple[Named, ...]:  # noqa: ANN401 - any JSON
    """Return the entries of a Principal element: `"*"` or an object of lists by type."""
    if raw == "*":
        return (Named(PrincipalKind.EVERYONE),)
    if not isinstance(raw, dict):
        raise malformed('a principal is "*" or an object', pointer)
    if not raw:
        raise malformed("a principal object names at least one type", pointer)
    names: list[Named] = []
    for kind, values in raw.items():
        place = at(pointer, kind)
        if kind not in _TYPES:
            raise malformed(f"{kind!r} is no principal type ({', '.join(_TYPES)})", place)
        names += _entries(kind, values, place)
    return tuple(names)


def _entries(kind: str, values: Any, pointer: str) -> list[Named]:  # noqa: ANN401 - any JSON
    if type(values) is str:
        return [_named(kind, values, pointer)]
    if not isinstance(values, list):
        raise malformed("a principal is a string or a list of strings", pointer)
    names: list[Named] = []
    for position, value in enumerate(values):
        place = at(pointer, position)
        if type(value) is not str:
            raise malformed("a principal is a string", place)
        names.append(_named(kind, value, place))
    return names


def _named(kind: str, value: str, pointer: str) -> Named:
    if not value:
        raise malformed("a principal is empty", pointer)
    named: Named | None = None
    match kind:
        case "AWS":
            named = _aws(value)
        case "Service" if _SERVICE.fullmatch(value):
            named = Named(PrincipalKind.SERVICE, value)
        case "Federated" if _FEDERATED.fullmatch(value):
            named = Named(PrincipalKind.FEDERATED, value)
        case "CanonicalUser" if _CANONICAL.fullmatch(value):
            named = Named(PrincipalKind.CANONICAL, value)
    if named is None:
        raise unsupported(f"the principal {value!r} is none that {kind} documents", pointer)
    return named


def _aws(value: str) -> Named | None:
    if value == "*":
        return Named(PrincipalKind.EVERYONE)
    if _ACCOUNT.fullmatch(value):
        return Named(PrincipalKind.ACCOUNT, account=value)
    if _UNIQUE_ID.fullmatch(value):
        return Named(PrincipalKind.UNIQUE_ID, value)
    match = _ARN.fullmatch(value)
    return _identity(value, *match.groups()) if match else None


def _identity(value: str, partition: str, service: str, account: str, tail: str) -> Named | None:
    if (service, tail) == ("iam", "root"):
        return Named(PrincipalKind.ACCOUNT, "", partition, account)
    kind, slash, name = tail.partition("/")
    if not slash or not name or name.endswith("/"):
        return None
    if (service, kind) == ("iam", "role"):
        return Named(PrincipalKind.IDENTITY, value, partition, account, name.rpartition("/")[2])
    if (service, kind) in {("iam", "user"), ("sts", "federated-user")}:
        return Named(PrincipalKind.IDENTITY, value, partition, account)
    session = _SESSION.fullmatch(tail)
    if service == "sts" and session:
        return Named(PrincipalKind.SESSION, value, partition, account, session.group(1))
    return None

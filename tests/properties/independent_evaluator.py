"""An evaluator of one request written from the documentation alone; imports nothing of ours.

It reads the JSON itself and matches with regular expressions, so it shares neither code nor
approach with the engine or with the engine's own evaluator.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime
from decimal import Decimal
from typing import Any

Request = dict[str, Any]


def allowed(policy: dict[str, Any], request: Request, *, segmented: bool = False) -> bool:
    """Say whether the policy allows the request: an Allow applies and no Deny does."""
    statements = policy["Statement"]
    applying = [
        one["Effect"]
        for one in (statements if isinstance(statements, list) else [statements])
        if _applies(one, request, policy.get("Version") == "2012-10-17", segmented)
    ]
    return "Allow" in applying and "Deny" not in applying


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _applies(statement: dict[str, Any], request: Request, new: bool, segmented: bool) -> bool:  # noqa: FBT001
    who = _who(statement.get("Principal", statement.get("NotPrincipal")), request["principal"])
    actions = _listed(statement.get("Action", statement.get("NotAction")))
    what = any(_glob(one.lower(), request["action"].lower()) for one in actions)
    names = _listed(statement.get("Resource", statement.get("NotResource")))
    where = any(_resource(one, request, new, segmented) for one in names)
    return (
        who is ("Principal" in statement)
        and what is ("Action" in statement)
        and where is ("Resource" in statement)
        and all(
            _condition(operator, key, _listed(values), request, new)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _who(named: Any, caller: str) -> bool:
    if named == "*":
        return True
    for kind, values in named.items():
        for value in _listed(values):
            if value in ("*", caller) or (kind == "AWS" and _aws(value, caller)):
                return True
    return False


def _aws(value: str, caller: str) -> bool:
    if re.fullmatch(r"\d{12}", value) or value.endswith(":root"):
        account = value if value.isdigit() else value.split(":")[4]
        return re.match(rf"arn:aws[^:]*:(iam|sts)::{account}:", caller) is not None
    role = re.fullmatch(r"arn:(aws[^:]*):iam::(\d{12}):role/(?:.*/)?([^/]+)", value)
    if not role:
        return False
    session = rf"arn:{role[1]}:sts::{role[2]}:assumed-role/{re.escape(role[3])}/.+"
    return re.fullmatch(session, caller) is not None


def _resource(pattern: str, request: Request, new: bool, segmented: bool) -> bool:  # noqa: FBT001
    filled = _filled(pattern, request) if new else _starred(pattern)
    if filled is None:
        return False
    if not segmented:
        return re.fullmatch(filled, request["resource"], re.DOTALL) is not None
    return _fields(filled, request["resource"])


def _fields(filled: str, given: str) -> bool:
    wanted = filled.split(":", 5)
    parts = given.split(":", len(wanted) - 1)
    return len(parts) == len(wanted) and all(
        re.fullmatch(one, part, re.DOTALL) is not None
        for one, part in zip(wanted, parts, strict=True)
    )


def _starred(pattern: str) -> str:
    return re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")


def _glob(pattern: str, given: str) -> bool:
    return re.fullmatch(_starred(pattern), given, re.DOTALL) is not None


def _filled(pattern: str, request: Request, *, plain: bool = False) -> str | None:
    """Return a regular expression with the variables' values quoted; none when one has no value."""
    result = ""
    for piece in re.split(r"(\$\{[^}]*\})", pattern):
        if not piece.startswith("${"):
            result += re.escape(piece) if plain else _starred(piece)
            continue
        name, _, default = piece[2:-1].partition(",")
        if name in ("*", "?", "$"):
            result += re.escape(name)
            continue
        value = _given(name, request)
        if not value and not default:
            return None
        result += re.escape(value[0] if value else default.strip().strip("'"))
    return result


def _given(key: str, request: Request) -> list[str]:
    for name, value in request["context"].items():
        if name.lower() == key.lower():
            return [value] if isinstance(value, str) else list(value)
    return []


def _condition(operator: str, key: str, values: list[Any], request: Request, new: bool) -> bool:  # noqa: FBT001
    texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
    given = _given(key, request)
    quantifier, _, name = operator.rpartition(":")
    if name == "Null":
        if quantifier:
            return quantifier == "ForAllValues"
        return ("false" if given else "true") in texts
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    if not given:
        return if_exists or quantifier == "ForAllValues" or ("Not" in name and not quantifier)
    results = [_test(name, one, texts, request, new) for one in given]
    return any(results) if quantifier == "ForAnyValue" else all(results)


def _test(name: str, given: str, texts: list[str], request: Request, new: bool) -> bool:  # noqa: FBT001
    negated = "Not" in name
    base = name.replace("Not", "")
    return any(_matches(base, given, text, request, new) for text in texts) is not negated


def _matches(base: str, given: str, text: str, request: Request, new: bool) -> bool:  # noqa: FBT001
    if base.startswith(("String", "Arn")):
        plain = "Equals" in base and not base.startswith("Arn")
        filled = _filled(text, request, plain=plain) if new else None
        if not new:
            filled = re.escape(text) if plain else _starred(text)
        if filled is None:
            return False
        if base.startswith("Arn"):
            return _fields(filled, given)
        flags = re.DOTALL | (re.IGNORECASE if "IgnoreCase" in base else 0)
        return re.fullmatch(filled, given, flags) is not None
    if base == "IpAddress":
        network = ipaddress.ip_network(text, strict=False)
        address = ipaddress.ip_address(given)
        return address.version == network.version and address in network
    if base == "Bool":
        return given.lower() == text.lower()
    if base.startswith("Numeric"):
        return _ordered(base[7:], Decimal(given), Decimal(text))
    if base.startswith("Date"):
        return _ordered(base[4:], _moment(given), _moment(text))
    return given == text


def _moment(text: str) -> float:
    return float(text) if text.isdigit() else datetime.fromisoformat(text).timestamp()


def _ordered(sign: str, left: Any, right: Any) -> bool:
    return {
        "Equals": left == right,
        "LessThan": left < right,
        "LessThanEquals": left <= right,
        "GreaterThan": left > right,
        "GreaterThanEquals": left >= right,
    }[sign]

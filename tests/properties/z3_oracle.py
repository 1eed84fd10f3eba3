"""Containment by the SMT solver z3, on policies without sets of values and without variables.

The encoding is direct: strings are string variables, patterns regular expressions, principals an
enumeration, typed keys numbers. It uses no idea of the engine.
"""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import z3

_PRINCIPALS = [
    ("123456789012", "arn:aws:iam::123456789012:user/MyUser"),
    ("123456789012", "arn:aws:iam::123456789012:role/App"),
    ("123456789012", "arn:aws:sts::123456789012:assumed-role/App/one"),
    ("123456789012", ""),
    ("999988887777", ""),
    ("", "events.amazonaws.com"),
    ("", ""),
]
_CHAR = z3.AllChar(z3.ReSort(z3.StringSort()))
_ANY = z3.Star(_CHAR)
_IN_FIELD = z3.Intersect(_CHAR, z3.Complement(z3.Re(":")))
_WORD = z3.Union(z3.Range("a", "z"), z3.Range("0", "9"))


def contained(
    candidate: str, baseline: str, *, service: str | None, effort: int = 300_000
) -> bool | None:
    """Return whether z3 finds no request that only the candidate allows; none when it gives up.

    `effort` is z3's own count of work, so that the answer is the same on a slow machine.
    """
    answers = [
        _contained(json.loads(candidate), json.loads(baseline), service, effort, segmented)
        for segmented in (False, True)
    ]
    if False in answers:
        return False
    return None if None in answers else True


def _contained(
    candidate: Any,
    baseline: Any,
    service: str | None,
    effort: int,
    segmented: bool,  # noqa: FBT001
) -> bool | None:
    encoding = _Encoding(segmented)
    solver = z3.Solver()
    solver.set("rlimit", effort)
    prefix = (
        z3.Re(f"{service}:")
        if service
        else z3.Concat(z3.Plus(z3.Union(_WORD, z3.Re("-"))), z3.Re(":"))
    )
    solver.add(z3.InRe(encoding.action, z3.Concat(prefix, z3.Plus(_WORD))))
    solver.add(z3.Length(encoding.resource) > 0)
    solver.add(encoding.principal >= 0, encoding.principal < len(_PRINCIPALS))
    solver.add(encoding.policy(candidate), z3.Not(encoding.policy(baseline)))
    solver.add(*encoding.facts)
    result = solver.check()
    if result == z3.unknown:
        return None
    return bool(result == z3.unsat)


class _Encoding:
    def __init__(self, segmented: bool) -> None:  # noqa: FBT001
        self.segmented = segmented
        self.action, self.resource = z3.String("action"), z3.String("resource")
        self.principal = z3.Int("principal")
        self.facts: list[Any] = []

    def policy(self, policy: Any) -> Any:
        """Encode that some Allow applies and no Deny does."""
        by_effect: dict[str, list[Any]] = {"Allow": [], "Deny": []}
        for statement in policy["Statement"]:
            by_effect[statement["Effect"]].append(self._statement(statement))
        return z3.And(z3.Or(by_effect["Allow"]), z3.Not(z3.Or(by_effect["Deny"])))

    def _statement(self, statement: Any) -> Any:
        parts = [
            self._either(statement, "Principal", lambda named: self._principal(named)),
            self._either(
                statement,
                "Action",
                lambda names: self._in(
                    self.action, [name.lower() for name in _listed(names)], segmented=False
                ),
            ),
            self._either(
                statement,
                "Resource",
                lambda names: self._in(self.resource, _listed(names), segmented=self.segmented),
            ),
        ]
        for operator, keys in statement.get("Condition", {}).items():
            parts += [self._condition(operator, key, _listed(v)) for key, v in keys.items()]
        return z3.And(parts)

    def _either(self, statement: Any, name: str, encode: Any) -> Any:
        if name in statement:
            return encode(statement[name])
        return z3.Not(encode(statement[f"Not{name}"]))

    def _principal(self, named: Any) -> Any:
        if named == "*":
            return self.principal >= 0
        wanted = [value for values in named.values() for value in _listed(values)]
        hits = [place for place, known in enumerate(_PRINCIPALS) if _is_named(known, wanted)]
        return z3.Or([self.principal == place for place in hits])

    def _in(self, text: Any, patterns: list[str], *, segmented: bool) -> Any:
        return z3.Or([z3.InRe(text, _regex(one, segmented=segmented)) for one in patterns])

    def _condition(self, operator: str, key: str, values: list[Any]) -> Any:
        present = z3.Bool(f"{key}?")
        if operator == "Null":
            return z3.Not(present) if values[0] == "true" else present
        if_exists = operator.endswith("IfExists")
        base = operator.removesuffix("IfExists")
        test = z3.Or([self._test(base.replace("Not", ""), key, value) for value in values])
        if "Not" in base:
            return z3.Implies(present, z3.Not(test))
        return z3.Implies(present, test) if if_exists else z3.And(present, test)

    def _test(self, base: str, key: str, value: str) -> Any:
        if base == "Bool":
            return z3.Bool(key) == (value == "true")
        if base == "IpAddress":
            return self._address(key, ipaddress.ip_network(value, strict=False))
        if base.startswith("Numeric"):
            left, right = z3.Real(key), z3.RealVal(value)
            return {
                "Equals": left == right,
                "LessThan": left < right,
                "LessThanEquals": left <= right,
                "GreaterThan": left > right,
                "GreaterThanEquals": left >= right,
            }[base[7:]]
        text = z3.String(key)
        if base == "StringEqualsIgnoreCase":
            return z3.InRe(text, _folded(value))
        if base == "StringEquals":
            return text == z3.StringVal(value)
        return z3.InRe(text, _regex(value, segmented=base.startswith("Arn")))

    def _address(self, key: str, network: Any) -> Any:
        version, address = z3.Int(f"{key} version"), z3.Int(key)
        self.facts += [
            z3.Or(version == 4, version == 6),
            address >= 0,
            address < z3.If(version == 4, z3.IntVal(2**32), z3.IntVal(2**128)),
        ]
        return z3.And(
            version == network.version,
            address >= int(network.network_address),
            address <= int(network.broadcast_address),
        )


def _is_named(known: tuple[str, str], wanted: list[str]) -> bool:
    account, name = known
    role = "arn:aws:iam::123456789012:role/App"
    session_of = "assumed-role/App/" in name and role in wanted
    return (account and account in wanted) or (name and name in wanted) or session_of


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _regex(pattern: str, *, segmented: bool) -> Any:
    if not segmented:
        return _joined([_piece(char, _CHAR) for char in pattern])
    *leading, last = pattern.split(":", 5)
    pieces: list[Any] = []
    for field in leading:
        pieces += [_piece(char, _IN_FIELD) for char in field] + [z3.Re(":")]
    return _joined(pieces + [_piece(char, _CHAR) for char in last])


def _piece(char: str, one: Any) -> Any:
    return {"*": z3.Star(one), "?": one}.get(char) if char in "*?" else z3.Re(char)


def _joined(pieces: list[Any]) -> Any:
    if len(pieces) > 1:
        return z3.Concat(*pieces)
    return pieces[0] if pieces else z3.Re("")


def _folded(value: str) -> Any:
    return _joined(
        [
            z3.Union(z3.Re(char.lower()), z3.Re(char.upper())) if char.isalpha() else z3.Re(char)
            for char in value
        ]
    )

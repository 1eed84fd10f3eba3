"""The strict reader of policy documents: text to `Policy`, or the reasons why not.

Everything that the grammar does not name is refused. A malformed statement outweighs one that is
merely outside the supported language.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from guardrail.core.policy.document import Policy, Statement, Text, Variable
from guardrail.core.policy.problems import DocumentError, at, malformed, unsupported
from guardrail.core.policy.read_condition import read_conditions
from guardrail.core.policy.read_json import read_object
from guardrail.core.policy.read_principal import read_principals
from guardrail.core.policy.read_text import read_text, variables_in_tail
from guardrail.core.policy.verdict import PolicyCode, PolicyReason

if TYPE_CHECKING:
    from collections.abc import Callable

_ACTION = re.compile(r"[A-Za-z0-9_*?-]+(?::[A-Za-z0-9_*?-]+)?")
# An ARN, or a text that wildcards let match one.
_ARN_LIKE = re.compile(r"arn:|[*?]|a[*?]|ar[*?]|arn[*?]")
_VERSIONS = {"2008-10-17": False, "2012-10-17": True}
_ELEMENTS = frozenset(
    {
        "Action",
        "Condition",
        "Effect",
        "NotAction",
        "NotPrincipal",
        "NotResource",
        "Principal",
        "Resource",
        "Sid",
    }
)


class UnreadableError(Exception):
    """The document is malformed or outside the language; `reasons` has at least one entry."""

    def __init__(self, reasons: tuple[PolicyReason, ...]) -> None:
        super().__init__(reasons[0].message)
        self.reasons = reasons

    @property
    def malformed(self) -> bool:
        """Whether the document is no policy at all (else it is only unsupported)."""
        return self.reasons[0].code is PolicyCode.MALFORMED


def parse(text: str) -> Policy:
    """Return the policy in `text`; raises `UnreadableError`."""
    problems: list[PolicyReason] = []
    try:
        document = read_object(text)
        variables = _version(document)
        raw_statements = _raw_statements(document)
    except DocumentError as error:
        raise UnreadableError((error.reason(),)) from error
    problems += _unknown(document, {"Version", "Id", "Statement"}, "", None)
    statements: list[Statement] = []
    for index, (raw, pointer) in enumerate(raw_statements):
        try:
            statements.append(_statement(raw, index, pointer, variables=variables))
            problems += _unknown(raw, _ELEMENTS, pointer, index)
        except DocumentError as error:
            problems.append(error.reason(index))
    if problems:
        worst = [reason for reason in problems if reason.code is PolicyCode.MALFORMED]
        raise UnreadableError(tuple(worst or problems))
    return Policy(tuple(statements), variables)


def _version(document: dict[str, Any]) -> bool:
    version = document.get("Version", "2008-10-17")
    if type(version) is not str or version not in _VERSIONS:
        raise malformed(f"the version is one of {', '.join(_VERSIONS)}", "/Version")
    if "Id" in document and type(document["Id"]) is not str:
        raise malformed("an Id is a string", "/Id")
    return _VERSIONS[version]


def _raw_statements(document: dict[str, Any]) -> list[tuple[Any, str]]:
    raw = document.get("Statement")
    if isinstance(raw, dict):
        return [(raw, "/Statement")]
    if not isinstance(raw, list) or not raw:
        raise malformed("Statement is an object or a list of at least one", "/Statement")
    return [(entry, at("/Statement", index)) for index, entry in enumerate(raw)]


def _unknown(
    owner: dict[str, Any], known: set[str] | frozenset[str], pointer: str, index: int | None
) -> list[PolicyReason]:
    return [
        unsupported(f"{name!r} is no element of the policy grammar", at(pointer, name)).reason(
            index
        )
        for name in owner
        if name not in known
    ]


def _statement(raw: Any, index: int, pointer: str, *, variables: bool) -> Statement:  # noqa: ANN401 - any JSON
    if not isinstance(raw, dict):
        raise malformed("a statement is an object", pointer)
    allow = _effect(raw, pointer)
    who, not_who = _either(raw, "Principal", pointer)
    what, not_what = _either(raw, "Action", pointer)
    where, not_where = _either(raw, "Resource", pointer)
    block = raw.get("Condition", {})
    principals, actions, resources, conditions = _all_of(
        lambda: read_principals(raw[who], at(pointer, who)),
        lambda: _actions(raw[what], at(pointer, what)),
        lambda: _resources(raw[where], at(pointer, where), variables=variables),
        lambda: read_conditions(block, at(pointer, "Condition"), variables=variables),
    )
    for name, negated, entries in (
        (who, not_who, principals),
        (what, not_what, actions),
        (where, not_where, resources),
    ):
        if negated and not entries:
            raise unsupported(f"AWS does not say what an empty {name} means", at(pointer, name))
    return Statement(
        index=index,
        pointer=pointer,
        allow=allow,
        principals=principals,
        not_principals=not_who,
        actions=actions,
        not_actions=not_what,
        resources=resources,
        not_resources=not_where,
        conditions=conditions,
        sid=raw.get("Sid"),
    )


def _all_of(*readers: Callable[[], Any]) -> list[Any]:
    """Read every element, so that a malformed one is found behind one merely unsupported."""
    results: list[Any] = []
    problems: list[DocumentError] = []
    for reader in readers:
        try:
            results.append(reader())
        except DocumentError as error:
            problems.append(error)
    if problems:
        raise min(problems, key=lambda error: error.code is not PolicyCode.MALFORMED)
    return results


def _effect(raw: dict[str, Any], pointer: str) -> bool:
    effect = raw.get("Effect")
    if type(effect) is not str or effect not in {"Allow", "Deny"}:
        raise malformed("Effect is Allow or Deny", at(pointer, "Effect"))
    if "Sid" in raw and type(raw["Sid"]) is not str:
        raise malformed("a Sid is a string", at(pointer, "Sid"))
    return effect == "Allow"


def _either(raw: dict[str, Any], name: str, pointer: str) -> tuple[str, bool]:
    opposite = f"Not{name}"
    if (name in raw) == (opposite in raw):
        raise malformed(f"a statement has either {name} or {opposite}", at(pointer, name))
    return (name, False) if name in raw else (opposite, True)


def _strings(raw: Any, pointer: str) -> list[tuple[str, str]]:  # noqa: ANN401 - any JSON
    if type(raw) is str:
        return [(raw, pointer)]
    if not isinstance(raw, list):
        raise malformed("a string or a list of strings is expected", pointer)
    for index, value in enumerate(raw):
        if type(value) is not str:
            raise malformed("a string is expected", at(pointer, index))
    return [(value, at(pointer, index)) for index, value in enumerate(raw)]


def _actions(raw: Any, pointer: str) -> tuple[Text, ...]:  # noqa: ANN401 - any JSON
    return tuple(_action(name, place) for name, place in _strings(raw, pointer))


def _action(raw: str, pointer: str) -> Text:
    if not _ACTION.fullmatch(raw) or (":" not in raw and "*" not in raw):
        raise malformed(f"{raw!r} is no action (service:Name, with * and ?)", pointer)
    return read_text(raw.lower(), pointer, wildcards=True, variables=False)


def _resources(raw: Any, pointer: str, *, variables: bool) -> tuple[Text, ...]:  # noqa: ANN401 - any JSON
    return tuple(
        _resource(name, place, variables=variables) for name, place in _strings(raw, pointer)
    )


def _resource(raw: str, pointer: str, *, variables: bool) -> Text:
    if not raw or not raw.isprintable():
        raise malformed("a resource is a printable string that is not empty", pointer)
    text = read_text(raw, pointer, wildcards=True, variables=variables)
    if not isinstance(text[0], Variable) and not _ARN_LIKE.match(raw):
        raise malformed(f'{raw!r} is neither an ARN nor "*"', pointer)
    if not variables_in_tail(text):
        raise unsupported("a policy variable before the resource part of an ARN", pointer)
    return text

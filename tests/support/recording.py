"""What an infrastructure tool asks of AWS, as data that a person can read and a test can replay.

Ids stand as symbols (`<vpc>`, `<subnet-2>`), each bound by the first answer that had it. What a
tool repeated until the answer suited it stands there once, with the outcome it went on with.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

NOTHING = "nothing"
"""The outcome of a call whose answer has no state in it."""

_ID = re.compile(r"\b([a-z]{2,6})-[0-9a-f]{8,17}\b")
_SYMBOL = re.compile(r"<([a-z]+(?:-\d+)?)>")
_PASSING = frozenset({"pending", "deleting", "deleted"})
_READING = ("Describe", "Get", "List")

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A call of the tool, in which step, and the XML that it was answered."""

    step: str
    service: str
    form: Form
    answer: str

    def asks_the_same(self, other: Exchange) -> bool:
        """Tell whether both are the same call in the same step."""
        return (self.step, self.service, self.form) == (other.step, other.service, other.form)


@dataclass(frozen=True, slots=True)
class Call:
    """A call to replay: `binds` has paths into the answer by symbol.

    `until` is the outcome that the tool waited for; without it any success is one.
    """

    service: str
    action: str
    given: Form = field(default_factory=dict)
    binds: Mapping[str, str] = field(default_factory=dict)
    until: str = ""

    @property
    def reads(self) -> bool:
        """Whether the call changes nothing."""
        return self.action.startswith(_READING)


@dataclass(frozen=True, slots=True)
class Recording:
    """The calls of each step; `versions` are those of the APIs, by service."""

    recorded_with: str
    versions: Mapping[str, str]
    steps: Mapping[str, Sequence[Call]]

    def text(self) -> str:
        """Return it as JSON with a line for each call."""
        steps = (
            f"    {json.dumps(name)}: [\n{_lines(calls)}\n    ]"
            for name, calls in self.steps.items()
        )
        return (
            f'{{\n  "recorded with": {json.dumps(self.recorded_with)},\n'
            f'  "versions": {json.dumps(self.versions)},\n'
            '  "steps": {\n' + ",\n".join(steps) + "\n  }\n}\n"
        )


def read(text: str) -> Recording:
    """Return the recording that was written as this text."""
    data = json.loads(text)
    steps = {name: [_call(line) for line in lines] for name, lines in data["steps"].items()}
    return Recording(data["recorded with"], data["versions"], steps)


def distil(exchanges: Sequence[Exchange], recorded_with: str) -> Recording:
    """Return what is worth replaying of these exchanges, in the order in which they began."""
    names = _Names(used={found for one in exchanges for found in _ids(one.form.values())})
    before: dict[str, str] = {}
    steps: dict[str, list[Call]] = {}
    for exchange in _settled(exchanges):
        given = {k: v for k, v in exchange.form.items() if k not in {"Action", "Version"}}
        asked = f"{exchange.service} {exchange.form}"
        found = outcome(exchange.answer)
        call = Call(
            exchange.service,
            exchange.form["Action"],
            {key: names.in_place(key, value) for key, value in given.items()},
            names.bound_by(exchange.answer),
            found if _is_awaited(exchange, found, before.get(asked, NOTHING)) else "",
        )
        before[asked] = found
        steps.setdefault(exchange.step, []).append(call)
    versions = {one.service: one.form["Version"] for one in exchanges}
    return Recording(recorded_with, versions, steps)


def outcome(answer: str) -> str:
    """Return the code of a refusal, or the states that the answer tells of, or NOTHING."""
    leaves = [(path.rpartition("/")[2], text) for path, text in _leaves(_root(answer))]
    if refused(answer):
        return next(text for name, text in leaves if name == "Code")
    states = {text for name, text in leaves if name == "state"}
    return ", ".join(sorted(states)) or NOTHING


def refused(answer: str) -> bool:
    """Tell whether the answer is an error."""
    return _name(_root(answer)) in {"Response", "ErrorResponse"}


def value_at(answer: str, path: str) -> str:
    """Return the text at a path that a recording has; raise KeyError when there is none."""
    parts = (f"{{*}}{part}" for part in path.split("/"))
    text = _root(answer).findtext("/".join(parts))
    if not text:
        raise KeyError(path)
    return text


def filled(value: str, symbols: Mapping[str, str]) -> str:
    """Return a parameter with ids for its symbols."""
    return _SYMBOL.sub(lambda match: symbols[match[1]], value)


class _Names:
    """Symbols for the ids that the tool used, in the order in which it learnt them."""

    def __init__(self, used: set[str]) -> None:
        self._used = used
        self._names: dict[str, str] = {}
        self._tokens: dict[str, str] = {}
        self._count: Counter[str] = Counter()

    def bound_by(self, answer: str) -> dict[str, str]:
        """Return the paths of the ids that this answer is the first to have."""
        bound = {}
        for path, text in _leaves(_root(answer)):
            match = _ID.fullmatch(text)
            if match and text in self._used and text not in self._names:
                self._count[match[1]] += 1
                number = self._count[match[1]]
                self._names[text] = match[1] if number == 1 else f"{match[1]}-{number}"
                bound[self._names[text]] = path
        return bound

    def in_place(self, key: str, value: str) -> str:
        """Return a parameter with symbols for its ids; raise KeyError for one from nowhere."""
        if key == "ClientToken":
            return self._tokens.setdefault(value, f"token-{len(self._tokens) + 1}")
        return _ID.sub(lambda match: f"<{self._names[match[0]]}>", value)


def _is_awaited(exchange: Exchange, found: str, before: str) -> bool:
    """Tell whether a tool had to get this outcome: a refusal, or states that are there to stay.

    That something is gone counts where it was there before.
    """
    if refused(exchange.answer):
        return True
    return _reads(exchange) and not _is_on_the_way(found) and (found, before) != (NOTHING, NOTHING)


def _settled(exchanges: Sequence[Exchange]) -> Iterator[Exchange]:
    """Yield what a tool did not ask again because of the answer.

    A read that repeats the one before it tells nothing either.
    """
    before: Exchange | None = None
    for index, exchange in enumerate(exchanges):
        again = any(exchange.asks_the_same(later) for later in exchanges[index + 1 :])
        if again and (refused(exchange.answer) or _is_on_the_way(outcome(exchange.answer))):
            continue
        if before is None or not (exchange.asks_the_same(before) and _reads(exchange)):
            yield exchange
        before = exchange


def _is_on_the_way(found: str) -> bool:
    return not _PASSING.isdisjoint(found.split(", "))


def _reads(exchange: Exchange) -> bool:
    return exchange.form["Action"].startswith(_READING)


def _ids(values: Iterable[str]) -> Iterator[str]:
    for value in values:
        for match in _ID.finditer(value):
            yield match[0]


def _root(answer: str) -> ET.Element:
    return ET.fromstring(answer)  # noqa: S314  the answer of the local AWS


def _leaves(element: ET.Element, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield path and text of what has no children; equal siblings are numbered."""
    counted: Counter[str] = Counter(_name(child) for child in element)
    seen: Counter[str] = Counter()
    for child in element:
        name = _name(child)
        seen[name] += 1
        numbered = f"{name}[{seen[name]}]" if counted[name] > 1 else name
        below = f"{path}/{numbered}" if path else numbered
        if len(child):
            yield from _leaves(child, below)
        elif child.text and child.text.strip():
            yield below, child.text.strip()


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _lines(calls: Iterable[Call]) -> str:
    return ",\n".join(f"      {json.dumps(_line(call))}" for call in calls)


def _line(call: Call) -> dict[str, object]:
    members = {"given": call.given, "binds": call.binds, "until": call.until}
    told = {name: value for name, value in members.items() if value}
    return {"call": f"{call.service}:{call.action}", **told}


def _call(line: Mapping[str, object]) -> Call:
    service, _, action = str(line["call"]).partition(":")
    members = {name: value for name, value in line.items() if name != "call"}
    return Call(service, action, **members)  # type: ignore[arg-type]  # what _line wrote

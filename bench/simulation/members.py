"""The member accounts' side of `status`: what each of them answers, and how long that takes.

Not run by itself. The command's own threads ask a stub, which notes the calls of each account; they
are played again on a simulated clock, by as many workers. Real threads know no simulated time.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from threading import local
from typing import Any, NamedTuple, cast

from simulation import rates
from simulation.events import Call, Process, Simulation, Work

from guardrail_cli.org.accounts import WORKERS, Accounts

VERSION = "0123456789ab"
_STACK = {
    "StackStatus": "UPDATE_COMPLETE",
    "Outputs": [
        {"OutputKey": "Table", "OutputValue": "sfn-endpoint-guardrail-Records-1A2B3C4D5E6F7"},
        {"OutputKey": "Version", "OutputValue": VERSION},
        {"OutputKey": "DeadLetters", "OutputValue": "https://sqs.example/1/DeadLetterQueue"},
    ],
    "Parameters": [
        {"ParameterKey": "Mode", "ParameterValue": "observe"},
        *({"ParameterKey": f"Parameter{n}", "ParameterValue": "value"} for n in range(24)),
    ],
}
_KNOWN = {"Stacks": [_STACK]}
_TOTALS = json.dumps({"vpcs": 1, "outcomes": {"compliant": 1}, "drift": {}, "missing": []})


class Way(NamedTuple):
    """How the command calls: seconds of a client for each call, and whether they are kept."""

    name: str
    client: float
    kept: bool


@dataclass
class Members(Accounts):
    """See `guardrail_cli.org.accounts.Accounts`; `noted` are the calls by account, if wanted.

    If not, every answer has texts of its own, as real ones have.
    """

    swept: str
    noted: dict[str, list[Call]] | None = None
    _thread: local = field(default_factory=local)

    def enter(self, account: str) -> None:
        """Let this thread be at an account from now on."""
        self._thread.account = account
        self.note(Call("AssumeRole", "home", rates.STS, rates.CALL))

    def client(self, service: str, region: str) -> Member:
        """Return what answers in a region."""
        del service
        return Member(self, region)

    def asked(self, api: str, region: str) -> None:
        """Note a call of the account that the thread is at."""
        limit = {"DescribeStacks": rates.CLOUDFORMATION, "GetItem": rates.TABLE}[api]
        self.note(Call(api, (self._thread.account, region), limit, rates.CALL))

    def note(self, call: Call) -> None:
        """Keep a call."""
        if self.noted is not None:
            self.noted.setdefault(self._thread.account, []).append(call)


@dataclass(frozen=True, slots=True)
class Member:
    """The methods of the SDK's clients that a look at a stack needs."""

    members: Members
    region: str

    def describe_stacks(self, **_: object) -> dict[str, Any]:
        """Return the stack."""
        self.members.asked("DescribeStacks", self.region)
        return _KNOWN if self.members.noted is not None else _fresh(_KNOWN)

    def get_item(self, **_: object) -> dict[str, Any]:
        """Return what the last sweep came to."""
        self.members.asked("GetItem", self.region)
        item = {"at": self.members.swept, "mode": "observe", "totals": _TOTALS}
        answer = {"Item": {name: {"S": text} for name, text in item.items()}}
        return answer if self.members.noted is not None else _fresh(answer)


def _fresh(answer: dict[str, Any]) -> dict[str, Any]:
    """Return a copy with texts of its own, as a real answer has, for what memory it takes."""
    copy: dict[str, Any] = json.loads(json.dumps(answer))
    return copy


def replayed(noted: Iterable[list[Call]], way: Way) -> Simulation:
    """Let the workers make the calls, account by account; return the simulation at its end."""
    sim = Simulation()
    accounts = deque(noted)
    clients: set[tuple[str, object]] = set()
    for _ in range(WORKERS):
        sim.start(_working(accounts, way, clients))
    sim.run()
    return sim


def _working(accounts: deque[list[Call]], way: Way, clients: set[tuple[str, object]]) -> Process:
    connected: set[tuple[str, object]] = set()
    while accounts:
        for call in accounts.popleft():
            if call.api != "AssumeRole":
                yield from _prepared(call, way, clients, connected)
            yield call


def _prepared(
    call: Call, way: Way, clients: set[tuple[str, object]], connected: set[tuple[str, object]]
) -> Iterator[Work | float]:
    """Yield what a call takes besides the wire: a client, a connection, signing and reading."""
    # The scope of these calls is account and region.
    key = call.api, tuple(cast("Iterable[str]", call.scope))[1]
    client = way.client
    if way.kept:
        client = 0.0 if key in clients else rates.CLIENT_OF_SHARED_SESSION
        clients.add(key)
    yield Work(client + rates.READING / 2)
    if not way.kept or key not in connected:
        connected.add(key)
        yield rates.CONNECT

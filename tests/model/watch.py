"""What the guardrail does: each of its writes with the world before and after, and its pauses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from model.delivery import Fate
from model.region import Answer
from model.snapshot import Snapshot, take
from model.timeline import Timeline

ENDPOINT_CALLS = frozenset({"CreateVpcEndpoint", "ModifyVpcEndpoint", "DeleteVpcEndpoints"})
THROTTLED = "RequestLimitExceeded"


@dataclass(frozen=True)
class Write:
    """A call of the guardrail's that changes something; `code` is None when it succeeded."""

    at: float
    function: str
    action: str
    form: dict[str, str]
    code: str | None
    before: Snapshot
    after: Snapshot
    made: frozenset[str]
    """The ids that were new by it: what the guardrail made."""
    begun: float | None = None
    """When the invocation began that made it; what happened since, it need not have seen."""

    @property
    def spends(self) -> bool:
        """Whether it took one of the account's endpoint writes."""
        return self.action in ENDPOINT_CALLS and self.code != THROTTLED

    @property
    def target(self) -> str:
        """The endpoint that it made or changed; empty when it failed to make one."""
        named = (v for k, v in self.form.items() if k.startswith("VpcEndpointId"))
        made = (i for i in sorted(self.made) if i.startswith("vpce-"))
        return next(named, None) or next(made, "")

    @property
    def vpc_id(self) -> str:
        """The VPC that it is about; empty when that is unknown."""
        ids = [self.target, *self.form.values()]
        known = (self.after.vpc_of(i) or self.before.vpc_of(i) for i in ids)
        return next((vpc_id for vpc_id in known if vpc_id), "")


@dataclass
class _Running:
    fate: Fate
    begun: float
    calls: int = 0


@dataclass
class Watch:
    """Stands around the guardrail's calls; `made` are the ids of all that it ever made."""

    timeline: Timeline
    told: Callable[[str], None]
    look: Callable[[], Any] = lambda: None
    """Returns moto's state; set once there is a region."""
    writes: list[Write] = field(default_factory=list)
    made: set[str] = field(default_factory=set)
    calls: int = 0
    _running: list[_Running] = field(default_factory=list)

    @contextmanager
    def invocation(self, fate: Fate) -> Iterator[None]:
        """Pause the calls of one invocation as its fate says; others may run inside of it."""
        self._running.append(_Running(fate, self.timeline.seconds))
        try:
            yield
        finally:
            self._running.pop()

    def around(self, access_key: str, body: bytes, serve: Callable[[], Answer]) -> Answer:
        """Serve a call of the guardrail's."""
        running = self._running[-1]
        if running.fate.pause and running.calls == running.fate.at:
            self.told(f"{access_key} pauses for {running.fate.pause:.0f} s")
            self.timeline.run(running.fate.pause)
        running.calls += 1
        self.calls += 1
        form = dict(parse_qsl(body.decode()))
        if form["Action"].startswith("Describe"):
            return serve()
        before = take(self.look())
        answer = serve()
        self._note(access_key, form, answer, before)
        return answer

    def _note(self, function: str, form: dict[str, str], answer: Answer, before: Snapshot) -> None:
        after = take(self.look())
        made = frozenset(after.things) - frozenset(before.things)
        self.made |= {i for i in made if not i.startswith("eni-")}
        code = _code(answer)
        moment, begun = self.timeline.seconds, self._running[-1].begun
        write = Write(moment, function, form["Action"], form, code, before, after, made, begun)
        self.writes.append(write)
        refused = f" is refused: {code}" if code else ""
        self.told(f"{function}: {write.action}({_told(form)}){refused}")


def _code(answer: Answer) -> str | None:
    status, parsed = answer
    return str(parsed["Error"]["Code"]) if status >= 300 else None


def _told(form: dict[str, str]) -> str:
    left_out = {"Action", "Version", "ClientToken", "PolicyDocument"}
    shown = [f"{k}={v}" for k, v in form.items() if k not in left_out and "Tag" not in k]
    return ", ".join(shown + ["PolicyDocument=..."] * ("PolicyDocument" in form))

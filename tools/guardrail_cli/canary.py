"""`sfn-guardrail canary`: loosens a managed endpoint harmlessly and watches it being put back.

What is let in is a role that does not exist, of an account that does not exist, so nobody gains
anything. The endpoint is left as it was found, unless somebody else changes it meanwhile or the
command is killed: then the guardrail puts it back as it would anything.
"""

from __future__ import annotations

import json
import secrets
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import typer

from guardrail.core.fights import WINDOW
from guardrail.core.policy import decide
from guardrail_cli.deployed import Deployed, reaching
from guardrail_cli.documents import UsageError
from guardrail_cli.history import Record, records

NOBODY = "000000000000"
"""No account has this id: account ids are given out by AWS and this one is used in examples."""

_SID = "SfnGuardrailCanary"
_LOOK_SECONDS = 0.5
_SLOWNESS = timedelta(seconds=2)
"""CloudTrail's times have whole seconds, and clocks differ a little."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds of one run: until the guardrail heard, until it wrote, until EC2 showed it."""

    heard: float
    wrote: float
    verified: float

    @property
    def total(self) -> float:
        """Seconds from the change to the verified write."""
        return self.heard + self.wrote + self.verified


@dataclass(frozen=True, slots=True)
class Canary:
    """Runs of one endpoint: each at most `patience` seconds, with `pause` seconds in between."""

    stack: Deployed
    endpoint_id: str
    patience: float
    pause: float
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def run(self, runs: int) -> Iterator[Latency | None]:
        """Yield the latencies of each run; None for one that was not put back in time."""
        for number in range(runs):
            if number:
                self.sleep(self.pause)
            yield self._once()

    def _once(self) -> Latency | None:
        before = self._policy()
        refuse_open(self.stack, self.endpoint_id, before)
        loosened = _loosened(before, self.stack)
        since = datetime.now(UTC) - _SLOWNESS
        try:
            self._write(loosened)
            return self._watch(since)
        finally:
            self._leave_as_found(before, since)

    def _leave_as_found(self, before: str, since: datetime) -> None:
        """Write the policy back unless it is there again, or is somebody else's by now."""
        now = self._policy()
        ours = (record["policy_after"] for record in self._reverts(since))
        if _SID in now or (not _same(now, before) and any(_same(now, one) for one in ours)):
            self._write(before)
        elif not _same(now, before):
            typer.echo(f"somebody changed {self.endpoint_id} meanwhile; it is left so", err=True)

    def _watch(self, since: datetime) -> Latency | None:
        deadline = self.clock() + self.patience
        while self.clock() < deadline:
            self.sleep(_LOOK_SECONDS)
            if done := self._put_back(since):
                return _latency(done)
        return None

    def _put_back(self, since: datetime) -> Record | None:
        """Return the record of what the guardrail has done since then, once it is complete."""
        if _SID in self._policy():
            return None
        complete = {"changed", "written", "verified"}
        return next((r for r in self._reverts(since) if complete <= r.keys()), None)

    def _reverts(self, since: datetime) -> list[Record]:
        """Return the records of what the guardrail put back of ours since then."""
        return [
            record
            for record in records(self.stack, self.endpoint_id)
            if _begun(record) >= since and _SID in record.get("policy_before", "")
        ]

    def _policy(self) -> str:
        return self.stack.endpoint(self.endpoint_id).get("PolicyDocument", "")

    def _write(self, policy: str) -> None:
        with reaching(f"writing the policy of {self.endpoint_id}"):
            self.stack.ec2.modify_vpc_endpoint(
                VpcEndpointId=self.endpoint_id, PolicyDocument=policy
            )


def fly(canary: Canary, runs: int, *, as_json: bool) -> int:
    """Run and print each latency and their distribution; 1 if one was not put back in time."""
    measured: list[Latency] = []
    for number, latency in enumerate(canary.run(runs), start=1):
        if latency is None:
            typer.echo(
                f"run {number}: not put back within {canary.patience:.0f} s; the endpoint has its"
                " former policy again. Look at the dead-letter queue (output DeadLetters), the rule"
                " of EndpointChange, and whether a trail logs management events.",
                err=True,
            )
            return 1
        measured.append(latency)
        if not as_json:
            typer.echo(f"run {number}: {_sentence(latency)}")
    typer.echo(json.dumps(_record(measured)) if as_json else _table(measured))
    return 0


def checked(stack: Deployed, endpoint_id: str, runs: int) -> int:
    """Return the number of runs; raises UsageError where they would open the breaker, or tell lies.

    What is open already would be put back because of that.
    """
    recent = datetime.now(UTC) - WINDOW
    past = sum(_begun(record) >= recent for record in records(stack, endpoint_id))
    most = stack.breaker_after - past
    if not 1 <= runs <= most:
        raise UsageError(
            f"--runs takes 1 to {max(most, 0)} now: {endpoint_id} was put back {past} times within"
            f" the last hour, and with more than {stack.breaker_after} (BreakerAfter) the guardrail"
            " spaces its reverts, which is not what is to be measured"
        )
    refuse_open(stack, endpoint_id, stack.endpoint(endpoint_id).get("PolicyDocument", ""))
    return runs


def refuse_open(stack: Deployed, endpoint_id: str, policy: str) -> None:
    """Raise UsageError for a policy that must not be given back after a run."""
    if not decide(policy, stack.baseline).contained:
        raise UsageError(f"{endpoint_id} is open already; have it put back first")


def _same(one: str, other: str) -> bool:
    """Whether two policies are the same but for their spacing."""
    return bool(json.loads(one) == json.loads(other))


def _begun(record: Record) -> datetime:
    return _moment(record["record"].partition("#")[0])


def _loosened(policy: str, stack: Deployed) -> str:
    """Return the policy with a statement that lets nobody in; raises UsageError if it fits in."""
    document = json.loads(policy)
    role = f"arn:{stack.partition}:iam::{NOBODY}:role/sfn-guardrail-canary-{secrets.token_hex(8)}"
    nobody = {
        "Sid": _SID,
        "Effect": "Allow",
        "Principal": "*",
        "Action": "states:ListStateMachines",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:PrincipalArn": role, "aws:PrincipalAccount": NOBODY}},
    }
    stated = document["Statement"]
    loose = [*(stated if isinstance(stated, list) else [stated]), nobody]
    text = json.dumps({**document, "Statement": loose})
    if decide(text, stack.baseline).contained:
        raise UsageError("the baseline lets this in already; there would be nothing to put back")
    return text


def _latency(record: Record) -> Latency:
    changed, written, verified = (
        _moment(record[name]) for name in ("changed", "written", "verified")
    )
    heard = _begun(record)
    # CloudTrail's time of the change is cut to whole seconds.
    return Latency(
        max(0.0, (heard - changed).total_seconds()),
        (written - heard).total_seconds(),
        (verified - written).total_seconds(),
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _sentence(one: Latency) -> str:
    return (
        f"heard after {one.heard:.1f} s, written {one.wrote:.1f} s later, seen {one.verified:.1f} s"
        f" later; {one.total:.1f} s in all"
    )


def _spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    ninth = ordered[min(len(ordered) - 1, round(0.9 * (len(ordered) - 1)))]
    return {
        "least": ordered[0],
        "median": statistics.median(ordered),
        "p90": ninth,
        "most": ordered[-1],
    }


def _columns(measured: list[Latency]) -> dict[str, list[float]]:
    return {
        "change to event": [one.heard for one in measured],
        "event to revert": [one.wrote for one in measured],
        "revert to verified": [one.verified for one in measured],
        "in all": [one.total for one in measured],
    }


def _record(measured: list[Latency]) -> dict[str, Any]:
    spread = {name: _spread(values) for name, values in _columns(measured).items()}
    return {"runs": len(measured), "seconds": spread}


def _table(measured: list[Latency]) -> str:
    lines = [f"{'seconds, ' + str(len(measured)) + ' runs':<20}   least  median     p90    most"]
    for name, values in _columns(measured).items():
        cells = "".join(f"{value:8.1f}" for value in _spread(values).values())
        lines.append(f"{name:<20}{cells}")
    return "\n".join(lines)

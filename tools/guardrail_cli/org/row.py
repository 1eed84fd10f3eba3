"""One line of `sfn-guardrail org status`: an account and region, and what is to be said of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from guardrail_cli.org.model import Instance
from guardrail_cli.org.told import Told

_WRONG = ("reported", "failed", "deferred", "waiting")
"""The outcomes of a sweep that leave something open; see docs/reference/reasons.md."""

PLAIN, UNCOVERED = "PLAIN", "UNCOVERED"
"""States of the management account, where a stack is deployed by hand or is not."""


@dataclass(frozen=True, slots=True)
class Row:
    """One account and region. `open` are VPCs in which the last sweep left something.

    `problem` says what is wrong with the stack or with reading it, and `late` with its sweeps, and
    what to do; `note` what is good to know; `sweep` is when the last one ended.
    """

    account: str
    region: str
    state: str
    version: str = ""
    mode: str = ""
    drift: str = ""
    sweep: str = ""
    open: int | None = None
    missing: int | None = None
    problem: str = ""
    late: str = ""
    note: str = ""

    @property
    def fine(self) -> bool:
        """Whether nobody has to look at it."""
        wrong = self.problem or self.late or self.missing or self.open or self.drift == "DRIFTED"
        return not wrong and self.state in {"CURRENT", PLAIN, UNCOVERED}

    def line(self) -> str:
        """Return it for a person."""
        found = "?" if self.open is None else str(self.open)
        swept = self.sweep[:16].replace("T", " ") or "never"
        head = (
            f"{self.account} {self.region:<14} {self.state:<10} {self.version or '?':<12}"
            f" {self.mode or '?':<11} {swept:<16} open {found:>3}"
        )
        more = [f"drift {self.drift}"] if self.drift == "DRIFTED" else []
        if self.missing:
            more.append(f"{self.missing} things it depends on are missing: see its log")
        more += [said for said in (self.late, self.problem, self.note) if said]
        return "\n".join([head, *(f"    {one}" for one in more)])


def row_of(stack: Instance, told: Told, problem: str = "", late: str = "", note: str = "") -> Row:
    """Return the row of a stack: what its account tells, and what is made of it."""
    totals: Mapping[str, Any] = json.loads(told.sweep.get("totals", "{}"))
    outcomes = totals.get("outcomes", {})
    return Row(
        *(stack.account, stack.region, stack.state),
        version=told.outputs.get("Version", ""),
        mode=told.parameters.get("Mode", ""),
        drift=stack.drift,
        sweep=told.sweep.get("at", ""),
        open=sum(outcomes.get(name, 0) for name in _WRONG) if told.sweep else None,
        missing=len(totals.get("missing", ())) if told.sweep else None,
        problem=problem,
        late=late,
        note=note,
    )


def as_json(row: Row) -> str:
    """Return it for a pipeline: one line."""
    return json.dumps(asdict(row))

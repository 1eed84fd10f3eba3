"""The processes of the member accounts, started when they are first needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Any, cast

from guardrail_sandbox.errors import SandboxError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

    Pipes = tuple[TextIO, TextIO]

_END_SECONDS = 15.0


class Member:
    """One account in one region."""

    def __init__(self, account: str, region: str, folder: Path) -> None:
        """Start it; `folder` is its own. Raises SandboxError with its last words."""
        self.account = account
        self.region = region
        self.artifact = folder / f"{account}-{region}"
        self.artifact.mkdir(parents=True)
        self._log = self.artifact.with_suffix(".log")
        self._known: set[str] = set()
        self._lock, self._knowing = threading.Lock(), threading.Lock()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "guardrail_sandbox", "member"),
                    *("--region", region, "--artifact", str(self.artifact)),
                ],
                env={**os.environ, "MOTO_ACCOUNT_ID": account},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # A Ctrl-C on the terminal is for the organisation, which then ends its members.
                start_new_session=True,
            )
        # Pipes both, as asked for above.
        self._input, self._output = cast("Pipes", (self._process.stdin, self._process.stdout))
        self.url = str(self._heard())

    def ask(self, do: str, **told: object) -> Any:  # noqa: ANN401  any JSON
        """Let it do something; raises SandboxError with what it says against it."""
        with self._lock:
            self._input.write(json.dumps({"do": do, **told}) + "\n")
            self._input.flush()
            return self._heard()

    def know(self, key: str, role: str, session: str, policies: list[str]) -> None:
        """Tell it once whose key this is."""
        with self._knowing:
            if key not in self._known:
                self.ask("know", key=key, role=role, session=session, policies=policies)
                self._known.add(key)

    def close(self) -> None:
        """End it."""
        self._input.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()

    def _heard(self) -> Any:  # noqa: ANN401  any JSON
        line = self._output.readline()
        if not line:
            said = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise SandboxError(f"account {self.account} in {self.region} has ended:\n{said}")
        answer = json.loads(line)
        if "error" in answer:
            raise SandboxError(answer["error"])
        return answer["answer"]


class Members:
    """Every account has every region; `folder` is where they may write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._members: dict[tuple[str, str], Member] = {}
        self._locks: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)

    def get(self, account: str, region: str) -> Member:
        """Return an account in a region, started if it is not yet."""
        place = account, region
        with self._locks[place]:
            if place not in self._members:
                self._members[place] = Member(account, region, self._folder)
            return self._members[place]

    def of(self, account: str) -> list[Member]:
        """Return the regions of an account that were needed so far."""
        return [member for place, member in list(self._members.items()) if place[0] == account]

    def close(self) -> None:
        """End all."""
        threads = [threading.Thread(target=one.close) for one in self._members.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

"""Plays the recorded calls of an infrastructure tool, as patiently as the tool."""

from __future__ import annotations

import re
import time

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from support.recording import Call, Recording, filled, outcome, refused, value_at

_REQUEST_ID = re.compile(r"<(requestId|RequestId)>[^<]*</\1>")
_PAUSE_SECONDS = 0.1


class Replay:
    """Asks an AWS at an address what the recording has, step by step, ids by those it gets.

    A call is repeated until it has the outcome that the tool went on with, for `patience`
    seconds; then an AssertionError tells what was answered instead.
    """

    def __init__(self, recording: Recording, url: str, patience: float = 30) -> None:
        self._recording = recording
        self._url = url
        self._patience = patience
        self._symbols: dict[str, str] = {}
        self._answered: dict[str, str] = {}
        self._session = URLLib3Session()

    def play(self, step: str) -> list[Call]:
        """Make the calls of a step; return those that were answered unlike the last time.

        Writes and new calls count as unlike.
        """
        return [call for call in self._recording.steps[step] if self._differs(call)]

    def _differs(self, call: Call) -> bool:
        form = {
            "Action": call.action,
            "Version": self._recording.versions[call.service],
            **{key: filled(value, self._symbols) for key, value in call.given.items()},
        }
        answer = self._answer(call, form)
        for symbol, path in call.binds.items():
            self._symbols[symbol] = value_at(answer, path)
        told = _REQUEST_ID.sub("", answer)
        asked = f"{call.service} {sorted(form.items())}"
        before = self._answered.get(asked)
        self._answered[asked] = told
        return not call.reads or told != before

    def _answer(self, call: Call, form: dict[str, str]) -> str:
        """Return the answer that the tool waited for."""
        until = time.monotonic() + self._patience
        while not _suits(answer := self._ask(call.service, form), call):
            expected = call.until or "success"
            assert time.monotonic() < until, f"{form}: {expected} expected, got {answer}"
            time.sleep(_PAUSE_SECONDS)
        return answer

    def _ask(self, service: str, form: dict[str, str]) -> str:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        request = AWSRequest("POST", f"{self._url}/", kind, form)
        credentials = Credentials("typed-by-hand", "sandbox")
        SigV4Auth(credentials, service, "us-east-1").add_auth(request)
        text: str = self._session.send(request.prepare()).text
        return text


def _suits(answer: str, call: Call) -> bool:
    return outcome(answer) == call.until if call.until else not refused(answer)

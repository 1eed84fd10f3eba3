"""What EC2 answered to a call: success or the error's code and message, and the request id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import NAMESPACE_URL, uuid4, uuid5
from xml.etree import ElementTree as ET

from guardrail_sandbox.trail.nested import local_name

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# AWS: Amazon EC2 API reference, "Error codes". CloudTrail counts RequestLimitExceeded
# among the client's errors although EC2 answers it with HTTP 503.
_SERVER_CODES: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "InsufficientAddressCapacity",
        "InsufficientCapacity",
        "InsufficientCapacityOnHost",
        "InsufficientHostCapacity",
        "InsufficientInstanceCapacity",
        "InsufficientReservedInstanceCapacity",
        "InsufficientVolumeCapacity",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "ServerInternal",
        "ServiceUnavailable",
        "Unavailable",
    }
)
_CLIENT_CODES: Final = frozenset({"RequestLimitExceeded"})


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP response; `status` is the WSGI status line."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def code(self) -> int:
        """The HTTP status; 500 when the status line is no number."""
        number = self.status[:3]
        return int(number) if number.isdecimal() else 500


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as CloudTrail names it: the code has the prefix `Client.` or `Server.`."""

    code: str
    message: str


CRASHED: Final = Answer("500 Internal Server Error", [], b"")


def parse(answer: Answer) -> ET.Element | None:
    """Return the answer's XML, or None when there is none (a crash answers in HTML)."""
    try:
        # The bytes come from the wrapped application, not from a client.
        return ET.fromstring(answer.body)  # noqa: S314
    except ET.ParseError:
        return None


def failure_of(answer: Answer, root: ET.Element | None) -> Failure | None:
    """Return the error that the answer states, or None for a success."""
    if answer.code < 400 and root is not None:
        return None
    code = _text(root, "Code") or ("InternalError" if answer.code >= 500 else "MalformedResponse")
    message = _text(root, "Message") or "An internal error has occurred"
    return Failure(f"{_side(code, answer.code)}.{code}", message)


def request_id_of(answer: Answer, root: ET.Element | None) -> str:
    """Return the request id that AWS would have given: always a UUID.

    moto puts a fixed word into its answers and a random one into a header; the id is
    derived from the latter then, so equal answers have equal ids.
    """
    header = next((v for name, v in answer.headers if name.lower() == "x-amzn-requestid"), "")
    given = (_text(root, "requestId"), _text(root, "RequestID"), header)
    known = next((text for text in given if _UUID.fullmatch(text)), None)
    return known or str(uuid5(NAMESPACE_URL, header) if header else uuid4())


def _side(code: str, status: int) -> str:
    server = code in _SERVER_CODES or (status >= 500 and code not in _CLIENT_CODES)
    return "Server" if server else "Client"


def _text(root: ET.Element | None, name: str) -> str:
    return next((element.text or "" for element in _named(root, name)), "")


def _named(root: ET.Element | None, name: str) -> Iterator[ET.Element]:
    if root is not None:
        yield from (element for element in root.iter() if local_name(element) == name)

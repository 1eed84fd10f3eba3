"""Typed condition values: numbers, dates, addresses, booleans and binary data.

What cannot be read as the operator's type is unsupported: AWS documents no meaning for it.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta, timezone

from guardrail.core.policy.document import Block, Family, Ratio
from guardrail.core.policy.problems import unsupported

_NUMBER = re.compile(r"([+-]?)([0-9]{1,40})(?:\.([0-9]{1,20}))?")
_DATE = re.compile(
    r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?)?",
    re.IGNORECASE,
)
_EPOCH = re.compile(r"-?[0-9]{5,12}")
_OCTETS = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}")
_GROUP = re.compile(r"[0-9a-fA-F]{1,4}")
_EPOCH_START = datetime(1970, 1, 1, tzinfo=UTC)


def read_value(raw: str, family: Family, pointer: str) -> Ratio | Block | bool | str:
    """Return the value of a typed operator; `DocumentError` (unsupported) when it has none."""
    match family:
        case Family.NUMBER:
            value: Ratio | Block | bool | str | None = number(raw)
        case Family.DATE:
            value = moment(raw)
        case Family.ADDRESS:
            value = block(raw)
        case Family.BOOLEAN | Family.NULL:
            value = {"true": True, "false": False}.get(raw.lower())
        case Family.BINARY:
            value = binary(raw)
        case Family.STRING:
            value = raw
    if value is None:
        raise unsupported(f"{raw!r} is no {family} value", pointer)
    return value


def number(raw: str) -> Ratio | None:
    """Return a decimal number as an exact fraction."""
    match = _NUMBER.fullmatch(raw)
    if not match:
        return None
    sign, whole, decimals = match.groups()
    scale = len((decimals or "").rstrip("0"))
    digits = int(whole + (decimals or "")[:scale])
    return reduced(-digits if sign == "-" else digits, 10**scale)


def reduced(numerator: int, denominator: int) -> Ratio:
    """Return the fraction in lowest decimal terms: equal values are equal tuples."""
    while denominator > 1 and numerator % 10 == 0:
        numerator //= 10
        denominator //= 10
    return (numerator, denominator)


def moment(raw: str) -> Ratio | None:
    """Return a date as seconds since 1970: ISO 8601 (no offset means UTC) or epoch seconds."""
    if _EPOCH.fullmatch(raw):
        return (int(raw), 1)
    match = _DATE.fullmatch(raw)
    if not match:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        date = datetime(
            int(year),
            int(month),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            tzinfo=_zone(zone),
        )
        seconds = int((date - _EPOCH_START).total_seconds())
    except (ValueError, OverflowError):
        return None
    scale = 10 ** len(fraction or "")
    return reduced(seconds * scale + int(fraction or 0), scale)


def _zone(zone: str | None) -> timezone:
    if zone is None or zone in "Zz":
        return UTC
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if minutes > 59:
        raise ValueError(zone)
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if zone[0] == "-" else offset)


def block(raw: str) -> Block | None:
    """Return an address or a CIDR range; bits beyond the prefix are ignored."""
    address, slash, prefix = raw.partition("/")
    parsed = _ipv4(address) if "." in address and ":" not in address else _ipv6(address)
    if parsed is None:
        return None
    version, bits, value = parsed
    if slash and not (prefix.isascii() and prefix.isdigit() and len(prefix) <= 3):
        return None
    length = int(prefix) if slash else bits
    if length > bits:
        return None
    size = 1 << (bits - length)
    first = value & ~(size - 1)
    return Block(version, first, first + size - 1)


def _ipv4(address: str) -> tuple[int, int, int] | None:
    if not _OCTETS.fullmatch(address):
        return None
    octets = [int(part) for part in address.split(".")]
    if max(octets) > 255:
        return None
    return 4, 32, int.from_bytes(octets, "big")


def _ipv6(address: str) -> tuple[int, int, int] | None:
    head, gap, tail = address.partition("::")
    left = _groups(head)
    right = _groups(tail)
    if left is None or right is None or "::" in tail or (gap and "." in head):
        return None
    missing = 8 - len(left) - len(right)
    if missing < 1 if gap else missing != 0:
        return None
    value = 0
    for group in (*left, *([0] * missing), *right):
        value = value << 16 | group
    return 6, 128, value


def _groups(text: str) -> list[int] | None:
    if not text:
        return []
    groups: list[int] = []
    *front, last = text.split(":")
    for part in front:
        if not _GROUP.fullmatch(part):
            return None
        groups.append(int(part, 16))
    if "." in last:
        parsed = _ipv4(last)
        return None if parsed is None else [*groups, parsed[2] >> 16, parsed[2] & 0xFFFF]
    return [*groups, int(last, 16)] if _GROUP.fullmatch(last) else None


def binary(raw: str) -> str | None:
    """Base64 text in its canonical spelling."""
    try:
        return base64.b64encode(base64.b64decode(raw, validate=True)).decode()
    except (binascii.Error, ValueError):
        return None

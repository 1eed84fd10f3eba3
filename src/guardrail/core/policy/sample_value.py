"""Sample values of typed keys, as a request would carry them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guardrail.core.policy.document import Ratio


def between(low: Ratio | None, high: Ratio | None) -> Ratio:
    """Return a value strictly between two others, whole where there is room; none is unbounded."""
    if low is None:
        return (0, 1) if high is None else (_ceiling(high) - 1, 1)
    whole = low[0] // low[1] + 1
    if high is None or whole * high[1] < high[0]:
        return (whole, 1)
    return _middle(low, high)


def _ceiling(value: Ratio) -> int:
    return -(-value[0] // value[1])


def _middle(low: Ratio, high: Ratio) -> Ratio:
    scale = max(low[1], high[1])
    total = low[0] * (scale // low[1]) + high[0] * (scale // high[1])
    return (total * 5, scale * 10)


def number_text(value: Ratio) -> str:
    """Return the decimal spelling; denominators are powers of ten."""
    numerator, denominator = value
    if denominator == 1:
        return str(numerator)
    places = len(str(denominator)) - 1
    whole, rest = divmod(abs(numerator), denominator)
    sign = "-" if numerator < 0 else ""
    return f"{sign}{whole}.{rest:0{places}d}".rstrip("0")


def date_text(value: Ratio) -> str:
    """ISO 8601 in UTC, or epoch seconds where the calendar ends."""
    seconds, rest = divmod(value[0], value[1])
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError:
        return str(seconds)
    fraction = f".{rest:0{len(str(value[1])) - 1}d}".rstrip("0") if rest else ""
    return f"{moment.replace(tzinfo=None).isoformat()}{fraction}Z"


def address_text(version: int, value: int) -> str:
    """Return an address in its plain spelling."""
    if version == 4:
        return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))
    return ":".join(f"{value >> shift & 0xFFFF:x}" for shift in range(112, -1, -16))

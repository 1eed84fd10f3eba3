"""Typed condition values as they are read and shown."""

from __future__ import annotations

import pytest

from guardrail.core.policy.read_value import binary, block, moment, number
from guardrail.core.policy.sample_value import address_text, between, date_text, number_text


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("5", (5, 1)),
        ("5.0", (5, 1)),
        ("-0.50", (-5, 10)),
        ("+3", (3, 1)),
        ("", None),
        ("1e3", None),
        ("0x1", None),
        ("٣", None),
        ("9" * 41, None),
    ],
)
def test_numbers_are_exact(raw: str, value: tuple[int, int] | None) -> None:
    """Decimal numbers become exact fractions; anything else is refused."""
    assert number(raw) == value


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        ("1970-01-01T00:00:01Z", (1, 1)),
        ("1970-01-01T01:00:00+01:00", (0, 1)),
        ("1970-01-01", (0, 1)),
        ("1970-02", (2678400, 1)),
        ("1970-01-01T00:00:00.25Z", (25, 100)),
        ("86400", (86400, 1)),
        ("1970-13-01", None),
        ("1970-02-30", None),
        ("yesterday", None),
        ("1970-01-01T00:00:00+01:99", None),
    ],
)
def test_dates_are_seconds(raw: str, seconds: tuple[int, int] | None) -> None:
    """ISO 8601 and epoch seconds become seconds since 1970; anything else is refused."""
    assert moment(raw) == seconds


@pytest.mark.parametrize(
    ("raw", "size"),
    [
        ("10.0.0.0/8", 1 << 24),
        ("10.1.2.3", 1),
        ("::/0", 1 << 128),
        ("2001:db8::1", 1),
        ("::ffff:10.0.0.1", 1),
        ("1:2:3:4:5:6:7:8/128", 1),
        ("10.0.0.256", None),
        ("10.0.0", None),
        ("010.0.0.1", None),
        ("10.0.0.0/33", None),
        ("10.0.0.0/", None),
        ("1::2::3", None),
        ("1:2:3:4:5:6:7:8:9", None),
        ("12345::", None),
        ("", None),
    ],
)
def test_addresses_are_ranges(raw: str, size: int | None) -> None:
    """Blocks of both versions become ranges; anything else is refused."""
    parsed = block(raw)
    assert (None if parsed is None else parsed.last - parsed.first + 1) == size


@pytest.mark.parametrize(("raw", "text"), [("QUJD", "QUJD"), ("QUJ", None), ("é", None)])
def test_binary_values_are_base64(raw: str, text: str | None) -> None:
    """Base64 is read strictly."""
    assert binary(raw) == text


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (None, None),
        (None, (5, 1)),
        ((5, 1), None),
        ((5, 1), (6, 1)),
        ((5, 1), (9, 1)),
        ((-15, 10), (-14, 10)),
        ((1, 10), (11, 100)),
    ],
)
def test_a_sample_lies_strictly_between(
    low: tuple[int, int] | None, high: tuple[int, int] | None
) -> None:
    """The value between two others differs from both, and survives being written and read."""
    middle = between(low, high)
    assert low is None or low[0] * middle[1] < middle[0] * low[1]
    assert high is None or middle[0] * high[1] < high[0] * middle[1]
    again = number(number_text(middle))
    assert again is not None
    assert again[0] * middle[1] == middle[0] * again[1]


@pytest.mark.parametrize("seconds", [(0, 1), (25, 100), (-86400, 1), (1798761600, 1)])
def test_dates_survive_being_written(seconds: tuple[int, int]) -> None:
    """A date in a witness reads back as the same moment."""
    assert moment(date_text(seconds)) == seconds


@pytest.mark.parametrize(("version", "value"), [(4, 0), (4, 167837955), (6, 0), (6, 1 << 127)])
def test_addresses_survive_being_written(version: int, value: int) -> None:
    """An address in a witness reads back as the same address."""
    parsed = block(address_text(version, value))
    assert parsed is not None
    assert tuple(parsed) == (version, value, value)

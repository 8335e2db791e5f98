"""The ``Retry-After`` header."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pusher_client.protocol.retry_after import parse_retry_after

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("999999999", 999999999.0),
        ("Fri, 02 Jan 2026 03:04:35 GMT", 30.0),
        ("Fri, 02 Jan 2026 04:04:35 +0100", 30.0),
        ("Fri, 02 Jan 2026 03:04:35 -0000", 30.0),
        ("Fri, 02 Jan 2026 03:04:00 GMT", 0.0),
        ("Friday, 02-Jan-26 03:04:35 GMT", 30.0),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("1e9", None),
        ("٣", None),
        ("9" * 400, None),
        ("soon", None),
        ("inf", None),
        ("Fri, 99 Jan 2026 03:04:35 GMT", None),
        ("Fri, 02 Jan 99999999999999999999 03:04:35 GMT", None),
        ("5, 10", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    """Retry-After is seconds or a date, never negative; nonsense counts as none (6.5, R3)."""
    assert parse_retry_after(value, NOW) == seconds


@given(st.text() | st.text("0123456789:, GMTFriJan+-."))
def test_no_header_breaks_the_reading(value: str) -> None:
    """Whatever a server writes into Retry-After, it is read or ignored (R8)."""
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or seconds >= 0

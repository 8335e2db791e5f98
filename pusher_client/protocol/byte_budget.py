"""One allowance of bytes for all queues and backlogs of a client, and what data costs of it (promise R6).

What JSON text takes in memory once it is decoded is estimated from counts of the characters that make values, because
counting in C costs next to nothing. The estimate is never less than what CPython allocates, and for usual data not more
than three times that. A test measures both.
"""

from __future__ import annotations

from typing import cast

import msgspec

__all__ = ["ByteBudget", "data_bytes", "decoded_bytes", "flat_object_bytes", "text_bytes", "value_bytes"]

_BYTES_PER_WIDE_CHARACTER = 4
_BYTES_PER_VALUE = 88
"""A value behind a comma: a short string and its place in a list."""
_BYTES_PER_KEY = 112
"""A short key that no other object shares, and its place in a table that has just grown."""
_BYTES_PER_OBJECT = 192
_BYTES_PER_ARRAY = 136
"""An object or array that is not empty, with its first value."""

_encode = msgspec.json.Encoder().encode


def text_bytes(text: str) -> int:
    """Return how many bytes a text may take in memory; one wide character makes all of them wide."""
    return len(text) if text.isascii() else len(text) * _BYTES_PER_WIDE_CHARACTER


def decoded_bytes(text: str) -> int:
    """Return how many bytes JSON text may take once it is decoded."""
    return text_bytes(text) + _values_bytes(text)


def data_bytes(text: str) -> int:
    """Return how many bytes a text and what it was decoded to may take together."""
    return 2 * text_bytes(text) + _values_bytes(text)


def flat_object_bytes(text: str, values: int) -> int:
    """Return the same for ASCII text of one object with this many values, none of which is an object or array."""
    return 2 * len(text) + _BYTES_PER_OBJECT - _BYTES_PER_VALUE + (_BYTES_PER_KEY + _BYTES_PER_VALUE) * values


def _values_bytes(text: str) -> int:
    objects, arrays = text.count("{"), text.count("[")
    if not (objects or arrays):
        return 0
    keys = text.count(":") if objects else 0
    values = _BYTES_PER_VALUE * text.count(",") + _BYTES_PER_KEY * keys
    return values + _BYTES_PER_OBJECT * objects + _BYTES_PER_ARRAY * arrays


def value_bytes(value: object) -> int:
    """Return how many bytes what was decoded from JSON may take, where its text is not at hand."""
    if value is None:
        return 0
    try:
        text = _encode(value)
    except RecursionError:
        return _deep_value_bytes(value)
    except (TypeError, ValueError):
        return 0  # made by this library, and small
    return decoded_bytes(text.decode())


def _deep_value_bytes(value: object) -> int:
    size, left = 0, [value]
    while left:
        part = left.pop()
        if isinstance(part, str):
            size += _BYTES_PER_VALUE + text_bytes(part)
        elif isinstance(part, dict):
            members = cast("dict[str, object]", part)
            size += _BYTES_PER_OBJECT + _BYTES_PER_KEY * len(members)
            left += (*members, *members.values())
        elif isinstance(part, list):
            items = cast("list[object]", part)
            size += _BYTES_PER_ARRAY + _BYTES_PER_VALUE * len(items)
            left += items
    return size


class ByteBudget:
    """An allowance of bytes, which queues take from and give back to.

    Args:
        limit: Bytes that may be taken at any time.
    """

    __slots__ = ("limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit: int = limit
        self.used: int = 0

    def take(self, size: int) -> bool:
        """Take ``size`` bytes and return True, or take nothing and return False when they would exceed the limit."""
        if self.used + size > self.limit:
            return False
        self.used += size
        return True

    def give(self, size: int) -> None:
        """Give back what was taken."""
        self.used -= size

"""One allowance of bytes for all queues and backlogs of a client (promise R6)."""

from __future__ import annotations

from typing import cast

__all__ = ["BYTES_PER_VALUE", "ByteBudget", "data_bytes", "text_bytes", "value_bytes"]

_BYTES_PER_WIDE_CHARACTER = 4
BYTES_PER_VALUE = 64


def text_bytes(text: str) -> int:
    """Return how many bytes a text may take in memory; one wide character makes all of them wide."""
    return len(text) if text.isascii() else len(text) * _BYTES_PER_WIDE_CHARACTER


def data_bytes(text: str) -> int:
    """Return how many bytes a text and what it was decoded to may take; many small values are larger in memory."""
    values = text.count(",") + text.count("[") + text.count("{")
    return 2 * text_bytes(text) + BYTES_PER_VALUE * values


def value_bytes(value: object) -> int:
    """Return how many bytes what was decoded from JSON may take, however deep it is; a lone number takes next to none.

    For what is no longer beside its text; `data_bytes` is faster.
    """
    size, left = 0, [value]
    while left:
        part = left.pop()
        if isinstance(part, str):
            size += text_bytes(part)
        elif isinstance(part, dict):
            members = cast("dict[object, object]", part)
            size += BYTES_PER_VALUE * (1 + len(members))
            left += (*members, *members.values())
        elif isinstance(part, list):
            items = cast("list[object]", part)
            size += BYTES_PER_VALUE * (1 + len(items))
            left += items
    return size


class ByteBudget:
    """An allowance that queues take from and give back to.

    Args:
        limit: How many bytes may be taken at any moment.
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

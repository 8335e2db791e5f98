"""The queue of events that wait for a key, bounded by count and by bytes (promise R6)."""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from pusher_client.events import Event
from pusher_client.protocol.byte_budget import ByteBudget, data_bytes, text_bytes

__all__ = ["Backlog", "Held"]

_OVERHEAD_BYTES = 512


class Held(msgspec.Struct, kw_only=True):
    """An event in the queue: decided when ``event`` is there, else still sealed.

    ``arrived`` is when it came, if it is sealed: a decided one waits for those before it only. ``asked`` tells whether
    a request that started after the event came, or runs for it, may bring its key; ``application`` whether the
    channel's counts know it.
    """

    name: str
    raw: str
    arrived: float = 0.0
    event: Event | None = None
    nonce: bytes = b""
    ciphertext: bytes = b""
    asked: bool = False
    application: bool = True
    size: int = 0


# What all channels have that wait for nothing, and nobody fills: even an empty deque takes 760 bytes.
_NOTHING: Final[deque[Held]] = deque()


class Backlog:
    """First in, first out.

    Args:
        limit: How many events may wait.
        budget: The client's allowance of bytes.

    Attributes:
        items: What waits, in order; to be read by others.
    """

    __slots__ = ("_budget", "_limit", "items")

    def __init__(self, limit: int, budget: ByteBudget) -> None:
        self._limit = limit
        self._budget = budget
        self.items: deque[Held] = _NOTHING

    def __len__(self) -> int:
        return len(self.items)

    @property
    def head(self) -> Held:
        """The event that came first."""
        return self.items[0]

    def append(self, item: Held) -> bool:
        """Queue an event; return False when it went beyond what may wait, so that waiting has to end now."""
        # Twice the data: as it came, and as it was decoded from base64 or opened.
        size = _OVERHEAD_BYTES + text_bytes(item.name) + 2 * text_bytes(item.raw)
        if item.event is not None:
            size += data_bytes(item.event.raw)
        fits = len(self.items) < self._limit and self._budget.take(size)
        item.size = size if fits else 0
        if self.items is _NOTHING:
            self.items = deque()
        self.items.append(item)
        return fits

    def pop(self) -> Held:
        """Take the event that came first."""
        item = self.items.popleft()
        self._budget.give(item.size)
        if not self.items:
            self.items = _NOTHING
        return item

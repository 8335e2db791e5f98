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
    """A queued event. It is decided when ``event`` is set, and otherwise still sealed.

    Attributes:
        name: The event's name.
        raw: The data as received.
        arrived: When a sealed event was received; unused for a decided one, which waits only for those before it.
        event: What is to be delivered, once that is known.
        nonce: The nonce of a sealed event.
        ciphertext: The ciphertext of a sealed event.
        requested: Whether an authorization request that started after the event arrived may bring its key.
        application: Whether the channel's counts include it.
        size: Bytes taken from the budget.
    """

    name: str
    raw: str
    arrived: float = 0.0
    event: Event | None = None
    nonce: bytes = b""
    ciphertext: bytes = b""
    requested: bool = False
    application: bool = True
    size: int = 0


# Shared by all empty backlogs and never filled, because even an empty deque takes 760 bytes.
_NOTHING: Final[deque[Held]] = deque()


class Backlog:
    """A queue, first in, first out.

    Args:
        limit: How many events may wait.
        budget: The client's allowance of bytes.

    Attributes:
        items: The queued events in order; read-only for others.
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

"""The queue of events that wait for a key, bounded by count and by bytes (promise R6), and their release."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from pusher_client.events import DecryptionFailureReason, Event
from pusher_client.protocol.byte_budget import ByteBudget, data_bytes, text_bytes
from pusher_client.protocol.output_queue import EventSource

__all__ = ["Backlog", "Held", "ReleasedEvents"]

_OVERHEAD_BYTES = 512


class Held(msgspec.Struct, kw_only=True):
    """A queued event. It is decided once ``event`` or ``plaintext`` is set, and sealed before that.

    Attributes:
        name: The event's name.
        raw: The data as received.
        arrived: When a sealed event was received; unused for a decided one, which waits only for those before it.
        event: What is to be delivered, if that is known without decoding.
        plaintext: What was sealed, once a key opened it. It is decoded when the event is delivered.
        nonce: The nonce of a sealed event.
        ciphertext: The ciphertext of a sealed event, or of an opened one its tag alone.
        reason: Why the event cannot be opened; set when it is released sealed.
        requested: Whether an authorization request that started after the event arrived may bring its key.
        application: Whether the channel's counts include it.
        size: Bytes taken from the budget.
    """

    name: str
    raw: str
    arrived: float = 0.0
    event: Event | None = None
    plaintext: bytes | None = None
    nonce: bytes = b""
    ciphertext: bytes = b""
    reason: DecryptionFailureReason = DecryptionFailureReason.WRONG_KEY
    requested: bool = False
    application: bool = True
    size: int = 0

    @property
    def decided(self) -> bool:
        """Whether it is known what is to be delivered."""
        return self.event is not None or self.plaintext is not None


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
        """The event that was queued first."""
        return self.items[0]

    def append(self, item: Held) -> bool:
        """Queue an event. Return False if a limit is exceeded: the event is queued, but waiting has to end now."""
        # Twice the data: as received, and as decoded from base64 or opened.
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
        """Take the first event. Its bytes stay taken from the budget until `free` is called."""
        item = self.items.popleft()
        if not self.items:
            self.items = _NOTHING
        return item

    def free(self, item: Held) -> None:
        """Give the bytes of an event back to the budget."""
        self._budget.give(item.size)


class ReleasedEvents(EventSource):
    """Events that have left a backlog, made into events one at a time, as they are delivered.

    Args:
        channel: The channel's name.
        items: The events in order.
        free: Called with each of them when it is taken or dropped.
        make_event: Makes the event to be delivered.
    """

    __slots__ = ("_free", "_items", "_make_event")

    def __init__(
        self, channel: str, items: deque[Held], free: Callable[[Held], None], make_event: Callable[[Held], Event]
    ) -> None:
        super().__init__(channel)
        self._items = items
        self._free = free
        self._make_event = make_event

    def next_event(self) -> Event | None:
        """Make the next event; return None when there are no more."""
        if not self._items:
            return None
        item = self._items.popleft()
        self._free(item)
        return self._make_event(item)

    def discard(self) -> int:
        """Drop the remaining events, and return how many of them the channel's counts include as received."""
        dropped = 0
        while self._items:
            item = self._items.popleft()
            self._free(item)
            dropped += item.application
        return dropped

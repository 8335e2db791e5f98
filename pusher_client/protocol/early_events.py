"""Application events that arrive between a subscribe frame and its acknowledgement (protocol-notes 5.3).

A server that shares its channels with others may have subscribed the channel before it answers; soketi with Redis does.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from pusher_client.events import OVERFLOW, Event, Overflow
from pusher_client.protocol.byte_budget import ByteBudget, data_bytes, text_bytes
from pusher_client.protocol.event_counts import EventCounts
from pusher_client.protocol.frames import Frame, decode_data
from pusher_client.protocol.output_queue import EventSource

__all__ = ["EarlyEvents"]

_OVERHEAD_BYTES: Final = 512


class EarlyEvents(EventSource):
    """The early events of one channel, bounded by count and by bytes (promise R6).

    They count as received. After the acknowledgement they are a burst of events of a channel that is not encrypted;
    `take` hands over the frames of an encrypted one. Events beyond the bounds count as dropped, and one
    ``pusher:overflow`` stands behind the burst.

    Args:
        channel: The channel's name.
        limit: Maximum number of events.
        budget: The client's allowance of bytes.
        counts: The channel's counts.
    """

    __slots__ = ("_budget", "_counts", "_frames", "_limit", "_refused")

    def __init__(self, channel: str, limit: int, budget: ByteBudget, counts: EventCounts) -> None:
        super().__init__(channel)
        self._limit = limit
        self._budget = budget
        self._counts = counts
        self._frames: deque[tuple[Frame, int]] = deque()
        self._refused = 0

    def __len__(self) -> int:
        return len(self._frames)

    def hold(self, frame: Frame) -> None:
        """Hold an application event, or count it as dropped when a bound is reached."""
        self._counts.received += 1
        size = _OVERHEAD_BYTES + text_bytes(frame.event) + data_bytes(frame.data or "")
        # After the first loss all are refused, so that the overflow stands at its place.
        if self._refused or len(self._frames) >= self._limit or not self._budget.take(size):
            self._refused += 1
            self._counts.dropped += 1
        else:
            self._frames.append((frame, size))

    def take(self) -> Frame | None:
        """Return the next frame, which its receiver counts as received once more; None when there are no more."""
        if not self._frames:
            return None
        frame, size = self._frames.popleft()
        self._budget.give(size)
        self._counts.received -= 1
        return frame

    def overflow(self) -> Event | None:
        """Return the event that marks what was refused, once; None if nothing was."""
        refused, self._refused = self._refused, 0
        return Event(OVERFLOW, self.channel, Overflow(self.channel, refused)) if refused else None

    def next_event(self) -> Event | None:
        """Make the next event; return None when there are no more."""
        if not self._frames:
            return self.overflow()
        frame, size = self._frames.popleft()
        self._budget.give(size)
        return Event(frame.event, self.channel, decode_data(frame.data), frame.user_id, frame.data or "")

    def discard(self) -> int:
        """Drop the remaining events, and return their number."""
        dropped = len(self._frames)
        for _, size in self._frames:
            self._budget.give(size)
        self._frames.clear()
        self._refused = 0
        return dropped

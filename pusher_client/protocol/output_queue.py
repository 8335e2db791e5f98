"""The outputs that the driver has not carried out yet, among them bursts whose events are made one at a time.

One input can release many events: those that waited for a key, or the members that changed during an outage. Such a
burst is one entry of the queue. Each of its events is made when the driver takes it, so the driver can let the event
loop run in between. Everything emitted later stays behind the burst (design.md 10, promise R4).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TypeAlias

from pusher_client.events import Event
from pusher_client.protocol.event_counts import is_counted
from pusher_client.protocol.outputs import Deliver, GapFound, Output

_MOST_BEHIND = 1000
"""Outputs that may wait behind a burst until it is no longer handed out at the readers' pace (promise R6)."""

__all__ = ["Emitted", "EventSource", "OutputQueue"]


class EventSource:
    """A burst of events of one channel.

    Args:
        channel: The channel's name.
    """

    __slots__ = ("channel",)

    def __init__(self, channel: str) -> None:
        self.channel: str = channel

    def next_event(self) -> Event | None:
        """Make the next event; return None when there are no more."""
        raise NotImplementedError

    def discard(self) -> int:
        """Drop the remaining events, and return how many of them the channel's counts include as received."""
        raise NotImplementedError


Emitted: TypeAlias = Output | EventSource
"""What the core's parts emit."""


class OutputQueue(deque[Emitted]):
    """A queue of outputs, first in, first out."""

    @property
    def pausable(self) -> bool:
        """Whether the next event is one of a burst, and not so much waits behind the burst that it should end soon."""
        return bool(self) and isinstance(self[0], EventSource) and len(self) <= _MOST_BEHIND

    def drain(self) -> Iterator[Output]:
        """Yield the outputs in order, including those added meanwhile. What is not taken stays in the queue."""
        while self:
            entry = self.popleft()
            if not isinstance(entry, EventSource):
                yield entry
                continue
            event = entry.next_event()
            if event is not None:
                self.appendleft(entry)
                yield Deliver(event)

    def discard(self, channel: str) -> int:
        """Remove the events and gaps of a channel; return how many events its counts include as received."""
        dropped = 0
        kept: list[Emitted] = []
        for entry in self:
            if isinstance(entry, EventSource) and entry.channel == channel:
                dropped += entry.discard()
            elif isinstance(entry, Deliver) and entry.event.channel == channel:
                dropped += is_counted(entry.event.name)
            elif not (isinstance(entry, GapFound) and entry.channel == channel):
                kept.append(entry)
        self.clear()
        self.extend(kept)
        return dropped

"""Sums of the event counts of all channels of a client."""

from __future__ import annotations

from collections import deque
from weakref import ref

from pusher_client.protocol.event_counts import EventCounts

__all__ = ["Totals"]


class Totals:
    """Sums the event counts of channels, also of those that no longer exist; keeps no channel alive.

    A channel may be garbage-collected at any time and in any thread. That only appends to a queue.
    """

    __slots__ = ("_counts", "_gone", "_retired")

    def __init__(self) -> None:
        self._counts: dict[ref[object], EventCounts] = {}
        self._gone: deque[ref[object]] = deque()
        self._retired = EventCounts()

    def watch(self, owner: object, counts: EventCounts) -> None:
        """Add these counts to the sum, and keep adding them after the owner is garbage-collected."""
        self._retire()
        self._counts[ref(owner, self._gone.append)] = counts

    def sum(self) -> EventCounts:
        """Return the current sums."""
        self._retire()
        total = EventCounts()
        for counts in (self._retired, *self._counts.values()):
            total.add(counts)
        return total

    def _retire(self) -> None:
        while self._gone:
            self._retired.add(self._counts.pop(self._gone.popleft()))
